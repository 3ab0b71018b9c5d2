// Reads the space of an experiment. Private to this folder.
#pragma once

#include <toml++/toml.h>

#include "nas/space/space.h"

namespace paretiny::experiment {

/// The tables [space.<key>] of `root`; an empty space when there are none. Throws UsageError with
/// file, line and key.
space::Space read_space(const toml::table& root);

}  // namespace paretiny::experiment

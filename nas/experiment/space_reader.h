// Reads the space of an experiment. Private to this folder.
#pragma once

#include <toml++/toml.h>

#include "nas/space/space.h"

namespace paretiny {

/// The tables [space.<key>] of `root`; an empty space when there are none. Throws UsageError with
/// file, line and key.
Space read_space(const toml::table& root);

}  // namespace paretiny

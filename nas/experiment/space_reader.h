// Reads the space of an experiment.
#pragma once

#include <toml++/toml.h>

#include "nas/space/space.h"

namespace paretiny::experiment {

/// "0.9", "8", "true" as what they are in TOML, anything else as a name.
space::Value parse_choice(const std::string& text);

/// The tables [space.<key>] of `root`; an empty space when there are none. A condition on a key
/// that is not searched is held against the key's value in `root`. Throws UsageError with file,
/// line and key.
space::Space read_space(const toml::table& root);

}  // namespace paretiny::experiment

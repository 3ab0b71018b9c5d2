// A rule of stopping as text by key, as a study records it of its runs.
#pragma once

#include <map>
#include <string>

#include "nas/stopping/stop_spec.h"

namespace paretiny::stopping {

/// "stop" and, unless it is off, the constants that its method has: "stop_alpha", ...
std::map<std::string, std::string> settings_of(const StopSpec& spec);

/// The rule that settings tell; other keys are left alone, and what is missing is the default.
/// Throws DataError for a value that no rule has.
StopSpec stop_spec_of(const std::map<std::string, std::string>& settings);

}  // namespace paretiny::stopping

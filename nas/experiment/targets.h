// Boards by name: those that come with the program and those of a user's file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/deploy/plan/target.h"

namespace paretiny::experiment {

/// The target of that name: a board of `file` (where it is not empty), a board of ours, or a core
/// without limits ("cortex-m4", "m4"). Throws UsageError naming the nearest, or the file, line and
/// key that is wrong; DataError for a file that cannot be read.
deploy::Target find_target(const std::string& name, const std::filesystem::path& file = {});

}  // namespace paretiny::experiment

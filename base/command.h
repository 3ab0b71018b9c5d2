// Running other people's programs.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"

namespace paretiny {

struct CommandResult {
  int code = 0;        ///< exit code; 128 + signal for a death; 124 when time ran out
  std::string output;  ///< standard output and error as they came
};

/// A program that is not on PATH.
class MissingTool : public ToolError {
  using ToolError::ToolError;
};

/// Runs `arguments[0]`, found on PATH, in `folder` and waits; no shell is involved. A stop request
/// ends it, and what it started. Throws MissingTool, naming `package` to install, and Interrupted.
[[nodiscard]] CommandResult run_command(const std::vector<std::string>& arguments,
                                        const std::filesystem::path& folder,
                                        const std::string& package, std::stop_token stop = {},
                                        std::chrono::seconds limit = std::chrono::seconds(300));

/// Whether PATH has a program of that name.
bool has_command(const std::string& name);

}  // namespace paretiny

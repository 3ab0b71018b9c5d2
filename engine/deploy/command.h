// Running other people's programs.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace paretiny {

struct CommandResult {
  int code = 0;        ///< exit code; 128 + signal for a death; 124 when time ran out
  std::string output;  ///< standard output and error as they came
};

/// Runs `arguments[0]`, found on PATH, in `folder` and waits; no shell is involved. Throws
/// ToolError when it is not there, naming `package` to install.
CommandResult run_command(const std::vector<std::string>& arguments,
                          const std::filesystem::path& folder, const std::string& package,
                          std::chrono::seconds limit = std::chrono::seconds(300));

/// Whether PATH has a program of that name.
bool has_command(const std::string& name);

}  // namespace paretiny

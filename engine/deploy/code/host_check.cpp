#include "engine/deploy/code/host_check.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <vector>

#include "base/command.h"
#include "base/one_line.h"
#include "base/temporary_folder.h"

namespace paretiny::deploy {
namespace {

namespace fs = std::filesystem;

constexpr int kRefused = 1;    ///< a compiler's exit code for wrong code; others are its own faults
constexpr int kTooLong = 124;  ///< run_command's

/// Bytes of another program's words that a sentence quotes.
constexpr std::size_t kMostQuoted = 300;

/// Of a compiler's report, what fits a sentence.
std::string first_error(const std::string& report) {
  const std::size_t error = report.find("error");
  const std::size_t line = report.rfind('\n', error);
  const std::size_t begin = error == std::string::npos || line == std::string::npos ? 0 : line + 1;
  return one_line(report.substr(begin, std::min(report.find('\n', begin) - begin, kMostQuoted)));
}

std::string host_compiler() {
  for (const char* name : {"cc", "gcc", "clang"}) {
    if (has_command(name)) return name;
  }
  return {};
}

CommandResult compile(const std::string& compiler, const std::vector<std::string>& sources,
                      const fs::path& folder, std::stop_token stop) {
  std::vector<std::string> command = {compiler, "-std=c99", "-O1", "-o", "host_test"};
  command.insert(command.end(), sources.begin(), sources.end());
  return run_command(command, folder, "the C compiler", stop);
}

std::string program_in(const fs::path& folder) {
  return fs::absolute(folder / "host_test").string();
}

/// The program's end, none where programs in that folder may not be run.
std::optional<CommandResult> run_in(const fs::path& folder, std::stop_token stop) {
  try {
    return run_command({program_in(folder)}, folder, "no package", stop);
  } catch (const MissingTool&) {
    return std::nullopt;
  }
}

/// Whether the compiler compiles anything.
bool works(const std::string& compiler, const fs::path& folder, std::stop_token stop) {
  std::ofstream(folder / "any.c") << "#include <stdint.h>\n#include <stdio.h>\n#include "
                                     "<string.h>\nint main(void) { return puts(\"\") < 0; }\n";
  return compile(compiler, {"any.c"}, folder, stop).code == 0;
}

std::vector<std::string> sources_in(const fs::path& folder) {
  std::vector<std::string> sources = {fs::absolute(folder / "test" / "host_test.c").string()};
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".c") sources.push_back(fs::absolute(entry.path()).string());
  }
  return sources;
}

}  // namespace

std::string check_on_host(const fs::path& folder, std::stop_token stop) {
  const std::string compiler = host_compiler();
  if (compiler.empty()) return "there is no C compiler, neither cc nor gcc nor clang";
  const TemporaryFolder work(folder / "check");
  const CommandResult built = compile(compiler, sources_in(folder), work.path(), stop);
  if (built.code != 0) {
    if (built.code != kRefused || !works(compiler, work.path(), stop)) {
      return "its C compiler, " + compiler + ", ended with code " + std::to_string(built.code);
    }
    throw Error("'" + compiler + "' does not compile the exported code, which is removed: " +
                first_error(built.output));
  }
  const std::optional<CommandResult> ran = run_in(work.path(), stop);
  if (!ran) return "programs in " + folder.parent_path().string() + " may not be run";
  if (ran->code == kTooLong) return "the test of its recorded runs takes too long";
  if (ran->code != 0) {
    throw Error("the exported code, compiled by '" + compiler +
                "' for this machine, gives other bytes than the int8 network and is removed: its "
                "test ended with code " +
                std::to_string(ran->code) + " and said '" +
                one_line(ran->output.substr(0, kMostQuoted)) + "'");
  }
  return {};
}

}  // namespace paretiny::deploy

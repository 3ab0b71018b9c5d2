#include "base/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <system_error>

#include "base/child.h"
#include "base/descriptor.h"

namespace paretiny {
namespace {

std::filesystem::path find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::filesystem::path file = std::filesystem::path(folder) / name;
    if (::access(file.c_str(), X_OK) == 0 && !std::filesystem::is_directory(file)) return file;
  }
  return {};
}

enum class Ending { closed, late, stopped };

/// Reads until the other end is closed, time runs out or somebody asks to stop. Time in which this
/// program was stopped (Ctrl-Z) does not count.
Ending read_all(int from, std::chrono::steady_clock::duration limit, std::stop_token stop,
                std::string& text) {
  using Clock = std::chrono::steady_clock;
  constexpr int kLook = 100;  // ms between two looks at the clock
  constexpr Clock::duration kMost = 2 * std::chrono::milliseconds(kLook);
  std::array<char, 4096> block;
  Clock::duration spent{};
  for (Clock::time_point before = Clock::now(); spent < limit;) {
    if (stop.stop_requested()) return Ending::stopped;
    pollfd ready{from, POLLIN, 0};
    const int polled = ::poll(&ready, 1, kLook);
    const Clock::time_point now = Clock::now();
    spent += std::min(now - before, kMost);
    before = now;
    if (polled == 0 || (polled < 0 && errno == EINTR)) continue;
    const ssize_t count = ::read(from, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Ending::closed;
    text.append(block.data(), static_cast<std::size_t>(count));
  }
  return Ending::late;
}

}  // namespace

bool has_command(const std::string& name) {
  return !find_program(name).empty();
}

CommandResult run_command(const std::vector<std::string>& arguments,
                          const std::filesystem::path& folder, const std::string& package,
                          std::stop_token stop, std::chrono::seconds limit) {
  const std::filesystem::path program = find_program(arguments.front());
  if (program.empty()) {
    throw MissingTool("'" + arguments.front() + "' is not installed; it is in the package " +
                      package);
  }
  std::vector<char*> words;
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  const Descriptor from_child(ends[0]);
  Descriptor to_us(ends[1]);
  const pid_t child = start_child([&] {
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing < 0 || ::chdir(folder.c_str()) != 0) return;
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(to_us.get(), STDOUT_FILENO);
    ::dup2(to_us.get(), STDERR_FILENO);
    ::execv(program.c_str(), words.data());
  });
  to_us.close();
  CommandResult result;
  const Ending ending = read_all(from_child.get(), limit, stop, result.output);
  const int status = ending == Ending::closed ? wait_for_child(child) : kill_child(child);
  if (ending == Ending::stopped) throw Interrupted("interrupted");
  result.code = ending == Ending::late ? 124
                : WIFEXITED(status)    ? WEXITSTATUS(status)
                                       : 128 + WTERMSIG(status);
  return result;
}

}  // namespace paretiny

#include "base/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <system_error>

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
  const pid_t self = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    ::close(ends[0]);
    ::close(ends[1]);
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  if (child == 0) {
    // A group of its own: Ctrl-C on the terminal is not for it, and its children end with it.
    ::setpgid(0, 0);
    // It does not outlive this program, however that ends.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != self) ::_exit(127);
    // Signals that this program blocks or ignores are the child's own again, but for SIGXFSZ: a
    // sentence of the child's is better than its death.
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing < 0 || ::chdir(folder.c_str()) != 0) ::_exit(127);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::execv(program.c_str(), words.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  CommandResult result;
  const Ending ending = read_all(ends[0], limit, stop, result.output);
  ::close(ends[0]);
  if (ending != Ending::closed) {
    ::setpgid(child, child);  // should it not have got there itself
    ::kill(-child, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (ending == Ending::stopped) throw Interrupted("interrupted");
  result.code = ending == Ending::late ? 124
                : WIFEXITED(status)    ? WEXITSTATUS(status)
                                       : 128 + WTERMSIG(status);
  return result;
}

}  // namespace paretiny

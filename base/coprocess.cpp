#include "base/coprocess.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

#include "base/child.h"

namespace paretiny {
namespace {

/// A command that is told that nothing more comes has so long to end.
constexpr std::chrono::milliseconds kGrace{500};
constexpr std::chrono::milliseconds kLook{5};

}  // namespace

Coprocess::Coprocess(std::string command) : command_(std::move(command)) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  end_ = Descriptor(ends[0]);
  const Descriptor of_child(ends[1]);
  process_ = start_child([&] {
    ::dup2(of_child.get(), STDIN_FILENO);
    ::dup2(of_child.get(), STDOUT_FILENO);
    ::execl("/bin/sh", "sh", "-c", command_.c_str(), nullptr);
  });
}

Coprocess::~Coprocess() {
  end_.close();
  int status = 0;
  for (auto waited = std::chrono::milliseconds(0); waited < kGrace; waited += kLook) {
    const pid_t ended = ::waitpid(process_, &status, WNOHANG);
    if (ended == process_ || (ended < 0 && errno != EINTR)) return;
    std::this_thread::sleep_for(kLook);
  }
  kill_child(process_);
}

void Coprocess::fail(const std::string& what) const {
  throw ToolError("the command '" + command_ + "' " + what);
}

void Coprocess::pass(const std::string& line) {
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t count = ::send(end_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("has ended; it must answer every line of its input with a line");
    sent += static_cast<std::size_t>(count);
  }
}

std::string Coprocess::answer(const std::string& line, const std::stop_token& stop,
                              std::chrono::seconds limit) {
  using Clock = std::chrono::steady_clock;
  pass(line + "\n");
  std::array<char, 4096> block;
  const Clock::time_point late = Clock::now() + limit;
  while (true) {
    const std::size_t end = unread_.find('\n');
    if (end != std::string::npos) {
      std::string answered = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return answered;
    }
    if (stop.stop_requested()) throw Interrupted("interrupted");
    if (Clock::now() > late) {
      fail("did not answer for " + std::to_string(limit.count()) +
           " s; it must flush its output after every line");
    }
    pollfd ready{end_.get(), POLLIN, 0};
    const int polled = ::poll(&ready, 1, 100);
    if (polled == 0 || (polled < 0 && errno == EINTR)) continue;
    const ssize_t count = ::recv(end_.get(), block.data(), block.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("has ended; it must answer every line of its input with a line");
    unread_.append(block.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace paretiny

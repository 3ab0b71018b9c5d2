#include "nas/cli/terminal/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "nas/cli/terminal/output.h"

namespace paretiny::cli {
namespace {

/// Batch systems send SIGUSR1, SIGUSR2 or SIGXCPU when time is nearly up.
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
constexpr int kInterruptedCode = 130;
constexpr std::int64_t kSameRequest = 500'000'000;  // ns

/// What the handler knows. A handler may touch lock-free atomics alone.
std::atomic<int> asks_through = -1;         ///< the pipe's end to write to; -1: end at once
std::atomic<std::int64_t> asked_first = 0;  ///< when, in ns; 0: not yet
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1'000'000'000) + now.tv_nsec;
}

void handle(int signal) {
  const int saved = errno;
  const int pipe = asks_through;
  if (pipe < 0) {
    constexpr std::string_view kText = "paretiny: interrupted\n";
    pollfd ready{STDERR_FILENO, POLLOUT, 0};  // a reader that has stopped must not keep us
    if (::poll(&ready, 1, 0) > 0) {
      [[maybe_unused]] const ssize_t done = ::write(STDERR_FILENO, kText.data(), kText.size());
    }
    ::_exit(kInterruptedCode);
  }
  std::int64_t first = 0;
  const std::int64_t now = now_ns();
  if (asked_first.compare_exchange_strong(first, now)) {
    [[maybe_unused]] const ssize_t done = ::write(pipe, "s", 1);
  } else if ((signal == SIGINT || signal == SIGTERM) && now - first > kSameRequest) {
    ::_exit(kInterruptedCode);
  }
  errno = saved;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  asks_through = -1;
  asked_first = 0;
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  for (const int signal : kSignals) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;
    before_.emplace_back(signal, before);
    ::sigaction(signal, &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (const auto& [signal, before] : before_) ::sigaction(signal, &before, nullptr);
  asks_through = -1;
  if (!waiter_.joinable()) return;
  // Its read ends when nobody can write any more.
  ::close(ends_[1]);
  waiter_.join();
  ::close(ends_[0]);
}

std::stop_token InterruptGuard::token() {
  if (!waiter_.joinable()) {
    if (::pipe2(ends_, O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "pipe");
    }
    waiter_ = std::thread([this] { wait(); });
  }
  asks_through = ends_[1];
  return source_.get_token();
}

void InterruptGuard::end_at_once() {
  asks_through = -1;
  if (asked_first != 0) throw Interrupted("interrupted");
}

void InterruptGuard::wait() {
  char byte = 0;
  ssize_t count = 0;
  while ((count = ::read(ends_[0], &byte, 1)) < 0 && errno == EINTR) {
  }
  if (count <= 0) return;
  source_.request_stop();
  say("\nstopping; again to stop at once\n");
}

}  // namespace paretiny::cli

// Ctrl-C as a stop request.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace paretiny {

/// While it lives, the first SIGINT or SIGTERM asks to stop and the second ends the process at once
/// with code 130. Make it before any other thread: they inherit the blocked signals.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void wait();

  sigset_t signals_;
  sigset_t before_;
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace paretiny

// Requests from outside to end: Ctrl-C, a batch system, a terminal that goes away.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace paretiny::cli {

/// While it lives, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU end the process at once,
/// with a sentence and code 130, or, where `token` was called, ask it to stop. A signal that was
/// ignored when the process began, as SIGHUP is under nohup, stays ignored. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// From now on the first signal is a stop request. A SIGINT or SIGTERM that comes more than half
  /// a second after it ends the process at once; sooner, it is the same request: `timeout` and
  /// terminals send one signal twice.
  std::stop_token token();

  /// From now on a signal ends the process at once again. Throws Interrupted when one came.
  void end_at_once();

 private:
  void wait();

  std::vector<std::pair<int, struct sigaction>> before_;
  int ends_[2] = {-1, -1};  ///< of the pipe that a signal is written to
  std::stop_source source_;
  std::thread waiter_;
};

}  // namespace paretiny::cli

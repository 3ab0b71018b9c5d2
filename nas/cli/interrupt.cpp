#include "nas/cli/interrupt.h"

#include <unistd.h>

#include "nas/cli/output.h"

namespace paretiny {

InterruptGuard::InterruptGuard() {
  sigemptyset(&signals_);
  // SIGUSR1, sent by the destructor to this process, ends the waiting.
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  waiter_ = std::jthread([this] { wait(); });
}

InterruptGuard::~InterruptGuard() {
  pthread_kill(waiter_.native_handle(), SIGUSR1);
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void InterruptGuard::wait() {
  for (int signal = 0;;) {
    sigwait(&signals_, &signal);
    if (signal == SIGUSR1) return;
    if (source_.stop_requested()) _exit(130);
    source_.request_stop();
    say("\nstopping; again to stop at once\n");
  }
}

}  // namespace paretiny

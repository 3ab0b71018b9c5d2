#include "kernels/core/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"

namespace paretiny {
namespace {

/// How often a waiting thread looks before it sleeps: some ten microseconds, about what it takes to
/// be woken.
constexpr int kLooks = 300;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Returns once `done` holds; sleeps until `word` changes.
template <class Word, class Done>
void wait_for(const std::atomic<Word>& word, Done done) {
  for (int look = 0; look < kLooks; ++look) {
    if (done(word.load(std::memory_order_acquire))) return;
    pause();
  }
  for (Word now = word.load(); !done(now); now = word.load()) word.wait(now);
}

int initial_count() {
  if (const char* given = std::getenv("OMP_NUM_THREADS")) {
    const long count = std::strtol(given, nullptr, 10);
    if (count >= 1 && count <= 4096) return static_cast<int>(count);
  }
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1u));
}

thread_local int the_count = 0;  ///< 0: not asked for yet
thread_local int the_index = 0;
thread_local bool in_loop = false;

/// One loop at a time. Worker k has index k + 1.
class Pool {
 public:
  /// So many threads with the caller, if the system has as many; returns how many there are.
  int grow(int threads) {
    const std::lock_guard only(busy_);
    start(threads);
    return workers_ + 1;
  }

  /// False while another loop has the threads.
  [[nodiscard]] bool run(std::int64_t count, int threads, Piece piece, const void* body) {
    const std::unique_lock only(busy_, std::try_to_lock);
    if (!only) return false;
    start(threads);
    piece_ = piece;
    body_ = body;
    threads_ = threads;
    next_.store(0, std::memory_order_relaxed);
    first_failed_.store(count, std::memory_order_relaxed);
    failure_ = nullptr;
    state_.store(kOpen, std::memory_order_release);
    ticket_.fetch_add(1, std::memory_order_release);
    ticket_.notify_all();
    work(0);
    state_.fetch_and(~kOpen);
    wait_for(state_, [](std::uint32_t inside) { return inside == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return true;
  }

 private:
  static constexpr std::uint32_t kOpen = 1u << 31;  ///< workers may join; below it, how many are in

  void start(int threads) {
    while (workers_ < threads - 1 && start_worker()) {
    }
  }

  /// False where the system gives no thread more: those that there are do the work.
  [[nodiscard]] bool start_worker() {
    // Signals are for the threads of the program.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    try {
      std::thread([this, index = workers_ + 1] { serve(index); }).detach();
      ++workers_;
    } catch (const std::exception&) {
      started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  }

  [[noreturn]] void serve(int index) {
    std::uint32_t seen = 0;
    for (;;) {
      wait_for(ticket_, [&](std::uint32_t ticket) { return ticket != seen; });
      seen = ticket_.load(std::memory_order_acquire);
      if (!join()) continue;
      if (index < threads_) work(index);
      // Whoever leaves last wakes the caller, who waits once the loop is closed.
      if (state_.fetch_sub(1) == 1) state_.notify_all();
    }
  }

  bool join() {
    std::uint32_t state = state_.load();
    while ((state & kOpen) != 0) {
      if (state_.compare_exchange_weak(state, state + 1)) return true;
    }
    return false;
  }

  void work(int index) {
    the_index = index;
    in_loop = true;
    for (;;) {
      const std::int64_t mine = next_.fetch_add(1, std::memory_order_relaxed);
      // Pieces before one that failed have all been taken: none of them is left out.
      if (mine >= first_failed_.load(std::memory_order_relaxed)) break;
      try {
        piece_(body_, mine);
      } catch (...) {
        fail(mine);
      }
    }
    in_loop = false;
    the_index = 0;
  }

  void fail(std::int64_t piece) {
    const std::lock_guard only(failing_);
    if (piece >= first_failed_.load(std::memory_order_relaxed)) return;
    first_failed_.store(piece, std::memory_order_relaxed);
    failure_ = std::current_exception();
  }

  std::mutex busy_, failing_;
  int workers_ = 0;
  std::atomic<std::uint32_t> ticket_{0};
  std::atomic<std::uint32_t> state_{0};
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::int64_t> first_failed_{0};  ///< the number of pieces while none has
  std::exception_ptr failure_;
  Piece piece_ = nullptr;
  const void* body_ = nullptr;
  int threads_ = 1;
};

/// Never destroyed: its threads sleep in it until the process ends.
Pool& pool() {
  static Pool* const the_pool = new Pool;
  return *the_pool;
}

/// All pieces here, as the first thread of a loop of its own.
void run_alone(std::int64_t count, Piece piece, const void* body) {
  struct Index {
    int outer = std::exchange(the_index, 0);
    ~Index() { the_index = outer; }
  } const index;
  for (std::int64_t i = 0; i < count; ++i) piece(body, i);
}

}  // namespace

int thread_count() {
  if (the_count == 0) the_count = initial_count();
  return the_count;
}

void set_thread_count(int count) {
  the_count = std::max(count, 1);
}

void start_threads() {
  const int wanted = thread_count();
  if (wanted == 1 || in_loop) return;
  const int there = pool().grow(wanted);
  if (there >= wanted) return;
  throw OutOfMemory("only " + std::to_string(there) + " of " + std::to_string(wanted) +
                    " threads can be started: memory, or the number that is allowed, is used up; "
                    "OMP_NUM_THREADS sets how many are wanted");
}

int thread_index() {
  return the_index;
}

void run_pieces(std::int64_t count, int threads, Piece piece, const void* body) {
  threads = static_cast<int>(std::min<std::int64_t>(threads, count));
  if (threads > 1 && !in_loop && pool().run(count, threads, piece, body)) return;
  run_alone(count, piece, body);
}

}  // namespace paretiny

// A block of threads: which of them can run, what the others wait for, and what they share.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simt/fiber.h"
#include "tests/simt/machine.h"
#include "tests/simt/order.h"

namespace paretiny::simt {

/// What a kernel did wrong; thrown by the thread that did it.
struct Fault {
  std::string reason;
};

class Block {
 public:
  Block() = default;
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// What the blocks of a launch have in common.
  void prepare(const char* kernel, const dim3& threads, std::size_t shared_bytes);
  std::size_t threads() const { return threads_.size(); }
  /// Runs one block; throws what went wrong in it.
  void run(const std::function<void()>& body, Order& order);

  // For the running thread.
  std::size_t thread() const { return current_; }
  int lane() const { return static_cast<int>(current_ % kLanes); }
  void barrier(Place place);
  void warp_operation(const char* name, unsigned mask, void* operand, Collective act, Place place);
  unsigned char* shared() const { return shared_.get(); }
  std::size_t shared_bytes() const { return shared_bytes_; }

  Copies& copies() { return threads_[current_].copies; }

 private:
  static constexpr std::size_t kLanes = 32;
  static constexpr std::size_t kWord = 64;
  static constexpr std::size_t kNone = ~std::size_t{0};

  enum class State { ready, running, at_barrier, in_warp_operation, done };

  struct Thread {
    State state = State::ready;
    Fiber* fiber = nullptr;  ///< where it was left; none before it starts
    std::size_t rank = 0;    ///< of several that are ready, the lowest runs
    // What it waits for.
    const char* operation = nullptr;
    Place place;
    unsigned mask = 0;
    void* operand = nullptr;
    Collective act = nullptr;
    Copies copies;
  };

  /// Lanes of a warp, a bit each.
  struct Warp {
    unsigned live = 0;
    unsigned waiting = 0;  ///< in a warp operation
  };

  /// Thrown through a thread that must end because another one has failed.
  struct Cancelled {};

  struct FreeShared {
    void operator()(unsigned char* data) const { ::operator delete (data, std::align_val_t{128}); }
  };

  void work(Fiber& fiber);
  void call_body();
  void end_thread();
  Fiber* idle_fiber();

  std::size_t first_ready() const;
  void set_ready(Thread& thread);
  void start(std::size_t thread);
  void pause();
  void arrange();

  void release_barrier();
  void meet(unsigned mask);

  void fail(const std::string& reason);
  std::string name_of(std::size_t thread) const;
  std::string waiting_threads() const;

  const char* kernel_ = "";
  std::vector<uint3> index_;
  std::size_t shared_bytes_ = 0;
  std::unique_ptr<unsigned char, FreeShared> shared_;

  const std::function<void()>* body_ = nullptr;
  Order* order_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::size_t> ranked_;   ///< threads by rank
  std::vector<std::uint64_t> ready_;  ///< a bit a rank
  std::size_t current_ = 0;
  std::size_t live_ = 0;
  std::size_t arrived_ = 0;  ///< at the block's barrier
  std::exception_ptr failure_;

  std::deque<Fiber> fibers_;
  std::vector<Fiber*> idle_;
  bool closing_ = false;
};

}  // namespace paretiny::simt

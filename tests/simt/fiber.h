// A stack of its own that work can be left on and gone back to, announced to AddressSanitizer.
#pragma once

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <functional>

namespace paretiny::simt {

class Fiber {
 public:
  /// Nothing runs until the first `resume`. An exception must not leave `body`, and the fiber must
  /// not be destroyed before it has returned.
  explicit Fiber(std::function<void(Fiber&)> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Goes on with the body until it suspends itself or returns.
  void resume();
  /// Called by the body: goes back to where `resume` was called.
  void suspend();

 private:
  void enter();
  void leave(void** stack_frames);

  boost::context::stack_context stack_;
  std::function<void(Fiber&)> body_;
  boost::context::fiber inside_;   ///< where the body goes on, while it is suspended
  boost::context::fiber outside_;  ///< where `resume` goes on, while the body runs
  void* inside_frames_ = nullptr;  ///< AddressSanitizer's own, one for each stack
  void* outside_frames_ = nullptr;
  const void* outside_stack_ = nullptr;
  std::size_t outside_bytes_ = 0;
};

}  // namespace paretiny::simt

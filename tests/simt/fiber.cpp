#include "tests/simt/fiber.h"

#include <sanitizer/common_interface_defs.h>

#include <utility>

namespace paretiny::simt {
namespace {

using Stacks = boost::context::protected_fixedsize_stack;
constexpr std::size_t kStackBytes = 64 * 1024;

}  // namespace

Fiber::Fiber(std::function<void(Fiber&)> body)
    : stack_(Stacks(kStackBytes).allocate()),
      body_(std::move(body)),
      inside_(std::allocator_arg, boost::context::preallocated(stack_.sp, stack_.size, stack_),
              Stacks(kStackBytes), [this](boost::context::fiber&& outside) {
                outside_ = std::move(outside);
                enter();
                body_(*this);
                leave(nullptr);
                return std::move(outside_);
              }) {}

void Fiber::resume() {
  const auto* top = static_cast<const char*>(stack_.sp);
  __sanitizer_start_switch_fiber(&outside_frames_, top - stack_.size, stack_.size);
  inside_ = std::move(inside_).resume();
  __sanitizer_finish_switch_fiber(outside_frames_, nullptr, nullptr);
}

void Fiber::suspend() {
  leave(&inside_frames_);
  outside_ = std::move(outside_).resume();
  enter();
}

void Fiber::enter() {
  __sanitizer_finish_switch_fiber(inside_frames_, &outside_stack_, &outside_bytes_);
}

void Fiber::leave(void** stack_frames) {
  __sanitizer_start_switch_fiber(stack_frames, outside_stack_, outside_bytes_);
}

}  // namespace paretiny::simt

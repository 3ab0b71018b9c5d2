#include "tests/simt/block.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "kernels/core/host_device.h"

namespace paretiny::simt {
namespace {

std::string text(const uint3& index) {
  return std::string("(") + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " +
         std::to_string(index.z) + ")";
}

std::string text(const Place& place) {
  const std::string file = place.file_name();
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line());
}

bool same(const char* a, const char* b) {
  return a == b || std::strcmp(a, b) == 0;
}

bool same(const Place& a, const Place& b) {
  return a.line() == b.line() && same(a.file_name(), b.file_name());
}

}  // namespace

Block::~Block() {
  closing_ = true;
  for (Fiber* fiber : idle_) fiber->resume();
}

void Block::prepare(const char* kernel, const dim3& threads, std::size_t shared_bytes) {
  kernel_ = kernel;
  const std::size_t count = std::size_t{threads.x} * threads.y * threads.z;
  threads_.resize(count);
  ranked_.resize(count);
  ready_.resize(ceil_div(count, kWord));
  warps_.resize(ceil_div(count, kLanes));
  index_.clear();
  for (unsigned z = 0; z < threads.z; ++z) {
    for (unsigned y = 0; y < threads.y; ++y) {
      for (unsigned x = 0; x < threads.x; ++x) index_.push_back({x, y, z});
    }
  }
  shared_bytes_ = shared_bytes;
  shared_.reset();
  if (shared_bytes > 0) {
    shared_.reset(
        static_cast<unsigned char*>(::operator new (shared_bytes, std::align_val_t{128})));
  }
}

void Block::run(const std::function<void()>& body, Order& order) {
  body_ = &body;
  order_ = &order;
  failure_ = nullptr;
  live_ = threads_.size();
  arrived_ = 0;
  if (shared_bytes_ > 0) std::memset(shared_.get(), 0xFF, shared_bytes_);
  for (Warp& warp : warps_) warp = {};
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    threads_[i].state = State::ready;
    warps_[i / kLanes].live |= 1u << i % kLanes;
  }
  arrange();
  while (live_ > 0 && failure_ == nullptr) {
    const std::size_t next = first_ready();
    if (next == kNone) {
      fail("threads wait for each other: " + waiting_threads());
      break;
    }
    start(next);
    if (threads_[next].fiber == nullptr) threads_[next].fiber = idle_fiber();
    threads_[next].fiber->resume();
  }
  if (failure_ == nullptr) return;
  for (current_ = 0; current_ < threads_.size(); ++current_) {
    if (threads_[current_].fiber != nullptr) threads_[current_].fiber->resume();
  }
  std::rethrow_exception(failure_);
}

Fiber* Block::idle_fiber() {
  if (idle_.empty()) return &fibers_.emplace_back([this](Fiber& fiber) { work(fiber); });
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

/// The life of a fiber: it runs one thread to its end, then others that have not started, so that
/// threads that never wait cost no switch.
void Block::work(Fiber& fiber) {
  while (!closing_) {
    call_body();
    end_thread();
    const std::size_t next = failure_ == nullptr ? first_ready() : kNone;
    if (next != kNone && threads_[next].fiber == nullptr) {
      start(next);
      threads_[next].fiber = &fiber;
      continue;
    }
    idle_.push_back(&fiber);
    fiber.suspend();
  }
}

void Block::call_body() {
  try {
    (*body_)();
  } catch (const Cancelled&) {
  } catch (const Fault& fault) {
    fail(name_of(current_) + ": " + fault.reason);
  } catch (...) {
    if (failure_ == nullptr) failure_ = std::current_exception();
  }
}

void Block::end_thread() {
  Thread& self = threads_[current_];
  self.state = State::done;
  self.fiber = nullptr;
  self.copies.pending.clear();
  self.copies.group = 0;
  --live_;
  if (failure_ != nullptr) return;
  Warp& warp = warps_[current_ / kLanes];
  const unsigned own = 1u << lane();
  warp.live &= ~own;
  for (unsigned left = warp.waiting; left != 0; left &= left - 1) {
    const std::size_t i =
        current_ / kLanes * kLanes + static_cast<unsigned>(std::countr_zero(left));
    const Thread& other = threads_[i];
    if ((other.mask & own) != 0) {
      return fail(name_of(current_) + " has ended, " + name_of(i) + " waits for it in " +
                  other.operation + " at " + text(other.place));
    }
  }
  if (live_ > 0 && arrived_ == live_) release_barrier();
}

void Block::arrange() {
  order_->arrange(ranked_);
  std::fill(ready_.begin(), ready_.end(), 0);
  for (std::size_t rank = 0; rank < ranked_.size(); ++rank) {
    Thread& thread = threads_[ranked_[rank]];
    thread.rank = rank;
    if (thread.state == State::ready) set_ready(thread);
  }
}

std::size_t Block::first_ready() const {
  for (std::size_t word = 0; word < ready_.size(); ++word) {
    if (ready_[word] != 0) {
      return ranked_[word * kWord + static_cast<std::size_t>(std::countr_zero(ready_[word]))];
    }
  }
  return kNone;
}

void Block::set_ready(Thread& thread) {
  thread.state = State::ready;
  ready_[thread.rank / kWord] |= std::uint64_t{1} << thread.rank % kWord;
}

void Block::start(std::size_t thread) {
  const std::size_t rank = threads_[thread].rank;
  ready_[rank / kWord] &= ~(std::uint64_t{1} << rank % kWord);
  threads_[thread].state = State::running;
  current_ = thread;
  threadIdx = index_[thread];
}

/// Lets others run until this thread, waiting or already released, is the first that can.
void Block::pause() {
  if (failure_ == nullptr && first_ready() == current_) return start(current_);
  threads_[current_].fiber->suspend();
  if (failure_ != nullptr) throw Cancelled{};
}

void Block::barrier(Place place) {
  Thread& self = threads_[current_];
  self.state = State::at_barrier;
  self.operation = "__syncthreads";
  self.place = place;
  if (++arrived_ == live_) release_barrier();
  pause();
}

void Block::release_barrier() {
  arrived_ = 0;
  const Thread* first = nullptr;
  for (Thread& thread : threads_) {
    if (thread.state != State::at_barrier) continue;
    if (first == nullptr) first = &thread;
    if (!same(thread.place, first->place)) {
      return fail("threads wait at different barriers: " + waiting_threads());
    }
  }
  for (Thread& thread : threads_) {
    if (thread.state == State::at_barrier) set_ready(thread);
  }
  if (order_->random()) arrange();
}

void Block::warp_operation(const char* name, unsigned mask, void* operand, Collective act,
                           Place place) {
  Thread& self = threads_[current_];
  Warp& warp = warps_[current_ / kLanes];
  const unsigned own = 1u << lane();
  self.state = State::in_warp_operation;
  self.operation = name;
  self.place = place;
  self.mask = mask;
  self.operand = operand;
  self.act = act;
  warp.waiting |= own;
  if ((mask & own) == 0) {
    throw Fault{std::string(name) + " at " + text(place) + " is called by a lane outside its mask"};
  }
  if ((mask & ~warp.live) != 0) {
    throw Fault{std::string(name) + " at " + text(place) + " names lane " +
                std::to_string(std::countr_zero(mask & ~warp.live)) +
                ", which has ended or never was"};
  }
  if ((mask & ~warp.waiting) == 0) {
    meet(mask);
    warp.waiting &= ~mask;
  }
  pause();
}

/// The lanes of the mask are all here: acts for them and lets them go on.
void Block::meet(unsigned mask) {
  const Thread& self = threads_[current_];
  Thread* lanes = &threads_[current_ / kLanes * kLanes];
  void* operands[kLanes] = {};
  for (unsigned left = mask; left != 0; left &= left - 1) {
    const Thread& other = lanes[std::countr_zero(left)];
    if (other.mask != mask || !same(other.place, self.place) ||
        !same(other.operation, self.operation)) {
      throw Fault{"the lanes of a mask are in different operations: " + waiting_threads()};
    }
    operands[std::countr_zero(left)] = other.operand;
  }
  self.act(operands, mask);
  for (unsigned left = mask; left != 0; left &= left - 1) {
    set_ready(lanes[std::countr_zero(left)]);
  }
}

void Block::fail(const std::string& reason) {
  if (failure_ != nullptr) return;
  failure_ = std::make_exception_ptr(
      DeviceError(std::string(kernel_) + ", block " + text(blockIdx) + ": " + reason));
}

std::string Block::name_of(std::size_t thread) const {
  return std::string("thread ") + text(index_[thread]);
}

/// One thread for every place where some wait.
std::string Block::waiting_threads() const {
  std::vector<Place> places;
  std::string list;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    const Thread& thread = threads_[i];
    if (thread.state != State::at_barrier && thread.state != State::in_warp_operation) continue;
    const auto here = [&](const Place& place) { return same(place, thread.place); };
    if (std::any_of(places.begin(), places.end(), here)) continue;
    places.push_back(thread.place);
    list += (list.empty() ? "" : ", ") + name_of(i) + " in " + thread.operation + " at " +
            text(thread.place);
  }
  return list;
}

}  // namespace paretiny::simt

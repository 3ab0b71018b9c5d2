#include "tests/simt/machine.h"

#include <cuda_runtime.h>

#include "base/error.h"
#include "tests/simt/accesses/access_counts.h"
#include "tests/simt/block.h"

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

namespace paretiny::simt {
namespace {

Block& block() {
  thread_local Block the_block;
  return the_block;
}

Order& order() {
  thread_local Order the_order;
  return the_order;
}

std::string text(const dim3& size) {
  return std::to_string(size.x) + " x " + std::to_string(size.y) + " x " + std::to_string(size.z);
}

/// Counts the accesses of a block where they are counted.
class CountedBlock {
 public:
  CountedBlock(const char* kernel, std::size_t threads) : counts_(access_counts()) {
    if (counts_ != nullptr) counts_->begin_block(kernel, threads);
  }
  ~CountedBlock() {
    if (counts_ != nullptr) counts_->end_block();
  }
  CountedBlock(const CountedBlock&) = delete;
  CountedBlock& operator=(const CountedBlock&) = delete;

 private:
  AccessCounts* counts_;
};

/// The limits that all devices of compute capability 8.0 and later share; shared memory: Hopper's.
void check_shape(const char* kernel, const dim3& blocks, const dim3& threads,
                 std::size_t shared_bytes) {
  const auto wrong = [&](const std::string& reason) {
    throw DeviceError(std::string(kernel) + ": " + reason);
  };
  if (blocks.x == 0 || blocks.y == 0 || blocks.z == 0 || blocks.x > 0x7FFFFFFFu ||
      blocks.y > 0xFFFFu || blocks.z > 0xFFFFu) {
    wrong("no device takes a grid of " + text(blocks) + " blocks");
  }
  const std::size_t count = std::size_t{threads.x} * threads.y * threads.z;
  if (count == 0 || count > 1024 || threads.z > 64) {
    wrong("no device takes a block of " + text(threads) + " threads");
  }
  if (shared_bytes > 227 * 1024) {
    wrong("no device has " + std::to_string(shared_bytes) + " bytes of shared memory for a block");
  }
}

}  // namespace

void run(const char* kernel, const dim3& blocks, const dim3& threads, std::size_t shared_bytes,
         const std::function<void()>& thread) {
  check_shape(kernel, blocks, threads, shared_bytes);
  gridDim = blocks;
  blockDim = threads;
  block().prepare(kernel, threads, shared_bytes);
  std::vector<std::size_t> sequence(std::size_t{blocks.x} * blocks.y * blocks.z);
  order().arrange(sequence);
  for (const std::size_t i : sequence) {
    blockIdx = {static_cast<unsigned>(i % blocks.x), static_cast<unsigned>(i / blocks.x % blocks.y),
                static_cast<unsigned>(i / blocks.x / blocks.y)};
    const CountedBlock counted(kernel, block().threads());
    block().run(thread, order());
  }
}

void block_barrier(Place place) {
  if (access_counts() != nullptr) access_counts()->pass(block().thread());
  block().barrier(place);
}

void warp_operation(const char* name, unsigned mask, void* operand, Collective act, Place place) {
  if (access_counts() != nullptr) access_counts()->pass(block().thread());
  block().warp_operation(name, mask, operand, act, place);
}

int lane() {
  return block().lane();
}

std::size_t running_thread() {
  return block().thread();
}

void* shared_memory(std::size_t bytes) {
  if (bytes > block().shared_bytes()) {
    throw Fault{"uses " + std::to_string(bytes) + " bytes of shared memory, its launch gave " +
                std::to_string(block().shared_bytes())};
  }
  return block().shared();
}

bool is_shared(const void* address) {
  const auto begin = reinterpret_cast<std::uintptr_t>(block().shared());
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return at >= begin && at < begin + block().shared_bytes();
}

void check_shared(const char* what, const void* data, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(block().shared());
  const auto at = reinterpret_cast<std::uintptr_t>(data);
  if (at < begin || at + bytes > begin + block().shared_bytes()) {
    throw Fault{std::string(what) + ": the address is not in the block's shared memory"};
  }
  if (at % 16 != 0) throw Fault{std::string(what) + ": the address is not aligned to 16 bytes"};
}

Copies& copies() {
  return block().copies();
}

void fail(const std::string& reason) {
  throw Fault{reason};
}

}  // namespace paretiny::simt

// The SIMT twin: runs kernels written for CUDA on the CPU, one block after another, the threads of
// a block as fibers of the calling thread. What CUDA leaves open it decides against the kernel:
// threads run as far as they can before others start, in an order that PARETINY_SIMT_ORDER chooses
// (forward, reverse, or random: seeded, another one for every block and after every barrier);
// shared memory is NaN when a block starts; an asynchronous copy leaves NaN in its place until it
// is waited for.
#pragma once

#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <vector>

namespace paretiny::simt {

/// Calls `thread` once for every thread of the grid. Throws DeviceError, naming the kernel and the
/// thread, for a shape that no device takes, for barriers that cannot be passed, for warp
/// operations whose lanes are not all there, and for addresses that are misaligned or in no shared
/// memory.
void run(const char* kernel, const dim3& blocks, const dim3& threads, std::size_t shared_bytes,
         const std::function<void()>& thread);

// The rest is for the running thread.

using Place = std::source_location;

/// Waits until every thread of the block that has not ended is here.
void block_barrier(Place place);

/// Acts on the operands of a warp, given by lane; those of lanes outside the mask are null.
using Collective = void (*)(void* const (&operands)[32], unsigned mask);

/// Waits until every lane of the mask is here with the same operation; the last one acts.
void warp_operation(const char* name, unsigned mask, void* operand, Collective act, Place place);

/// The value that lane `source` passes; `name` is for errors.
std::uint64_t shuffle(const char* name, unsigned mask, std::uint64_t value, int source,
                      Place place);

/// The lanes of the mask that pass true.
unsigned ballot(const char* name, unsigned mask, bool predicate, Place place);

int lane();
/// Its number in the block.
std::size_t running_thread();

/// The block's shared memory, of which the thread means to use `bytes` at least.
void* shared_memory(std::size_t bytes);

bool is_shared(const void* address);

/// Checks that `bytes` from `data` on are shared memory, aligned to 16 bytes.
void check_shared(const char* what, const void* data, std::size_t bytes);

/// An asynchronous copy of 16 bytes that the thread has started; zeros where `from` is null.
struct Copy {
  void* to;
  const void* from;
  unsigned group;
};
struct Copies {
  std::vector<Copy> pending;
  unsigned group = 0;  ///< the one that is open
};
Copies& copies();
void start_copy(void* to, const void* from, bool valid);
void commit_copies();
void wait_for_copies(int pending);

/// Ends the launch with a DeviceError.
[[noreturn]] void fail(const std::string& reason);

}  // namespace paretiny::simt

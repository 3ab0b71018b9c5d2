// Coalescing and bank conflicts of kernels on the twin. Their code is compiled with GCC's
// instrumentation for ThreadSanitizer, whose callbacks (access_hooks.cpp) are told every access
// with its address; accesses of the lanes of a warp belong together when they come from one place
// in the program, by one chain of calls, equally often since the last barrier or warp operation.
//
// What nvcc makes of the same source can differ: it may keep a value that is read twice. Lanes that
// skip an access in one round of a loop without barriers are matched to later rounds of the others,
// which counts too much, never too little.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/simt/accesses/access_cost.h"

namespace paretiny::simt {

enum class Access : std::uint8_t { global_load, global_store, shared_load, shared_store };
inline constexpr std::size_t kAccesses = 4;

const char* name_of(Access access);

/// Sectors of 32 bytes for global memory, passes over the banks for shared memory.
using AccessCosts = std::array<AccessCost, kAccesses>;

/// While one lives, accesses of the kernels that its thread launches are counted; one at a time.
class AccessCounts {
 public:
  AccessCounts();
  ~AccessCounts();
  AccessCounts(const AccessCounts&) = delete;
  AccessCounts& operator=(const AccessCounts&) = delete;

  /// Memory whose accesses are told apart from the rest, from now on.
  void tell_apart(const std::string& region, const void* data, std::size_t bytes);

  /// By the name that the launch gives and the region, "" for the rest.
  using Kernel = std::pair<std::string, std::string>;
  const std::map<Kernel, AccessCosts>& kernels() const { return kernels_; }
  /// Of all kernels whose name begins so, in all regions.
  AccessCost of(const std::string& kernel, Access access) const;
  /// The accesses that cost more than the least, by kernel and line, the dearest first; for people.
  std::string report() const;

  // For the machine and the hooks.

  void begin_block(const char* kernel, std::size_t threads);
  void end_block();
  /// The thread has passed a barrier or a warp operation.
  void pass(std::size_t thread) { ++lanes_[thread].epoch; }
  void enter(std::size_t thread, const void* from);
  void leave(std::size_t thread);
  /// `place`: the return address of the access. Memory that is neither the device's nor the block's
  /// does not count: parameters and what the device has in registers.
  void note(std::size_t thread, const void* place, const void* address, std::uint32_t bytes,
            bool store);
  bool in_block() const { return in_block_; }

 private:
  struct Entry {
    std::uint64_t chain;  ///< of calls
    const void* place;
    std::uint32_t epoch;
    Access access;
    std::size_t region;
    std::uint32_t bytes;
    std::uintptr_t address;
  };
  struct Region {
    std::string name;
    std::uintptr_t begin = 0, end = 0;
  };
  struct Lane {
    std::uint64_t chain = 0;
    std::vector<std::uint64_t> outer;  ///< chains of its callers
    std::uint32_t epoch = 0;
    std::vector<Entry> entries;
  };
  struct Line {
    std::string kernel, region;
    const void* place;
    Access access;
    friend auto operator<=>(const Line&, const Line&) = default;
  };

  void count_warp(std::size_t first, std::size_t end);

  std::string kernel_;
  bool in_block_ = false;
  std::vector<Lane> lanes_;
  std::vector<Region> regions_{1};  ///< the first: the rest
  std::map<Kernel, AccessCosts> kernels_;
  std::map<Line, AccessCost> lines_;
};

/// Those of the calling thread, or null: nothing is counted.
AccessCounts* access_counts();

/// Notes an access of the running thread where accesses are counted.
void note_access(const void* place, const void* address, std::uint32_t bytes, bool store);

}  // namespace paretiny::simt

// What one warp-wide access to memory costs a GPU, by the rules that hold from compute capability
// 5.0 on: caches are filled by sectors of 32 bytes; shared memory has 32 banks, 4 bytes wide, which
// give one word each a pass.
#pragma once

#include <cstdint>
#include <span>

namespace paretiny::simt {

/// The part of a lane.
struct LaneAccess {
  std::uintptr_t address;
  std::uint32_t bytes;  ///< 1, 2, 4, 8 or 16
  std::uint32_t lane;
};

/// Sums over accesses.
struct AccessCost {
  std::uint64_t accesses = 0;  ///< warp-wide
  std::uint64_t cost = 0;
  std::uint64_t least = 0;  ///< if the same bytes lay and were asked for at best

  /// 1 is the best there is, where nothing was accessed too.
  double ratio() const {
    return least == 0 ? 1 : static_cast<double>(cost) / static_cast<double>(least);
  }
  AccessCost& operator+=(const AccessCost& other) {
    accesses += other.accesses;
    cost += other.cost;
    least += other.least;
    return *this;
  }
};

/// Of global memory: sectors that hold some byte, against as many as the distinct bytes fill.
AccessCost sectors(std::span<const LaneAccess> lanes);

/// Of shared memory: passes over the banks, against one for 32 lanes at 4 bytes, 16 at 8 or 8 at 16
/// of which some access. Lanes that share a word share its pass.
AccessCost bank_passes(std::span<const LaneAccess> lanes);

}  // namespace paretiny::simt

// Offsets for blocks that live for a while: a training step's buffers and a microcontroller's arena
// alike.
#pragma once

#include <cstddef>
#include <vector>

namespace paretiny::graph {

/// A block of memory in use from step `first` to step `last`, both included.
struct LiveBlock {
  std::size_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< of each block, multiples of the alignment
  std::size_t bytes = 0;             ///< arena size
  std::size_t bound = 0;  ///< largest sum of blocks alive in one step: no plan is smaller
};

/// Blocks alive in a common step do not overlap. Greedy by size (Pisarchyk, Lee: Efficient memory
/// management for deep neural net inference, 2020): the largest block first, at the lowest gap that
/// holds it; equal sizes in order of their first step, so that the plan is reproducible.
MemoryPlan plan_memory(const std::vector<LiveBlock>& blocks, std::size_t alignment);

}  // namespace paretiny::graph

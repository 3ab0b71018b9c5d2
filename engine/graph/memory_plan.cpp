#include "engine/graph/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "kernels/core/host_device.h"

namespace paretiny::graph {
namespace {

bool overlap(const LiveBlock& a, const LiveBlock& b) {
  return a.first <= b.last && b.first <= a.last;
}

std::size_t liveness_bound(const std::vector<LiveBlock>& blocks, std::size_t alignment) {
  // The sum changes only where a block begins, so only those steps need a look.
  std::size_t bound = 0;
  for (const LiveBlock& at : blocks) {
    std::size_t sum = 0;
    for (const LiveBlock& block : blocks) {
      if (block.first <= at.first && at.first <= block.last)
        sum += round_up(block.bytes, alignment);
    }
    bound = std::max(bound, sum);
  }
  return bound;
}

}  // namespace

MemoryPlan plan_memory(const std::vector<LiveBlock>& blocks, std::size_t alignment) {
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (blocks[a].bytes != blocks[b].bytes) return blocks[a].bytes > blocks[b].bytes;
    return blocks[a].first < blocks[b].first;
  });
  MemoryPlan plan;
  plan.offsets.resize(blocks.size());
  plan.bound = liveness_bound(blocks, alignment);
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t index : order) {
    const std::size_t bytes = round_up(blocks[index].bytes, alignment);
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!overlap(blocks[index], blocks[other])) continue;
      if (plan.offsets[other] >= offset + bytes) break;
      offset = std::max(offset, plan.offsets[other] + round_up(blocks[other].bytes, alignment));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    const auto place = std::upper_bound(
        placed.begin(), placed.end(), index,
        [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    placed.insert(place, index);
  }
  return plan;
}

}  // namespace paretiny::graph

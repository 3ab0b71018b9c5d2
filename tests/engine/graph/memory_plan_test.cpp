#include "engine/graph/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/core/random.h"

namespace paretiny::graph {
namespace {

TEST(MemoryPlan, NoTwoLiveBlocksOverlapAndTheBoundHolds) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed, "blocks");
    std::vector<LiveBlock> blocks(1 + random.below(40));
    for (LiveBlock& block : blocks) {
      block.bytes = 1 + random.below(1000);
      block.first = static_cast<int>(random.below(30));
      block.last = block.first + static_cast<int>(random.below(8));
    }
    const MemoryPlan plan = plan_memory(blocks, 16);
    EXPECT_GE(plan.bytes, plan.bound);
    EXPECT_LE(plan.bytes, plan.bound * 2);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 16, 0u);
      EXPECT_LE(plan.offsets[i] + blocks[i].bytes, plan.bytes);
      for (std::size_t j = 0; j < i; ++j) {
        if (blocks[i].first > blocks[j].last || blocks[j].first > blocks[i].last) continue;
        const bool apart = plan.offsets[i] + blocks[i].bytes <= plan.offsets[j] ||
                           plan.offsets[j] + blocks[j].bytes <= plan.offsets[i];
        EXPECT_TRUE(apart) << i << " and " << j;
      }
    }
  }
}

TEST(MemoryPlan, AChainTakesNoMoreThanItsTwoLargestNeighbours) {
  std::vector<LiveBlock> blocks;
  std::size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    blocks.push_back({static_cast<std::size_t>(64 * (1 + (i * 7) % 13)), i, i + 1});
    if (i > 0)
      most = std::max(most, blocks[static_cast<std::size_t>(i)].bytes +
                                blocks[static_cast<std::size_t>(i) - 1].bytes);
  }
  const MemoryPlan plan = plan_memory(blocks, 64);
  EXPECT_EQ(plan.bound, most);
  EXPECT_LE(plan.bytes, most + 64 * 13);
}

}  // namespace
}  // namespace paretiny::graph

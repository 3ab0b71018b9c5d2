#include "kernels/core/random.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

namespace paretiny {
namespace {

void expect_block(std::uint64_t key, std::uint64_t index, std::uint64_t counter,
                  const std::vector<std::uint32_t>& expected) {
  const PhiloxBlock block = philox(key, index, counter);
  EXPECT_EQ(std::vector<std::uint32_t>(block.word, block.word + 4), expected);
}

TEST(Philox, ReproducesPublishedAnswers) {
  // kat_vectors of the Random123 library, philox4x32 with ten rounds.
  expect_block(0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint64_t ones = ~std::uint64_t{0};
  expect_block(ones, ones, ones, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  expect_block(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88,
               {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST(Random, DependsOnSeedPurposeAndIndexAlone) {
  const auto first = [](std::uint64_t seed, const char* purpose, std::uint64_t index) {
    return Random(seed, purpose, index).key();
  };
  EXPECT_EQ(first(1, "weights", 2), first(1, "weights", 2));
  const std::set<std::uint64_t> all{first(1, "weights", 2), first(2, "weights", 2),
                                    first(1, "order", 2), first(1, "weights", 3)};
  EXPECT_EQ(all.size(), 4u);
}

TEST(Random, KeysAreTheSameWhateverTheCompiler) {
  Random random(1, "weights", 2);
  EXPECT_EQ(random.key(), 0xa44fad88fa651fd7u);
  EXPECT_EQ(random.key(), 0x7e51315d7b7d746du);
  // The first of a trial's directions in ARS.
  EXPECT_EQ(Random(7, "ars directions", 11).key(), 0xa9960b1edde1c3a6u);
}

TEST(Random, UnitFloatStaysBelowOne) {
  EXPECT_EQ(unit_float(0), 0);
  EXPECT_LT(unit_float(0xFFFFFFFFu), 1);
  EXPECT_EQ(unit_float(0x80000000u), 0.5f);
}

TEST(Random, UniformIsUniform) {
  Random random(7, "uniform");
  constexpr int kDraws = 100000;
  std::vector<int> tenth(10);
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++tenth[static_cast<std::size_t>(10 * u)];
  }
  for (const int count : tenth) EXPECT_NEAR(count, kDraws * 0.1, 5 * std::sqrt(kDraws * 0.09));
}

TEST(Random, BelowReachesEveryNumber) {
  Random random(7, "below");
  std::vector<int> count(7);
  for (int i = 0; i < 70000; ++i) ++count.at(random.below(7));
  for (const int c : count) EXPECT_NEAR(c, 10000, 5 * std::sqrt(70000 * 6 / 49.0));
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, NormalHasItsMoments) {
  Random random(7, "normal");
  constexpr int kDraws = 100000;
  double sum = 0, square = 0, fourth = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = random.normal();
    sum += z / kDraws;
    square += z * z / kDraws;
    fourth += z * z * z * z / kDraws;
  }
  EXPECT_NEAR(sum, 0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(square, 1, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(fourth, 3, 5 * std::sqrt(96.0 / kDraws));
}

TEST(Random, ShuffleIsAPermutationAndFair) {
  std::vector<int> first_place(5);
  for (std::uint64_t index = 0; index < 20000; ++index) {
    std::vector<int> items(5);
    std::iota(items.begin(), items.end(), 0);
    Random(3, "shuffle", index).shuffle(items);
    EXPECT_EQ(std::set<int>(items.begin(), items.end()).size(), 5u);
    ++first_place[static_cast<std::size_t>(items.front())];
  }
  for (const int count : first_place) EXPECT_NEAR(count, 4000, 5 * std::sqrt(20000 * 0.16));
}

}  // namespace
}  // namespace paretiny

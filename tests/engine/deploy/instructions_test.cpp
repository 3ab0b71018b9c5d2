// The instruction model beside the emulator's counts.
#include "engine/deploy/instructions.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/deploy/command.h"
#include "engine/deploy/export.h"
#include "tests/engine/deploy/random_network.h"

namespace paretiny {
namespace {

using namespace test;

Graph built(const std::string& name, double width) {
  return build_model({.name = name, .input = {1, 32, 32, 3}, .classes = 10, .width = width});
}

TEST(Instructions, CountsTheLoopsOfAConvolution) {
  // 4 x 4 pixels, 3 x 3 of 8 channels: 72 bytes a window, too many to be gathered.
  const StepShape step{OpKind::conv, {1, 4, 4, 8}, {1, 4, 4, 6}, Window::same(4, 4, 3, 3, 1, 1)};
  const std::vector<double> terms = instruction_terms(step);
  // A row is the left border alone, the two inner pixels together, the right border alone.
  EXPECT_EQ(terms[1], 4 * 3);
  EXPECT_EQ(terms[2], 4 * 1 * 3);
  EXPECT_EQ(terms[3], 4 * 2 * 3);
  EXPECT_EQ(terms[4], 96);
  // Ten rows of windows lie inside the input: two in the first and last row of pixels, three else.
  EXPECT_EQ(terms[5], 10 * 3);
  EXPECT_EQ(terms[6], 10 * 3 * 6);
  EXPECT_EQ(terms[7], 0);
  EXPECT_EQ(terms[9], 2 * 10 * 3 * 4);
  // Padding: a row above or below for each block, eight bytes beside each of the others.
  EXPECT_EQ(terms[11], 2 * 3 * 3 + 2 * 10 * 3);
}

TEST(Instructions, CountsTheLoopsOfADepthwiseConvolution) {
  const StepShape step{
      OpKind::depthwise, {1, 5, 5, 7}, {1, 5, 5, 7}, Window::same(5, 5, 3, 3, 1, 1)};
  const std::vector<double> terms = instruction_terms(step);
  EXPECT_EQ(terms[1], 25);
  EXPECT_EQ(terms[2], 25);
  EXPECT_EQ(terms[4], 9 * 9);  // nine pixels have their whole window inside
  EXPECT_EQ(terms[6], 13 * 13 - 9 * 9);
  EXPECT_EQ(terms[7], 25 * 9 - 13 * 13);
  EXPECT_EQ(terms[8], 3 * 25);
}

TEST(Instructions, TheGraphAndItsIntegersGiveTheSame) {
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    const Graph graph = built(name, 0.5);
    EXPECT_GT(footprint(graph).instructions, 100000) << name;
    EXPECT_EQ(footprint(graph).instructions, footprint(random_network(graph, 2)).instructions)
        << name;
  }
}

TEST(Instructions, WithinTenPercentOfTheEmulator) {
  if (!has_command("arm-none-eabi-gcc") || !has_command("qemu-system-arm")) {
    GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
  }
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    for (const double width : {0.25, 1.0}) {
      const Graph graph = built(name, width);
      const DeployedModel model = deployed(random_network(graph, 5), name);
      const std::vector<std::int64_t> steps = verify(model, *find_core("m4"), 1).run.instructions;
      const auto counted = std::accumulate(steps.begin(), steps.end(), std::int64_t{0});
      const double ratio =
          static_cast<double>(footprint(graph).instructions) / static_cast<double>(counted);
      EXPECT_NEAR(ratio, 1, 0.1) << name << " x " << width << ": " << counted << " counted";
    }
  }
}

}  // namespace
}  // namespace paretiny

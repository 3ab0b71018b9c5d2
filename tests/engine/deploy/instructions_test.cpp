// The instruction model beside the emulator's counts.
#include "engine/deploy/plan/instructions.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/command.h"
#include "engine/deploy/export/export.h"
#include "tests/engine/deploy/random_network.h"

namespace paretiny::deploy {
namespace {

using namespace test;

graph::Graph built(const std::string& name, double width) {
  return models::build_model(
      {.name = name, .input = {1, 32, 32, 3}, .classes = 10, .width = width});
}

TEST(Instructions, CountsTheLoopsOfAConvolution) {
  // 4 x 4 pixels, 3 x 3 of 8 channels: 72 bytes a window, too many to be gathered.
  const StepShape step{
      graph::OpKind::conv, {1, 4, 4, 8}, {1, 4, 4, 6}, nn::Window::same(4, 4, 3, 3, 1, 1)};
  const std::vector<double> terms = instruction_terms(step, CoreClass::dsp);
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

TEST(Instructions, WithoutDspLoopsTakeOneAtATime) {
  const StepShape conv{
      graph::OpKind::conv, {1, 4, 4, 6}, {1, 4, 4, 6}, nn::Window::same(4, 4, 5, 5, 1, 1)};
  const StepShape depthwise{
      graph::OpKind::depthwise, {1, 5, 5, 7}, {1, 5, 5, 7}, nn::Window::same(5, 5, 3, 3, 1, 1)};
  const StepShape dense{graph::OpKind::fully_connected, {1, 3, 3, 7}, {1, 1, 1, 5}, {}};
  for (const CoreClass core : {CoreClass::v7m, CoreClass::v6m}) {
    // Bytes are the same in all, whether they go by fours or not.
    const std::vector<double> four = instruction_terms(conv, CoreClass::dsp);
    const std::vector<double> one = instruction_terms(conv, core);
    for (const std::size_t words : {6u, 9u, 12u}) {
      EXPECT_EQ(one[words], 0);
      EXPECT_EQ(one[words + 1], 4 * four[words] + four[words + 1]);
    }
    EXPECT_EQ(instruction_terms(depthwise, core)[2], 0);
    EXPECT_EQ(instruction_terms(depthwise, core)[5], 7 * 25);
    EXPECT_EQ(instruction_terms(dense, core), (std::vector<double>{1, 5, 0, 5 * 63}));
  }
}

TEST(Instructions, CountsTheLoopsOfADepthwiseConvolution) {
  const StepShape step{
      graph::OpKind::depthwise, {1, 5, 5, 7}, {1, 5, 5, 7}, nn::Window::same(5, 5, 3, 3, 1, 1)};
  const std::vector<double> terms = instruction_terms(step, CoreClass::dsp);
  EXPECT_EQ(terms[1], 25);
  // Of three rows or columns the first and the last pixel have one in the padding.
  EXPECT_EQ(terms,
            (std::vector<double>{1, 25, 25, 5 * 13, 13 * 13, 3 * 25, 3 * 5 * 13, 3 * 13 * 13}));
}

TEST(Instructions, TheGraphAndItsIntegersGiveTheSame) {
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    const graph::Graph graph = built(name, 0.5);
    EXPECT_GT(footprint(graph).instructions, 100000) << name;
    EXPECT_EQ(footprint(graph).instructions, footprint(random_network(graph, 2)).instructions)
        << name;
  }
}

/// The model over the emulator's count.
double ratio(const std::string& name, double width, const char* core) {
  const DeployedModel model = deployed(random_network(built(name, width), 5), name);
  const Verification result = verify(model, *find_core(core), 1);
  const std::vector<std::int64_t>& steps = result.run.instructions;
  return static_cast<double>(result.planned.instructions) /
         static_cast<double>(std::accumulate(steps.begin(), steps.end(), std::int64_t{0}));
}

TEST(Instructions, WithinTenPercentOfTheEmulator) {
  if (!has_command("arm-none-eabi-gcc") || !has_command("qemu-system-arm")) {
    GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
  }
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    for (const double width : {0.25, 1.0}) {
      EXPECT_NEAR(ratio(name, width, "m4"), 1, 0.1) << name << " x " << width;
    }
    for (const char* core : {"m3", "m0plus"}) {
      EXPECT_NEAR(ratio(name, 0.5, core), 1, 0.1) << name << " on " << core;
    }
  }
  // The constants of an M4 stand for its class.
  for (const char* core : {"m7", "m33", "m55"}) {
    EXPECT_NEAR(ratio("mobilenet_v3", 0.25, core), 1, 0.1) << core;
  }
}

}  // namespace
}  // namespace paretiny::deploy

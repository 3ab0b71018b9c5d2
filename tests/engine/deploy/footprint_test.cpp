#include "engine/deploy/plan/footprint.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/models/model.h"
#include "tests/engine/deploy/random_network.h"

namespace paretiny::deploy {

using graph::NodeId;

namespace {

graph::Graph built(const std::string& name, const Shape& input, std::int64_t classes) {
  return models::build_model({.name = name, .input = input, .classes = classes});
}

TEST(Footprint, ResNet8) {
  const Footprint result = footprint(built("resnet8", {1, 32, 32, 3}, 10));
  EXPECT_EQ(result.parameters, 77706);
  EXPECT_EQ(result.flops, 2 * result.macs);
  // Two 32 x 32 x 16 tensors are alive in the first block, and the rows that one of its
  // convolutions still reads while it writes.
  EXPECT_EQ(result.ram_arena, 33328);
  // 77,360 weights and 346 output channels, ten of them in a layer whose shifts are padded by two.
  EXPECT_EQ(result.rom_constants, 77360 + 9 * 346 + 2);
}

TEST(Footprint, ResidualTensorStaysAliveAndIsOverwrittenLast) {
  graph::Graph graph;
  const NodeId x = graph.input({1, 1, 1, 8});
  const NodeId a = graph.conv("a", x, 100, nn::Window{});
  const NodeId b = graph.conv("b", a, 100, nn::Window{});
  const NodeId sum = graph.add("sum", a, b);
  graph.fully_connected("logits", sum, 4);
  // a and b together; x and a, sum and logits take less.
  EXPECT_EQ(footprint(graph).ram_arena, 200);
}

TEST(Footprint, AnInputReadLaterIsNotOverwritten) {
  graph::Graph graph;
  const NodeId x = graph.input({1, 1, 1, 40});
  const NodeId a = graph.activation("a", x, nn::Activation::hard_swish);
  const NodeId b = graph.activation("b", x, nn::Activation::hard_sigmoid);
  const NodeId sum = graph.add("sum", a, b);
  graph.fully_connected("logits", sum, 4);
  EXPECT_EQ(footprint(graph).ram_arena, 80);
}

void expect_the_same(const Footprint& graph, const Footprint& network) {
  EXPECT_EQ(graph.rom_code, network.rom_code);
  EXPECT_EQ(graph.rom_constants, network.rom_constants);
  EXPECT_EQ(graph.ram_arena, network.ram_arena);
  EXPECT_EQ(graph.ram_stack, network.ram_stack);
  EXPECT_EQ(graph.instructions, network.instructions);
  EXPECT_EQ(graph.macs, network.macs);
}

/// The steps that only a clamp is.
std::ptrdiff_t lone_clamps(const compress::Int8Network& network) {
  return std::count_if(network.steps.begin(), network.steps.end(),
                       [](const compress::Int8Step& step) {
                         const auto* lookup = std::get_if<compress::Int8Lookup>(&step.operation);
                         return lookup != nullptr && (lookup->activation == nn::Activation::relu ||
                                                      lookup->activation == nn::Activation::relu6);
                       });
}

TEST(Footprint, OfTheGraphIsThatOfItsIntegers) {
  std::ptrdiff_t lone = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const graph::Graph graph = test::random_graph(seed);
    const compress::Int8Network network = test::random_network(graph, seed);
    lone += lone_clamps(network);
    for (const CoreClass core : {CoreClass::dsp, CoreClass::v6m}) {
      expect_the_same(footprint(graph, core), footprint(network, core));
    }
  }
  EXPECT_GT(lone, 20);
}

TEST(Footprint, CountsAClampThatNoLayerTakes) {
  graph::Graph graph;
  NodeId x = graph.input({1, 6, 6, 4});
  const NodeId input_clamp = graph.activation("after the input", x, nn::Activation::relu);
  x = graph.batch_norm("norm", graph.conv("conv", input_clamp, 4, nn::Window{}));
  const NodeId first = graph.activation("first", x, nn::Activation::relu6);
  const NodeId second = graph.activation("second", first, nn::Activation::relu);
  const NodeId shared = graph.conv("shared", second, 4, nn::Window{}, true);
  const NodeId reader = graph.activation("reader", shared, nn::Activation::relu);
  const NodeId sum = graph.add("sum", shared, reader);
  graph.fully_connected("logits", graph.activation("clamp", sum, nn::Activation::relu), 2);
  const compress::Int8Network network = test::random_network(graph, 1);
  // After the input, a second one, and one beside another reader.
  EXPECT_EQ(lone_clamps(network), 3);
  EXPECT_EQ(network.steps.size(), 7u);
  expect_the_same(footprint(graph), footprint(network));
}

}  // namespace
}  // namespace paretiny::deploy

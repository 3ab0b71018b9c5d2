#include "engine/deploy/footprint.h"

#include <gtest/gtest.h>

#include "engine/models/model.h"

namespace paretiny {
namespace {

Graph built(const std::string& name, const Shape& input, std::int64_t classes) {
  return build_model({.name = name, .input = input, .classes = classes});
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
  Graph graph;
  const NodeId x = graph.input({1, 1, 1, 8});
  const NodeId a = graph.conv("a", x, 100, Window{});
  const NodeId b = graph.conv("b", a, 100, Window{});
  const NodeId sum = graph.add("sum", a, b);
  graph.fully_connected("logits", sum, 4);
  // a and b together; x and a, sum and logits take less.
  EXPECT_EQ(footprint(graph).ram_arena, 200);
}

TEST(Footprint, AnInputReadLaterIsNotOverwritten) {
  Graph graph;
  const NodeId x = graph.input({1, 1, 1, 40});
  const NodeId a = graph.activation("a", x, Activation::hard_swish);
  const NodeId b = graph.activation("b", x, Activation::hard_sigmoid);
  const NodeId sum = graph.add("sum", a, b);
  graph.fully_connected("logits", sum, 4);
  EXPECT_EQ(footprint(graph).ram_arena, 80);
}

}  // namespace
}  // namespace paretiny

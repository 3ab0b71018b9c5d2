// Folding batch norm, calibration, and the steps that a graph becomes.
#include "engine/compress/quantize.h"

#include <cmath>
#include <limits>

#include "engine/compress/fold_batch_norm.h"
#include "engine/train/evaluate.h"
#include "tests/engine/compress/trained_networks.h"

namespace paretiny::compress {
namespace {

using namespace test;

class FoldBatchNorm : public testing::TestWithParam<const char*> {
 protected:
  const Trained& t_ = trained(GetParam());
};

TEST_P(FoldBatchNorm, KeepsTheFunction) {
  const graph::Network folded = fold_batch_norm(t_.network);
  for (const graph::Node& node : folded.graph.nodes())
    EXPECT_NE(node.op, graph::OpKind::batch_norm) << node.name;
  EXPECT_EQ(graph::macs(folded.graph), graph::macs(t_.network.graph));
  EXPECT_EQ(graph::folded_parameter_count(folded.graph),
            graph::folded_parameter_count(t_.network.graph));
  const std::vector<float> before = t_.logits(t_.network, 20);
  const std::vector<float> after = t_.logits(folded, 20);
  float largest = 0;
  for (const float logit : before) largest = std::max(largest, std::abs(logit));
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(after[i], before[i], 1e-4f * largest) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FoldBatchNorm, all_models());

TEST(Quantize, ActivationsJoinTheLayerBeforeThem) {
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 4, 4, 2});
  x = graph.conv("conv", x, 4, {}, true);
  x = graph.activation("relu", x, nn::Activation::relu);
  const graph::NodeId swish = graph.activation("swish", x, nn::Activation::hard_swish);
  x = graph.add("add", x, swish);
  x = graph.activation("relu6", x, nn::Activation::relu6);
  x = graph.max_pool("pool", x, {2, 2, 2, 2});
  x = graph.activation("late", x, nn::Activation::relu6);
  graph.fully_connected("classifier", x, 3);
  const graph::ParameterLayout layout(graph);
  const graph::Network network{graph, graph::initial_parameters(graph, layout, 1)};
  std::vector<ValueRange> ranges(static_cast<std::size_t>(graph.size()), {-4, 8});
  ranges[5] = {0, 6};
  const Int8Network int8 = quantize(network, ranges);
  std::vector<std::string> names;
  for (const Int8Step& step : int8.steps) names.push_back(step.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"conv", "swish", "add", "pool", "late", "classifier"}));
  EXPECT_EQ(int8.tensors[1].name, "relu");
  EXPECT_EQ(std::get<Int8Conv>(int8.steps[0].operation).parameters.range,
            (int8::Int8Range{int8.tensors[1].quantization.zero_point, 127}));
  EXPECT_EQ(int8.steps[2].inputs, (std::vector<int>{1, 2}));
  EXPECT_EQ(std::get<Int8Add>(int8.steps[2].operation).parameters.range,
            (int8::Int8Range{-128, 127}));
  EXPECT_EQ(int8.tensors[4].quantization, int8.tensors[3].quantization) << "pools keep the scale";
  EXPECT_EQ(std::get<Int8FullyConnected>(int8.steps[5].operation).weights_shape,
            (Shape{3, 1, 1, 16}));
  for (const std::int8_t w : std::get<Int8Conv>(int8.steps[0].operation).weights) {
    EXPECT_GE(w, -127);
  }
}

TEST(Quantize, DeadChannelsKeepTheirBias) {
  graph::Graph graph;
  graph.fully_connected("classifier", graph.input({1, 1, 1, 4}), 3);
  const graph::ParameterLayout layout(graph);
  graph::Network network{graph, std::vector<float>(static_cast<std::size_t>(layout.total()))};
  network.parameters[static_cast<std::size_t>(layout.find(1, graph::Role::bias)->offset)] = 5;
  network.parameters[static_cast<std::size_t>(layout.find(1, graph::Role::bias)->offset) + 1] = -5;
  const Int8Network int8 = quantize(network, {{-1, 1}, {-5, 5}});
  const auto stream = Stream::create({});
  const Int8Program program(*stream, int8, 1);
  stream->zero(program.input().data, program.input().bytes());
  program.run(*stream);
  const int8::Quantization q = int8.output().quantization;
  const auto* logits = program.output().as<std::int8_t>();
  EXPECT_NEAR(q.scale * static_cast<float>(logits[0] - q.zero_point), 5, q.scale);
  EXPECT_NEAR(q.scale * static_cast<float>(logits[1] - q.zero_point), -5, q.scale);
  EXPECT_EQ(logits[2], q.zero_point);
}

TEST(Quantize, ZeroIsExactAndRangesAreCovered) {
  Random random(kSeed, "ranges");
  for (int i = 0; i < 1000; ++i) {
    const auto a = static_cast<float>(random.uniform(-10, 10));
    const auto b = static_cast<float>(random.uniform(-10, 10));
    const ValueRange range{std::min(a, b), std::max(a, b)};
    const int8::Quantization q = quantization_of(range);
    EXPECT_GE(q.zero_point, -128);
    EXPECT_LE(q.zero_point, 127);
    EXPECT_LE(q.scale * static_cast<float>(-128 - q.zero_point),
              std::min(range.low, 0.0f) + 0.51f * q.scale);
    EXPECT_GE(q.scale * static_cast<float>(127 - q.zero_point),
              std::max(range.high, 0.0f) - 0.51f * q.scale);
  }
  EXPECT_EQ(quantization_of({0, 0}), (int8::Quantization{1.0f / 255, -128}));
}

TEST(Quantize, TablesStandAnyRange) {
  for (const float high : {0.0f, 1e-3f, 1.0f, 1e3f}) {
    for (const float low : {0.0f, -1e-3f, -3.0f, -1e3f}) {
      graph::Graph graph;
      graph::NodeId x = graph.input({1, 1, 1, 4});
      x = graph.activation("swish", x, nn::Activation::hard_swish);
      x = graph.activation("gate", x, nn::Activation::hard_sigmoid);
      graph.fully_connected("classifier", x, 2);
      const graph::ParameterLayout layout(graph);
      const graph::Network network{graph, graph::initial_parameters(graph, layout, 1)};
      EXPECT_NO_THROW(quantize(network, {{low, high}, {}, {}, {-1, 1}})) << low << " " << high;
    }
  }
}

TEST(Quantize, BadInputIsNamed) {
  const auto message = [](const auto& run) -> std::string {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const Trained& t = trained("ds_cnn");
  const auto contains = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(contains(message([&] { quantize(*t.stream, t.network, t.data, {0}, 1); }),
                       "at least one sample"));
  EXPECT_TRUE(
      contains(message([&] {
                 quantize(*t.stream, t.network, t.data, {10, RangeMethod::percentile, 101}, 1);
               }),
               "at most 100"));
  graph::Network broken = t.network;
  broken.parameters[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(contains(message([&] { quantize(*t.stream, broken, t.data, {}, 1); }), "not finite"));
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 1, 1, 4});
  x = graph.batch_norm("lonely", x);
  graph.fully_connected("classifier", x, 2);
  EXPECT_TRUE(contains(message([&] {
                         fold_batch_norm({graph, std::vector<float>(static_cast<std::size_t>(
                                                     graph::ParameterLayout(graph).total()))});
                       }),
                       "lonely"));
  const Int8Network int8 = quantize(*t.stream, t.network, t.data, {64}, 1);
  EXPECT_TRUE(
      contains(message([&] { train::int8_accuracy(*t.stream, int8, t.data, t.data.validation); }),
               "no samples"));
}

}  // namespace
}  // namespace paretiny::compress

// What the quantizer makes the reader of model files takes, however large or small the numbers;
// what no int8 network can hold is refused by the quantizer, with the node's name.
#include "engine/compress/int8_limits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/compress/quantize.h"
#include "engine/deploy/formats/int8_network_json.h"
#include "kernels/core/random.h"

namespace paretiny::compress {
namespace {

constexpr double kMost = std::numeric_limits<float>::max();

/// A classifier of `features` inputs, an even number in two columns, and 2 classes.
struct Classifier {
  graph::Graph graph;
  graph::ParameterLayout layout;
  graph::Network network;

  explicit Classifier(std::int64_t features)
      : graph([&] {
          graph::Graph made;
          made.fully_connected("classifier", made.input({1, 1, 2, features / 2}), 2);
          return made;
        }()),
        layout(graph),
        network{graph, std::vector<float>(static_cast<std::size_t>(layout.total()))} {}

  float* weights() {
    return network.parameters.data() + layout.find(1, graph::Role::weight)->offset;
  }
  float* bias() { return network.parameters.data() + layout.find(1, graph::Role::bias)->offset; }
};

void expect_readable(const Int8Network& network) {
  EXPECT_NO_THROW(deploy::int8_network_from_json(deploy::to_json(network)));
}

std::string refusal(const graph::Network& network, const std::vector<ValueRange>& ranges) {
  try {
    expect_readable(quantize(network, ranges));
  } catch (const DivergedError& error) {
    return error.what();
  }
  return "";
}

TEST(Int8Limits, TinyWeightsBesideALargeBiasWiden) {
  for (const float weight : {0.0f, 1e-45f, 1.2e-38f, 1e-36f, 1e-20f, 1e-12f, 1e-9f}) {
    for (const float bias : {0.0f, 1e-30f, 1e-3f, 5.0f, 1e6f}) {
      SCOPED_TRACE(testing::Message() << "weight " << weight << ", bias " << bias);
      Classifier made(4);
      std::fill_n(made.weights(), 8, weight);
      made.bias()[0] = bias;
      made.bias()[1] = -bias;
      const float most = std::max(bias, 1e-3f);
      const Int8Network network = quantize(made.network, {{-1, 1}, {-most, most}});
      expect_readable(network);
      const auto& layer = std::get<Int8FullyConnected>(network.steps[0].operation);
      for (std::size_t c = 0; c < 2; ++c) {
        const double step = double{network.input().quantization.scale} * layer.weight_scales[c];
        EXPECT_NEAR(layer.bias[c] * step, double{made.bias()[c]}, 1e-6 * bias + step);
      }
    }
  }
}

TEST(Int8Limits, ManyTapsStayWithinThirtyTwoBits) {
  constexpr std::int64_t kFeatures = 70'000;  // of 127 * 255 each: more than 2^31
  Classifier made(kFeatures);
  std::fill_n(made.weights(), 2 * kFeatures, 0.5f);
  made.bias()[0] = 1000;
  const Int8Network network = quantize(made.network, {{-1, 1}, {-35'000, 36'000}});
  const auto& layer = std::get<Int8FullyConnected>(network.steps[0].operation);
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_TRUE(sum_fits(&layer.weights[c * kFeatures], kFeatures, 1, layer.bias[c]));
    EXPECT_NEAR(layer.weights[c * kFeatures] * double{layer.weight_scales[c]}, 0.5, 0.01);
  }
}

TEST(Int8Limits, WhatNoScaleHoldsIsRefusedByName) {
  Classifier huge(4);
  huge.weights()[0] = 1e12f;
  EXPECT_EQ(refusal(huge.network, {{-1, 1}, {-1, 1}}),
            "node classifier has no int8 form: a weight's scale is out of range (2^-40 to 2^24)");
  Classifier plain(4);
  plain.weights()[0] = 1e3f;
  EXPECT_NE(refusal(plain.network, {{-1, 1}, {-1e12f, 1}}).find("a tensor's scale"),
            std::string::npos);
  EXPECT_NE(refusal(plain.network, {{-1e12f, 1}, {-1, 1}}).find("node input"), std::string::npos);
  EXPECT_NE(refusal(plain.network, {{-1e9f, 1}, {0, 1e-3f}}).find("output scale is too small"),
            std::string::npos);
  plain.weights()[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(refusal(plain.network, {{-1, 1}, {-1, 1}}).find("not finite"), std::string::npos);
}

/// Weights, biases and ranges over all magnitudes: refused or readable, nothing else.
TEST(Int8Limits, AnyMagnitudeIsRefusedOrReadable) {
  Random random(1, "magnitudes");
  const auto magnitude = [&] {
    const double value = std::min(std::pow(10.0, random.uniform(-45, 39)), kMost);
    return static_cast<float>(random.below(2) == 0 ? value : -value);
  };
  int readable = 0, refused = 0;
  for (int i = 0; i < 2000; ++i) {
    graph::Graph graph;
    graph::NodeId x = graph.input({1, 3, 3, 2});
    const graph::NodeId a = graph.depthwise("depthwise", x, {3, 3, 1, 1, 1, 1, 1, 1}, true);
    const graph::NodeId b = graph.conv("conv", a, 2, {}, true);
    x = graph.add("add", a, b);
    x = graph.activation("gate", x, nn::Activation::hard_sigmoid);
    x = graph.global_average_pool("mean", x);
    graph.fully_connected("classifier", x, 2);
    const graph::ParameterLayout layout(graph);
    graph::Network network{graph, std::vector<float>(static_cast<std::size_t>(layout.total()))};
    for (float& parameter : network.parameters) parameter = magnitude();
    const float common = std::fabs(magnitude());
    if (i % 2 == 0) {
      for (float& parameter : network.parameters) parameter = std::copysign(common, parameter);
    }
    std::vector<ValueRange> ranges(static_cast<std::size_t>(graph.size()));
    for (ValueRange& range : ranges) {
      const float end =
          i % 4 < 2 ? std::fabs(magnitude()) : static_cast<float>(random.uniform(0.1, 10));
      range = {-end, end};
    }
    const bool taken = refusal(network, ranges).empty();
    ++(taken ? readable : refused);
  }
  EXPECT_GT(readable, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace paretiny::compress

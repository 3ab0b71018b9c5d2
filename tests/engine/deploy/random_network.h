// int8 networks with random weights and ranges: what matters for code is in them, and nothing has
// to be trained.
#pragma once

#include <span>
#include <string>

#include "engine/compress/fold_batch_norm.h"
#include "engine/compress/quantize.h"
#include "engine/deploy/deployed_model.h"
#include "engine/models/model.h"
#include "kernels/core/random.h"

namespace paretiny::test {

inline compress::Int8Network random_network(const graph::Graph& graph, std::uint64_t seed) {
  const graph::ParameterLayout layout(graph);
  const graph::Network folded =
      compress::fold_batch_norm({graph, graph::initial_parameters(graph, layout, seed)});
  Random random(seed, "ranges");
  std::vector<compress::ValueRange> ranges;
  for (graph::NodeId id = 0; id < folded.graph.size(); ++id) {
    ranges.push_back(
        {static_cast<float>(random.uniform(-3, 0)), static_cast<float>(random.uniform(0.5, 3))});
  }
  return compress::quantize(folded, ranges);
}

/// The same with the ranges that noise gives, which a deep network needs if its output is to depend
/// on its input.
inline compress::Int8Network calibrated_network(const graph::Graph& graph, std::uint64_t seed) {
  const graph::Network folded = compress::fold_batch_norm(
      {graph, graph::initial_parameters(graph, graph::ParameterLayout(graph), seed)});
  data::Dataset noise;
  noise.train = {DType::f32, graph.node(0).output, {}, std::vector<std::int32_t>(16)};
  Random random(seed, "noise");
  std::vector<float> values;
  for (std::int64_t i = 0; i < 16 * noise.sample().elements(); ++i) {
    values.push_back(static_cast<float>(random.normal()));
  }
  const auto bytes = std::as_bytes(std::span(values));
  noise.train.values.assign(bytes.begin(), bytes.end());
  noise.validation.sample = noise.test.sample = noise.sample();
  noise.scale.assign(static_cast<std::size_t>(noise.sample().c), 1.0f);
  noise.shift.assign(noise.scale.size(), 0.0f);
  const auto stream = Stream::create({});
  return compress::quantize(
      folded,
      compress::calibrate(*stream, folded, data::ResidentDataset(*stream, noise), {16}, seed));
}

/// A graph with every operator, shapes from the seed.
inline graph::Graph random_graph(std::uint64_t seed) {
  Random random(seed, "graph");
  const auto draw = [&](int low, int high) {
    return low +
           static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  graph::Graph graph;
  const bool series = random.below(3) == 0;
  graph::NodeId x = graph.input({1, series ? 1 : draw(5, 11), draw(5, 12), draw(1, 6)});
  const auto window = [&](graph::NodeId from) {
    const Shape& in = graph.node(from).output;
    const std::int64_t k = draw(1, 4);
    const std::int64_t stride_w = draw(1, 2);
    const std::int64_t stride_h = series ? 1 : draw(1, 2);
    return nn::Window::same(in.h, in.w, series ? 1 : k, k, stride_h, stride_w);
  };
  const auto name = [&] { return "node" + std::to_string(graph.size()); };
  const nn::Activation activations[] = {nn::Activation::relu, nn::Activation::relu6,
                                        nn::Activation::hard_swish, nn::Activation::hard_sigmoid};
  for (int layer = 0; layer < 6; ++layer) {
    switch (draw(0, 6)) {
      case 0: {
        const nn::Window over = window(x);
        x = graph.conv(name(), x, draw(1, 9), over, true);
        break;
      }
      case 1:
        x = graph.depthwise(name(), x, window(x), true);
        break;
      case 2: {
        const graph::NodeId a = graph.conv(name(), x, graph.node(x).output.c, nn::Window{});
        x = graph.add(name(), x, a);
        break;
      }
      case 3: {
        const graph::NodeId gate = graph.global_average_pool(name(), x);
        const graph::NodeId f =
            graph.conv(name(), gate, graph.node(x).output.c, nn::Window{}, true);
        const graph::NodeId share = graph.activation(name(), f, nn::Activation::hard_sigmoid);
        x = graph.channel_scale(name(), x, share);
        break;
      }
      case 4:
        x = graph.max_pool(name(), x, window(x));
        break;
      case 5:
        x = graph.average_pool(name(), x, window(x));
        break;
      default:
        x = graph.conv(name(), x, draw(1, 12), nn::Window{}, true);
        break;
    }
    if (draw(0, 1) == 1) x = graph.activation(name(), x, activations[draw(0, 3)]);
  }
  if (draw(0, 1) == 1) x = graph.global_average_pool(name(), x);
  graph.fully_connected("logits", x, draw(2, 7));
  return graph;
}

inline deploy::DeployedModel deployed(compress::Int8Network network, const std::string& name) {
  deploy::DeployedModel model{name, std::move(network), {}, {}, {}};
  for (std::int64_t k = 0; k < model.network.output().shape.c; ++k) {
    model.classes.push_back("class " + std::to_string(k));
  }
  model.scale.assign(static_cast<std::size_t>(model.network.input().shape.c), 0.5f);
  model.shift.assign(model.scale.size(), -0.25f);
  return model;
}

}  // namespace paretiny::test

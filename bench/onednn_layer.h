// One layer by oneDNN's own primitives: what ours is held against.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>

#include "bench/onednn_step.h"

namespace paretiny::bench {

enum class Layer { batch_norm, hard_swish, add };
enum class Pass { forward, backward };

/// A network of that layer alone; `activation` follows a batch norm.
inline graph::Graph network_of(Layer layer, nn::Activation activation, Shape shape) {
  graph::Graph graph;
  shape.n = 1;
  const graph::NodeId x = graph.input(shape);
  if (layer == Layer::add) {
    graph.add("add", x, x);
  } else if (layer == Layer::hard_swish) {
    graph.activation("hard_swish", x, nn::Activation::hard_swish);
  } else {
    const graph::NodeId norm = graph.batch_norm("norm", x);
    if (activation != nn::Activation::none) graph.activation("activation", norm, activation);
  }
  return graph;
}

/// Seconds of the fastest call of oneDNN's primitive for one pass of the layer, over tensors of
/// `shape`, n of them a batch. As many sets of them are taken by turns as no cache holds.
inline double onednn_seconds(Layer layer, Pass pass, nn::Activation activation, const Shape& shape,
                             DType dtype, std::size_t sets) {
  const graph::Graph graph = network_of(layer, activation, shape);
  std::deque<OneDnnStep> steps;
  for (std::size_t k = 0; k < sets; ++k) steps.emplace_back(graph, shape.n, dtype);
  const std::size_t call = pass == Pass::forward ? 0 : 1;
  double best = 1e9;
  for (std::size_t run = 0; run < 10 + 2 * sets; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    steps[run % sets].run(call);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    if (run >= sets) best = std::min(best, time.count());
  }
  return best;
}

}  // namespace paretiny::bench

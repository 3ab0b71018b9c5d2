#include "engine/graph/graph.h"

#include <algorithm>

#include "kernels/core/check.h"

namespace paretiny::graph {

const char* name_of(OpKind op) {
  switch (op) {
    case OpKind::input:
      return "input";
    case OpKind::conv:
      return "conv";
    case OpKind::depthwise:
      return "depthwise";
    case OpKind::batch_norm:
      return "batch_norm";
    case OpKind::activation:
      return "activation";
    case OpKind::add:
      return "add";
    case OpKind::channel_scale:
      return "channel_scale";
    case OpKind::max_pool:
      return "max_pool";
    case OpKind::average_pool:
      return "average_pool";
    case OpKind::global_average_pool:
      return "global_average_pool";
    case OpKind::fully_connected:
      return "fully_connected";
  }
  return "?";
}

Shape infer_shape(const Node& node, const std::vector<Shape>& inputs, std::int64_t channels) {
  const auto fail = [&](const std::string& what) {
    throw UsageError("node '" + node.name + "' (" + name_of(node.op) + "): " + what);
  };
  const std::size_t arity = node.op == OpKind::input                                     ? 0
                            : node.op == OpKind::add || node.op == OpKind::channel_scale ? 2
                                                                                         : 1;
  if (inputs.size() != arity) {
    fail("has " + std::to_string(inputs.size()) + " inputs, expected " + std::to_string(arity));
  }
  const auto windowed = [&](std::int64_t c) {
    const Shape& in = inputs[0];
    if (!node.window.valid(in.h, in.w))
      fail("the window does not fit an input of " + to_string(in));
    return Shape{1, node.window.out_h(in.h), node.window.out_w(in.w), c};
  };
  switch (node.op) {
    case OpKind::input:
      return node.output;
    case OpKind::conv:
      if (channels < 1) fail("needs at least one output channel");
      return windowed(channels);
    case OpKind::depthwise:
    case OpKind::max_pool:
    case OpKind::average_pool:
      return windowed(inputs[0].c);
    case OpKind::batch_norm:
    case OpKind::activation:
      return inputs[0];
    case OpKind::add:
      if (inputs[0] != inputs[1]) {
        fail("adds shapes " + to_string(inputs[0]) + " and " + to_string(inputs[1]));
      }
      return inputs[0];
    case OpKind::channel_scale:
      if (inputs[1] != Shape{1, 1, 1, inputs[0].c}) {
        fail("scales " + to_string(inputs[0]) + " by " + to_string(inputs[1]));
      }
      return inputs[0];
    case OpKind::global_average_pool:
      return {1, 1, 1, inputs[0].c};
    case OpKind::fully_connected:
      if (channels < 1) fail("needs at least one output feature");
      return {1, 1, 1, channels};
  }
  return {};
}

NodeId Graph::append(Node node, std::int64_t channels) {
  std::vector<Shape> shapes;
  for (const NodeId id : node.inputs) {
    if (id < 0 || id >= size()) throw UsageError("node '" + node.name + "' reads an unknown node");
    shapes.push_back(this->node(id).output);
  }
  const bool taken = std::any_of(nodes_.begin(), nodes_.end(),
                                 [&](const Node& other) { return other.name == node.name; });
  if (taken) throw UsageError("two nodes are called '" + node.name + "'");
  if ((node.op == OpKind::input) != nodes_.empty()) {
    throw UsageError("a graph has one input node and it comes first");
  }
  node.output = infer_shape(node, shapes, channels);
  const Shape& output = node.output;
  if (std::max({output.h, output.w, output.c}) > kMostExtent) {
    throw UsageError("node '" + node.name + "' (" + name_of(node.op) + "): its output is " +
                     to_string(output) + "; rows, columns and channels are at most " +
                     std::to_string(kMostExtent) + " each");
  }
  nodes_.push_back(std::move(node));
  return size() - 1;
}

NodeId Graph::input(const Shape& sample) {
  check(sample.n == 1 && sample.h > 0 && sample.w > 0 && sample.c > 0, "graph input",
        "shape of one sample expected, got " + to_string(sample));
  Node node;
  node.name = "input";
  node.output = sample;
  return append(std::move(node), sample.c);
}

NodeId Graph::conv(const std::string& name, NodeId from, std::int64_t channels,
                   const nn::Window& window, bool bias) {
  Node node{.name = name, .op = OpKind::conv, .inputs = {from}};
  node.window = window;
  node.bias = bias;
  return append(std::move(node), channels);
}

NodeId Graph::depthwise(const std::string& name, NodeId from, const nn::Window& window, bool bias) {
  Node node{.name = name, .op = OpKind::depthwise, .inputs = {from}};
  node.window = window;
  node.bias = bias;
  return append(std::move(node), 0);
}

NodeId Graph::batch_norm(const std::string& name, NodeId from, float epsilon, float momentum) {
  Node node{.name = name, .op = OpKind::batch_norm, .inputs = {from}};
  node.epsilon = epsilon;
  node.momentum = momentum;
  return append(std::move(node), 0);
}

NodeId Graph::activation(const std::string& name, NodeId from, nn::Activation activation) {
  Node node{.name = name, .op = OpKind::activation, .inputs = {from}};
  node.activation = activation;
  return append(std::move(node), 0);
}

NodeId Graph::add(const std::string& name, NodeId a, NodeId b) {
  return append({.name = name, .op = OpKind::add, .inputs = {a, b}}, 0);
}

NodeId Graph::channel_scale(const std::string& name, NodeId from, NodeId scale) {
  return append({.name = name, .op = OpKind::channel_scale, .inputs = {from, scale}}, 0);
}

NodeId Graph::max_pool(const std::string& name, NodeId from, const nn::Window& window) {
  Node node{.name = name, .op = OpKind::max_pool, .inputs = {from}};
  node.window = window;
  return append(std::move(node), 0);
}

NodeId Graph::average_pool(const std::string& name, NodeId from, const nn::Window& window) {
  Node node{.name = name, .op = OpKind::average_pool, .inputs = {from}};
  node.window = window;
  return append(std::move(node), 0);
}

NodeId Graph::global_average_pool(const std::string& name, NodeId from) {
  return append({.name = name, .op = OpKind::global_average_pool, .inputs = {from}}, 0);
}

NodeId Graph::fully_connected(const std::string& name, NodeId from, std::int64_t features,
                              bool bias) {
  Node node{.name = name, .op = OpKind::fully_connected, .inputs = {from}};
  node.bias = bias;
  return append(std::move(node), features);
}

std::vector<std::vector<NodeId>> Graph::consumers() const {
  std::vector<std::vector<NodeId>> readers(nodes_.size());
  for (NodeId id = 0; id < size(); ++id) {
    for (const NodeId from : node(id).inputs) {
      std::vector<NodeId>& list = readers[static_cast<std::size_t>(from)];
      if (list.empty() || list.back() != id) list.push_back(id);
    }
  }
  return readers;
}

Graph Graph::with_channels(const std::vector<std::int64_t>& channels) const {
  Graph graph;
  for (NodeId id = 0; id < size(); ++id) {
    graph.append(node(id), channels[static_cast<std::size_t>(id)]);
  }
  return graph;
}

std::int64_t macs(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const std::int64_t taps = node.window.kernel_h * node.window.kernel_w;
  switch (node.op) {
    case OpKind::conv:
      return node.output.elements() * taps * graph.input_of(id).c;
    case OpKind::depthwise:
      return node.output.elements() * taps;
    case OpKind::fully_connected:
      return node.output.elements() * graph.input_of(id).elements();
    default:
      return 0;
  }
}

std::int64_t macs(const Graph& graph) {
  std::int64_t sum = 0;
  for (NodeId id = 0; id < graph.size(); ++id) sum += macs(graph, id);
  return sum;
}

}  // namespace paretiny::graph

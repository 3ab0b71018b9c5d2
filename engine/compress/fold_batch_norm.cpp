#include "engine/compress/fold_batch_norm.h"

#include <cmath>

namespace paretiny::compress {

using graph::NodeId;
using graph::OpKind;

namespace {

/// Appends a node like `node`, whatever it is but a batch norm.
NodeId append(graph::Graph& graph, const graph::Node& node, const std::vector<NodeId>& inputs,
              bool bias) {
  switch (node.op) {
    case OpKind::input:
      return graph.input(node.output);
    case OpKind::conv:
      return graph.conv(node.name, inputs[0], node.output.c, node.window, bias);
    case OpKind::depthwise:
      return graph.depthwise(node.name, inputs[0], node.window, bias);
    case OpKind::activation:
      return graph.activation(node.name, inputs[0], node.activation);
    case OpKind::add:
      return graph.add(node.name, inputs[0], inputs[1]);
    case OpKind::channel_scale:
      return graph.channel_scale(node.name, inputs[0], inputs[1]);
    case OpKind::max_pool:
      return graph.max_pool(node.name, inputs[0], node.window);
    case OpKind::average_pool:
      return graph.average_pool(node.name, inputs[0], node.window);
    case OpKind::global_average_pool:
      return graph.global_average_pool(node.name, inputs[0]);
    case OpKind::fully_connected:
      return graph.fully_connected(node.name, inputs[0], node.output.c, bias);
    case OpKind::batch_norm:
      break;
  }
  throw UsageError("node " + node.name + " cannot be copied");
}

bool has_weights(OpKind op) {
  return op == OpKind::conv || op == OpKind::depthwise || op == OpKind::fully_connected;
}

/// For every node, the batch norm that it absorbs, or -1.
std::vector<NodeId> absorbed_norms(const graph::Graph& graph) {
  const std::vector<std::vector<NodeId>> consumers = graph.consumers();
  std::vector<NodeId> norms(static_cast<std::size_t>(graph.size()), -1);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
    if (node.op != OpKind::batch_norm) continue;
    const auto from = static_cast<std::size_t>(node.inputs[0]);
    if (!has_weights(graph.node(node.inputs[0]).op) || consumers[from].size() != 1) {
      throw UsageError("batch norm " + node.name +
                       " cannot be folded: it must follow a convolution that only it reads");
    }
    norms[from] = id;
  }
  return norms;
}

/// One layer's factor and offset a channel.
struct Affine {
  std::vector<double> factor, offset;
};

}  // namespace

graph::Network fold_batch_norm(const graph::Network& network) {
  const graph::Graph& graph = network.graph;
  const std::vector<NodeId> norms = absorbed_norms(graph);
  graph::Graph folded;
  std::vector<NodeId> moved;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
    std::vector<NodeId> inputs;
    for (const NodeId from : node.inputs) inputs.push_back(moved[static_cast<std::size_t>(from)]);
    const bool absorbs = norms[static_cast<std::size_t>(id)] >= 0;
    moved.push_back(node.op == OpKind::batch_norm
                        ? inputs[0]
                        : append(folded, node, inputs, node.bias || absorbs));
  }

  const graph::ParameterLayout from(graph);
  const graph::ParameterLayout to(folded);
  const auto values = [&](NodeId id, graph::Role role) {
    const graph::ParameterTensor* tensor = from.find(id, role);
    return tensor == nullptr ? nullptr : network.parameters.data() + tensor->offset;
  };
  const auto affine = [&](NodeId id) {
    const auto channels = static_cast<std::size_t>(graph.node(id).output.c);
    const float* bias = values(id, graph::Role::bias);
    const NodeId norm = norms[static_cast<std::size_t>(id)];
    Affine result{std::vector<double>(channels, 1), std::vector<double>(channels)};
    for (std::size_t c = 0; c < channels; ++c) {
      const double b = bias == nullptr ? 0.0 : double{bias[c]};
      result.offset[c] = b;
      if (norm < 0) continue;
      const double variance = double{values(norm, graph::Role::running_var)[c]};
      result.factor[c] = double{values(norm, graph::Role::gamma)[c]} /
                         std::sqrt(variance + double{graph.node(norm).epsilon});
      result.offset[c] =
          double{values(norm, graph::Role::beta)[c]} +
          (b - double{values(norm, graph::Role::running_mean)[c]}) * result.factor[c];
    }
    return result;
  };

  graph::Network result{folded, std::vector<float>(static_cast<std::size_t>(to.total()))};
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!has_weights(graph.node(id).op)) continue;
    const Affine layer = affine(id);
    const NodeId target = moved[static_cast<std::size_t>(id)];
    const graph::ParameterTensor& weight = *to.find(target, graph::Role::weight);
    const auto elements = static_cast<std::size_t>(weight.shape.elements());
    const std::size_t channels = layer.factor.size();
    const bool depthwise = graph.node(id).op == OpKind::depthwise;
    for (std::size_t i = 0; i < elements; ++i) {
      const std::size_t c = depthwise ? i % channels : i / (elements / channels);
      result.parameters[static_cast<std::size_t>(weight.offset) + i] =
          static_cast<float>(double{values(id, graph::Role::weight)[i]} * layer.factor[c]);
    }
    const graph::ParameterTensor* bias = to.find(target, graph::Role::bias);
    for (std::size_t c = 0; bias != nullptr && c < channels; ++c) {
      result.parameters[static_cast<std::size_t>(bias->offset) + c] =
          static_cast<float>(layer.offset[c]);
    }
  }
  return result;
}

}  // namespace paretiny::compress

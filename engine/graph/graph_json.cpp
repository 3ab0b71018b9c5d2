#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/graph/graph.h"

namespace paretiny::graph {
namespace {

using nlohmann::json;

bool has_window(OpKind op) {
  return op == OpKind::conv || op == OpKind::depthwise || op == OpKind::max_pool ||
         op == OpKind::average_pool;
}

bool may_have_bias(OpKind op) {
  return op == OpKind::conv || op == OpKind::depthwise || op == OpKind::fully_connected;
}

template <class Kind>
Kind kind_named(const std::string& name, Kind last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (name == name_of(static_cast<Kind>(i))) return static_cast<Kind>(i);
  }
  throw DataError("graph: '" + name + "' is not known");
}

nn::Window window_of(const json& node) {
  const auto& k = node.at("kernel");
  const auto& s = node.at("stride");
  const auto& p = node.at("padding");
  return {k.at(0), k.at(1), s.at(0), s.at(1), p.at(0), p.at(1), p.at(2), p.at(3)};
}

void append(Graph& graph, const json& node) {
  const std::string name = node.at("name");
  const OpKind op = kind_named<OpKind>(node.at("op"), OpKind::fully_connected);
  const std::vector<NodeId> in = node.at("inputs");
  const auto from = [&](std::size_t i) { return in.at(i); };
  const bool bias = node.value("bias", false);
  switch (op) {
    case OpKind::input: {
      const auto& s = node.at("shape");
      graph.input({1, s.at(0), s.at(1), s.at(2)});
      return;
    }
    case OpKind::conv:
      graph.conv(name, from(0), node.at("channels"), window_of(node), bias);
      return;
    case OpKind::depthwise:
      graph.depthwise(name, from(0), window_of(node), bias);
      return;
    case OpKind::batch_norm:
      graph.batch_norm(name, from(0), node.at("epsilon"), node.at("momentum"));
      return;
    case OpKind::activation:
      graph.activation(
          name, from(0),
          kind_named<nn::Activation>(node.at("activation"), nn::Activation::hard_sigmoid));
      return;
    case OpKind::add:
      graph.add(name, from(0), from(1));
      return;
    case OpKind::channel_scale:
      graph.channel_scale(name, from(0), from(1));
      return;
    case OpKind::max_pool:
      graph.max_pool(name, from(0), window_of(node));
      return;
    case OpKind::average_pool:
      graph.average_pool(name, from(0), window_of(node));
      return;
    case OpKind::global_average_pool:
      graph.global_average_pool(name, from(0));
      return;
    case OpKind::fully_connected:
      graph.fully_connected(name, from(0), node.at("channels"), bias);
      return;
  }
}

}  // namespace

json to_json(const Graph& graph) {
  json nodes = json::array();
  for (const Node& node : graph.nodes()) {
    json entry = {{"name", node.name}, {"op", name_of(node.op)}, {"inputs", node.inputs}};
    entry["shape"] = {node.output.h, node.output.w, node.output.c};
    if (has_window(node.op)) {
      const nn::Window& w = node.window;
      entry["kernel"] = {w.kernel_h, w.kernel_w};
      entry["stride"] = {w.stride_h, w.stride_w};
      entry["padding"] = {w.top, w.left, w.bottom, w.right};
    }
    if (node.op == OpKind::conv || node.op == OpKind::fully_connected) {
      entry["channels"] = node.output.c;
    }
    if (may_have_bias(node.op)) entry["bias"] = node.bias;
    if (node.op == OpKind::batch_norm) {
      entry["epsilon"] = node.epsilon;
      entry["momentum"] = node.momentum;
    }
    if (node.op == OpKind::activation) entry["activation"] = name_of(node.activation);
    nodes.push_back(std::move(entry));
  }
  return {{"nodes", nodes}};
}

Graph graph_from_json(const json& form) {
  Graph graph;
  try {
    for (const json& node : form.at("nodes")) append(graph, node);
  } catch (const json::exception& error) {
    throw DataError("graph: node " + std::to_string(graph.size()) + ": " + error.what());
  } catch (const UsageError& error) {
    throw DataError(std::string("graph: ") + error.what());
  }
  if (graph.size() == 0) throw DataError("graph: it has no nodes");
  return graph;
}

}  // namespace paretiny::graph

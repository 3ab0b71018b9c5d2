#include "engine/graph/steps.h"

namespace paretiny::graph {
namespace {

bool is_clamp(const Node& node) {
  return node.op == OpKind::activation &&
         (node.activation == nn::Activation::relu || node.activation == nn::Activation::relu6);
}

bool takes_clamp(OpKind op) {
  return op == OpKind::conv || op == OpKind::depthwise || op == OpKind::fully_connected ||
         op == OpKind::add;
}

}  // namespace

std::vector<NodeId> step_nodes(const Graph& graph) {
  const std::vector<std::vector<NodeId>> consumers = graph.consumers();
  std::vector<NodeId> steps;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    steps.push_back(id);
    if (node.op == OpKind::input) continue;
    const NodeId from = node.inputs.front();
    const NodeId step = steps[static_cast<std::size_t>(from)];
    // What the step computes so far is the layer's own output, batch norm or not.
    const bool open = from == step || graph.node(from).op == OpKind::batch_norm;
    const bool clamps = is_clamp(node) && open && takes_clamp(graph.node(step).op) &&
                        consumers[static_cast<std::size_t>(from)].size() == 1;
    if (node.op == OpKind::batch_norm || clamps) steps.back() = step;
  }
  return steps;
}

}  // namespace paretiny::graph

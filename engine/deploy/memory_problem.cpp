#include "engine/deploy/memory_problem.h"

#include <variant>

#include "engine/deploy/overloaded.h"
#include "engine/graph/steps.h"

namespace paretiny {
namespace {

std::size_t lead(Overlap overlap, const Shape& input, const Shape& output, const Window& window,
                 std::int64_t at_once) {
  return overlap == Overlap::sliding ? window_lead(input, output, window, at_once) : kNoOverlap;
}

/// By input of a node that keeps its own tensor.
std::vector<std::size_t> leads_of(const Graph& graph, NodeId id, Overlap overlap) {
  const Node& node = graph.node(id);
  const auto window = [&](std::int64_t at_once) {
    return lead(overlap, graph.input_of(id), node.output, node.window, at_once);
  };
  switch (node.op) {
    case OpKind::conv:
    case OpKind::depthwise:
      return {window(kPixelsAtOnce)};
    case OpKind::max_pool:
    case OpKind::average_pool:
      return {window(1)};
    case OpKind::add:
      return {0, 0};
    case OpKind::channel_scale:
      return {0, kNoOverlap};
    case OpKind::activation:
    case OpKind::batch_norm:
      return {0};
    case OpKind::global_average_pool:
    case OpKind::fully_connected:
    case OpKind::input:
      break;
  }
  return {kNoOverlap};
}

}  // namespace

MemoryProblem memory_problem(const Graph& graph, Overlap overlap) {
  MemoryProblem problem;
  const std::vector<NodeId> steps = step_nodes(graph);
  std::vector<int> tensor;  // of each node
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const NodeId own = steps[static_cast<std::size_t>(id)];
    if (own != id) {
      tensor.push_back(tensor[static_cast<std::size_t>(own)]);
      continue;
    }
    if (node.op != OpKind::input) {
      MemoryStep step{{}, leads_of(graph, id, overlap), static_cast<int>(problem.bytes.size())};
      for (const NodeId input : node.inputs) {
        step.inputs.push_back(tensor[static_cast<std::size_t>(input)]);
      }
      problem.steps.push_back(std::move(step));
    }
    tensor.push_back(static_cast<int>(problem.bytes.size()));
    problem.bytes.push_back(static_cast<std::size_t>(node.output.elements()));
  }
  return problem;
}

MemoryProblem memory_problem(const Int8Network& network, Overlap overlap) {
  MemoryProblem problem;
  for (const Int8Tensor& tensor : network.tensors) {
    problem.bytes.push_back(static_cast<std::size_t>(tensor.shape.elements()));
  }
  for (const Int8Step& step : network.steps) {
    const Shape& in = network.tensors[static_cast<std::size_t>(step.inputs.front())].shape;
    const Shape& out = network.tensors[static_cast<std::size_t>(step.output)].shape;
    const auto window = [&](const Window& w, std::int64_t at_once) {
      return std::vector<std::size_t>{lead(overlap, in, out, w, at_once)};
    };
    using Leads = std::vector<std::size_t>;
    Leads leads =
        std::visit(Overloaded{
                       [&](const Int8Conv& op) { return window(op.window, kPixelsAtOnce); },
                       [&](const Int8Depthwise& op) { return window(op.window, kPixelsAtOnce); },
                       [](const Int8FullyConnected&) { return Leads{kNoOverlap}; },
                       [](const Int8Add&) {
                         return Leads{0, 0};
                       },
                       [](const Int8Mul&) {
                         return Leads{0, kNoOverlap};
                       },
                       [](const Int8Lookup&) { return Leads{0}; },
                       [&](const Int8MaxPool& op) { return window(op.window, 1); },
                       [&](const Int8AveragePool& op) { return window(op.window, 1); },
                       [](const Int8Mean&) { return Leads{kNoOverlap}; },
                   },
                   step.operation);
    problem.steps.push_back({step.inputs, std::move(leads), step.output});
  }
  return problem;
}

}  // namespace paretiny

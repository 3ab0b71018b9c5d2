#include "engine/deploy/plan/memory_problem.h"

#include "engine/deploy/plan/instructions.h"
#include "engine/deploy/plan/kernel_order.h"
#include "engine/graph/steps.h"

namespace paretiny::deploy {

using graph::OpKind;

namespace {

/// By input of a step.
std::vector<std::size_t> leads_of(const StepShape& step, Overlap overlap) {
  const auto sliding = [&](auto stages) -> std::vector<std::size_t> {
    if (overlap == Overlap::elementwise) return {kNoOverlap};
    return {least_lead(stages(step.in, step.out, step.window))};
  };
  switch (step.op) {
    case OpKind::conv:
      return sliding(conv_stages);
    case OpKind::depthwise:
    case OpKind::max_pool:
    case OpKind::average_pool:
      return sliding(pixel_stages);
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

MemoryProblem memory_problem(const graph::Graph& graph, Overlap overlap) {
  MemoryProblem problem;
  const std::vector<graph::NodeId> steps = graph::step_nodes(graph);
  std::vector<int> tensor;  // of each node
  for (graph::NodeId id = 0; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
    const graph::NodeId own = steps[static_cast<std::size_t>(id)];
    if (own != id) {
      tensor.push_back(tensor[static_cast<std::size_t>(own)]);
      continue;
    }
    if (node.op != OpKind::input) {
      MemoryStep step{
          {}, leads_of(step_shape(graph, id), overlap), static_cast<int>(problem.bytes.size())};
      for (const graph::NodeId input : node.inputs) {
        step.inputs.push_back(tensor[static_cast<std::size_t>(input)]);
      }
      problem.steps.push_back(std::move(step));
    }
    tensor.push_back(static_cast<int>(problem.bytes.size()));
    problem.bytes.push_back(static_cast<std::size_t>(node.output.elements()));
  }
  return problem;
}

MemoryProblem memory_problem(const compress::Int8Network& network, Overlap overlap) {
  MemoryProblem problem;
  for (const compress::Int8Tensor& tensor : network.tensors) {
    problem.bytes.push_back(static_cast<std::size_t>(tensor.shape.elements()));
  }
  for (const compress::Int8Step& step : network.steps) {
    problem.steps.push_back(
        {step.inputs, leads_of(step_shape(network, step), overlap), step.output});
  }
  return problem;
}

}  // namespace paretiny::deploy

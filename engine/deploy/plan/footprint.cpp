#include "engine/deploy/plan/footprint.h"

#include <set>
#include <variant>
#include <vector>

#include "engine/deploy/plan/instructions.h"
#include "engine/deploy/plan/memory_problem.h"
#include "engine/graph/parameters.h"
#include "engine/graph/steps.h"
#include "kernels/core/host_device.h"

namespace paretiny::deploy {

using graph::OpKind;

namespace {

// What our generated code takes on a Cortex-M4, compiled by GCC 12 at -O2 (docs/footprint.md).
// Arrays begin at multiples of 4.

constexpr std::int64_t kTableBytes = 256;  // an element-wise function of one int8 tensor
constexpr std::int64_t kStartBytes = 60;   // model_init, model_output, entry and exit of model_run
constexpr std::int64_t kCallBytes = 21;    // of one step, with the addresses it loads
constexpr std::int64_t kLayerBytes = 128;  // what layers with weights share
constexpr std::int64_t kPoolBytes = 324;   // what both pools share
constexpr std::int64_t kStackBytes = 640;  // of any core: the deepest seen is 608, on an M55

/// Of an operator: its code, once for all its steps, and the constants that describe one step.
struct OperatorBytes {
  std::int64_t code = 0;
  std::int64_t descriptor = 0;
};

OperatorBytes operator_bytes(OpKind op) {
  switch (op) {
    case OpKind::conv:
      return {1874, 40};
    case OpKind::depthwise:
      return {714, 40};
    case OpKind::fully_connected:
      return {184, 20};
    case OpKind::add:
      return {308, 32};
    case OpKind::channel_scale:
      return {188, 16};
    case OpKind::max_pool:
    case OpKind::average_pool:
      return {8, 20};
    case OpKind::global_average_pool:
      return {160, 8};
    case OpKind::activation:
      return {28, 0};
    case OpKind::input:
    case OpKind::batch_norm:
      break;
  }
  return {};
}

std::int64_t padded(std::int64_t bytes) {
  return round_up(bytes, 4);
}

/// A step of the int8 network, as far as its size goes.
struct SizedStep {
  StepShape shape;
  std::int64_t weights = 0;
  std::int64_t channels = 0;  ///< with a bias, a multiplier and a shift each
  std::int64_t macs = 0;
};

Footprint sum(const std::vector<SizedStep>& steps, const ActivationPlan& plan, CoreClass core) {
  Footprint result;
  result.rom_code = kStartBytes;
  std::set<OpKind> used;
  bool pools = false;
  for (const SizedStep& step : steps) {
    const OpKind op = step.shape.op;
    const OperatorBytes bytes = operator_bytes(op);
    result.rom_code += kCallBytes + bytes.descriptor;
    if (used.insert(op).second) result.rom_code += bytes.code;
    pools = pools || op == OpKind::max_pool || op == OpKind::average_pool;
    if (op == OpKind::activation) result.rom_constants += kTableBytes;
    // int8 weights; int32 bias, int32 multiplier and int8 shift an output channel.
    result.rom_constants += padded(step.weights) + 8 * step.channels + padded(step.channels);
    result.macs += step.macs;
    result.instructions += instructions(step.shape, core);
  }
  result.rom_code += kLayerBytes;  // every network ends in one
  if (pools) result.rom_code += kPoolBytes;
  result.flops = 2 * result.macs;
  result.ram_arena = static_cast<std::int64_t>(plan.bytes);
  result.ram_stack = kStackBytes;
  return result;
}

}  // namespace

Footprint footprint(const graph::Graph& graph, CoreClass core) {
  std::vector<SizedStep> steps;
  const graph::ParameterLayout layout(graph);
  const std::vector<graph::NodeId> nodes = graph::step_nodes(graph);
  for (graph::NodeId id = 0; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
    if (node.op == OpKind::input || nodes[static_cast<std::size_t>(id)] != id) continue;
    SizedStep step{step_shape(graph, id)};
    if (const graph::ParameterTensor* weight = layout.find(id, graph::Role::weight)) {
      step.weights = weight->shape.elements();
      step.channels = node.output.c;
      step.macs = graph::macs(graph, id);
    }
    steps.push_back(step);
  }
  Footprint result = sum(steps, plan_activations(memory_problem(graph)), core);
  result.parameters = graph::folded_parameter_count(graph);
  return result;
}

Footprint footprint(const compress::Int8Network& network, CoreClass core) {
  std::vector<SizedStep> steps;
  std::int64_t parameters = 0;
  for (const compress::Int8Step& step : network.steps) {
    SizedStep sized{step_shape(network, step)};
    std::visit(
        [&]<class Operation>(const Operation& operation) {
          if constexpr (std::is_base_of_v<compress::Int8Layer, Operation>) {
            const Shape& out = network.tensors[static_cast<std::size_t>(step.output)].shape;
            sized.weights = operation.weights_shape.elements();
            sized.channels = out.c;
            sized.macs = sized.weights * out.h * out.w;
          }
        },
        step.operation);
    parameters += sized.weights + sized.channels;
    steps.push_back(sized);
  }
  Footprint result = sum(steps, plan_activations(memory_problem(network)), core);
  result.parameters = parameters;
  return result;
}

}  // namespace paretiny::deploy

#include "engine/deploy/footprint.h"

#include <set>

#include "engine/deploy/memory_problem.h"
#include "engine/graph/parameters.h"

namespace paretiny {
namespace {

// What our generated code takes on a Cortex-M4, compiled by GCC 12 at -O2 (docs/footprint.md).
// Arrays begin at multiples of 4.

constexpr std::int64_t kTableBytes = 256;  // an element-wise function of one int8 tensor
constexpr std::int64_t kStartBytes = 60;   // model_init, model_output, entry and exit of model_run
constexpr std::int64_t kCallBytes = 21;    // of one step, with the addresses it loads
constexpr std::int64_t kProductBytes = 246;  // what convolutions and fully connected layers share
constexpr std::int64_t kPoolBytes = 324;     // what both pools share
constexpr std::int64_t kStackBytes = 256;

/// Of an operator: its code, once for all its steps, and the constants that describe one step.
struct OperatorBytes {
  std::int64_t code = 0;
  std::int64_t descriptor = 0;
};

OperatorBytes operator_bytes(OpKind op) {
  switch (op) {
    case OpKind::conv:
      return {1028, 40};
    case OpKind::depthwise:
      return {1136, 40};
    case OpKind::fully_connected:
      return {180, 20};
    case OpKind::add:
      return {340, 32};
    case OpKind::channel_scale:
      return {196, 16};
    case OpKind::max_pool:
    case OpKind::average_pool:
      return {8, 20};
    case OpKind::global_average_pool:
      return {176, 8};
    case OpKind::activation:
      return {28, 0};
    case OpKind::input:
    case OpKind::batch_norm:
      break;
  }
  return {};
}

std::int64_t padded(std::int64_t bytes) {
  return (bytes + 3) / 4 * 4;
}

/// Clamps are part of the layer before them.
bool is_table(const Node& node) {
  return node.op == OpKind::activation &&
         (node.activation == Activation::hard_swish || node.activation == Activation::hard_sigmoid);
}

bool is_folded(const Node& node) {
  return node.op == OpKind::batch_norm || (node.op == OpKind::activation && !is_table(node));
}

}  // namespace

Footprint footprint(const Graph& graph) {
  Footprint result;
  result.parameters = folded_parameter_count(graph);
  result.macs = macs(graph);
  result.flops = 2 * result.macs;
  result.rom_code = kStartBytes;
  std::set<OpKind> used;
  bool products = false;
  bool pools = false;
  const ParameterLayout layout(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.op == OpKind::input || is_folded(node)) continue;
    const OperatorBytes bytes = operator_bytes(node.op);
    result.rom_code += kCallBytes + bytes.descriptor;
    if (used.insert(node.op).second) result.rom_code += bytes.code;
    products = products || node.op == OpKind::conv || node.op == OpKind::fully_connected;
    pools = pools || node.op == OpKind::max_pool || node.op == OpKind::average_pool;
    if (is_table(node)) result.rom_constants += kTableBytes;
    const ParameterTensor* weight = layout.find(id, Role::weight);
    if (weight == nullptr) continue;
    // int8 weights; int32 bias, int32 multiplier and int8 shift an output channel.
    result.rom_constants +=
        padded(weight->shape.elements()) + 8 * node.output.c + padded(node.output.c);
  }
  if (products) result.rom_code += kProductBytes;
  if (pools) result.rom_code += kPoolBytes;
  result.ram_arena = static_cast<std::int64_t>(plan_activations(memory_problem(graph)).bytes);
  result.ram_stack = kStackBytes;
  return result;
}

}  // namespace paretiny

#include "engine/deploy/footprint.h"

#include <set>

#include "engine/deploy/memory_problem.h"
#include "engine/graph/parameters.h"

namespace paretiny {
namespace {

/// An output channel carries an int32 bias, an int32 multiplier and an int8 shift.
constexpr std::int64_t kBytesPerChannel = 4 + 4 + 1;
/// An element-wise function of one int8 tensor is a table.
constexpr std::int64_t kTableBytes = 256;
/// Code of an operator, once for all its layers: estimates in the range of CMSIS-NN's text sizes,
/// without its specialisations.
constexpr std::int64_t kRuntimeBytes = 512;
constexpr std::int64_t kCallBytes = 48;  // arguments and call of one layer
constexpr std::int64_t kStackBytes = 512;

std::int64_t code_bytes(OpKind op) {
  switch (op) {
    case OpKind::conv:
      return 900;
    case OpKind::depthwise:
      return 760;
    case OpKind::fully_connected:
      return 320;
    case OpKind::add:
      return 360;
    case OpKind::channel_scale:
      return 260;
    case OpKind::max_pool:
      return 280;
    case OpKind::average_pool:
      return 340;
    case OpKind::global_average_pool:
      return 300;
    case OpKind::activation:
      return 60;
    case OpKind::input:
    case OpKind::batch_norm:
      return 0;
  }
  return 0;
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
  result.rom_code = kRuntimeBytes;
  std::set<OpKind> used;
  const ParameterLayout layout(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.op == OpKind::input || is_folded(node)) continue;
    result.rom_code += kCallBytes;
    if (used.insert(node.op).second) result.rom_code += code_bytes(node.op);
    if (is_table(node)) result.rom_constants += kTableBytes;
    const ParameterTensor* weight = layout.find(id, Role::weight);
    if (weight == nullptr) continue;
    result.rom_constants += weight->shape.elements() + kBytesPerChannel * node.output.c;
  }
  result.ram_arena = static_cast<std::int64_t>(plan_activations(memory_problem(graph)).bytes);
  result.ram_stack = kStackBytes;
  return result;
}

}  // namespace paretiny

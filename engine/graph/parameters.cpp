#include "engine/graph/parameters.h"

#include <algorithm>
#include <cmath>

#include "kernels/core/host_device.h"
#include "kernels/core/random.h"

namespace paretiny::graph {
namespace {

std::vector<ParameterTensor> tensors_of(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Shape channels{1, 1, 1, node.output.c};
  const nn::Window& w = node.window;
  std::vector<ParameterTensor> list;
  switch (node.op) {
    case OpKind::conv:
      list.push_back(
          {id, Role::weight, {node.output.c, w.kernel_h, w.kernel_w, graph.input_of(id).c}});
      break;
    case OpKind::depthwise:
      list.push_back({id, Role::weight, {1, w.kernel_h, w.kernel_w, node.output.c}});
      break;
    case OpKind::fully_connected:
      list.push_back({id, Role::weight, {node.output.c, 1, 1, graph.input_of(id).elements()}});
      break;
    case OpKind::batch_norm:
      for (const Role role : {Role::gamma, Role::beta, Role::running_mean, Role::running_var}) {
        list.push_back({id, role, channels});
      }
      break;
    default:
      break;
  }
  if (node.bias) list.push_back({id, Role::bias, channels});
  return list;
}

enum class Section { weights, other_trainable, statistics };

Section section_of(Role role) {
  switch (role) {
    case Role::weight:
      return Section::weights;
    case Role::running_mean:
    case Role::running_var:
      return Section::statistics;
    default:
      return Section::other_trainable;
  }
}

/// Whether a batch norm is the last of a residual branch (an addition's second input).
bool ends_residual_branch(const Graph& graph, NodeId id,
                          const std::vector<std::vector<NodeId>>& consumers) {
  const std::vector<NodeId>& readers = consumers[static_cast<std::size_t>(id)];
  if (readers.size() != 1 || graph.node(readers[0]).op != OpKind::add) return false;
  return graph.node(readers[0]).inputs[1] == id;
}

}  // namespace

const char* name_of(Role role) {
  switch (role) {
    case Role::weight:
      return "weight";
    case Role::bias:
      return "bias";
    case Role::gamma:
      return "gamma";
    case Role::beta:
      return "beta";
    case Role::running_mean:
      return "running_mean";
    case Role::running_var:
      return "running_var";
  }
  return "?";
}

ParameterLayout::ParameterLayout(const Graph& graph) {
  std::vector<ParameterTensor> all;
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (ParameterTensor& tensor : tensors_of(graph, id)) all.push_back(tensor);
  }
  const auto place = [&](Section section) {
    for (ParameterTensor& tensor : all) {
      if (section_of(tensor.role) != section) continue;
      tensor.offset = total_;
      total_ += round_up(tensor.shape.elements(), 16);
      tensors_.push_back(tensor);
    }
    return total_;
  };
  weights_end_ = place(Section::weights);
  trainable_end_ = place(Section::other_trainable);
  place(Section::statistics);
}

const ParameterTensor* ParameterLayout::find(NodeId node, Role role) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(), [&](const ParameterTensor& t) {
    return t.node == node && t.role == role;
  });
  return found == tensors_.end() ? nullptr : &*found;
}

std::int64_t folded_parameter_count(const Graph& graph) {
  std::int64_t count = 0;
  const std::vector<std::vector<NodeId>> consumers = graph.consumers();
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const ParameterTensor& tensor : tensors_of(graph, id)) {
      if (tensor.role == Role::weight) count += tensor.shape.elements();
    }
    const Node& node = graph.node(id);
    const std::vector<NodeId>& readers = consumers[static_cast<std::size_t>(id)];
    const bool folds = readers.size() == 1 && graph.node(readers[0]).op == OpKind::batch_norm;
    const bool weighted = node.op == OpKind::conv || node.op == OpKind::depthwise ||
                          node.op == OpKind::fully_connected;
    if (weighted && (node.bias || folds)) count += node.output.c;
  }
  return count;
}

std::vector<float> initial_parameters(const Graph& graph, const ParameterLayout& layout,
                                      std::uint64_t seed) {
  const std::vector<std::vector<NodeId>> consumers = graph.consumers();
  std::vector<float> values(static_cast<std::size_t>(layout.total()));
  for (const ParameterTensor& tensor : layout.tensors()) {
    float* begin = values.data() + tensor.offset;
    float* end = begin + tensor.shape.elements();
    const Node& node = graph.node(tensor.node);
    Random random(seed, "initial weights", static_cast<std::uint64_t>(tensor.node));
    if (tensor.role == Role::weight && node.op == OpKind::fully_connected) {
      const double bound = 1 / std::sqrt(static_cast<double>(tensor.shape.c));
      std::generate(begin, end, [&] { return static_cast<float>(random.uniform(-bound, bound)); });
    } else if (tensor.role == Role::weight) {
      const std::int64_t taps = tensor.shape.h * tensor.shape.w;
      const double deviation = std::sqrt(2.0 / static_cast<double>(taps * tensor.shape.n));
      std::generate(begin, end, [&] { return static_cast<float>(deviation * random.normal()); });
    } else if (tensor.role == Role::gamma) {
      std::fill(begin, end, ends_residual_branch(graph, tensor.node, consumers) ? 0.0f : 1.0f);
    } else if (tensor.role == Role::running_var) {
      std::fill(begin, end, 1.0f);
    }
  }
  return values;
}

}  // namespace paretiny::graph

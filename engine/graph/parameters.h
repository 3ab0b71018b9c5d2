// Where a network's parameters lie: one flat f32 array for all of them, so that an optimiser step
// is one kernel call and a checkpoint one copy. Gradients and optimiser state share the layout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace paretiny::graph {

enum class Role { weight, bias, gamma, beta, running_mean, running_var };

const char* name_of(Role role);

struct ParameterTensor {
  NodeId node = 0;
  Role role = Role::weight;
  Shape shape;              ///< as the kernels read it (tensor.h)
  std::int64_t offset = 0;  ///< in floats; a multiple of 16, gaps hold zeros
};

/// Order: convolution and fully connected weights; then biases, gammas and betas; then running
/// statistics. So [0, weights_end) is what weight decay usually acts on, [0, trainable_end) what an
/// optimiser changes.
class ParameterLayout {
 public:
  ParameterLayout() = default;
  explicit ParameterLayout(const Graph& graph);

  const std::vector<ParameterTensor>& tensors() const { return tensors_; }
  /// Null when the node has no such parameter.
  const ParameterTensor* find(NodeId node, Role role) const;

  std::int64_t weights_end() const { return weights_end_; }
  std::int64_t trainable_end() const { return trainable_end_; }
  std::int64_t total() const { return total_; }

 private:
  std::vector<ParameterTensor> tensors_;
  std::int64_t weights_end_ = 0;
  std::int64_t trainable_end_ = 0;
  std::int64_t total_ = 0;
};

/// Parameters once batch norm is folded into the convolution before it: weights and one bias an
/// output channel. The count MLPerf Tiny quotes.
std::int64_t folded_parameter_count(const Graph& graph);

/// A fresh network: He-normal convolutions (fan out, depthwise: its taps), fully connected weights
/// uniform in +-1/sqrt(in), gamma 1 (0 for a batch norm that feeds a residual addition last, so
/// that a block starts as the identity), variance 1, everything else 0. Values: [layout.total()].
std::vector<float> initial_parameters(const Graph& graph, const ParameterLayout& layout,
                                      std::uint64_t seed);

}  // namespace paretiny::graph

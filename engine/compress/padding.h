// Dead channels: a network computed with the channels of its groups rounded up to whole packs of
// 16 bytes, so that pruned widths keep the kernels' wide accesses. What is reported, scored, kept
// and exported is the network without them.
//
// Parameters and optimiser state of dead channels are zero, and a training step leaves them so.
// Forward: filters, biases, gamma and beta of zero give zero, a batch norm of variance zero too
// (epsilon keeps its factor finite), and so do activations with f(0) = 0, additions, scales, pools
// and clamps of zeros. Where f(0) is not zero, as of a hard sigmoid, the output may only scale
// other dead channels, which stay zero; other groups are left as they are. Backward: readers have
// zero weights for a dead channel, so that its gradient is zero; then those of its filter, bias,
// gamma and beta are sums of zeros, those of the readers' weights sums of products with a dead
// input. Steps: weight decay scales zero; SGD and Adam move by a moment that is zero (Adam's
// epsilon keeps 0 / (0 + epsilon) zero).
#pragma once

#include "engine/compress/prune.h"
#include "engine/graph/network.h"

namespace paretiny::compress {

/// The channels of each group, rounded up to `multiple` where they may be.
std::vector<std::int64_t> padded_channels(const graph::Graph& graph, const ChannelGroups& groups,
                                          std::int64_t multiple);

/// A network and the same with dead channels, which is computed in its place.
class PaddedNetwork {
 public:
  PaddedNetwork(graph::Graph plain, std::int64_t multiple);

  const graph::Graph& plain() const { return plain_; }
  const graph::Graph& graph() const { return graph_; }
  const graph::ParameterLayout& layout() const { return layout_; }  ///< of graph()

  /// Arrays laid out for plain() as they are for graph(), and back: parameters [total()], or what
  /// an optimiser keeps [trainable_end()].
  enum class Array { parameters, state };
  std::vector<float> padded(const std::vector<float>& values, Array array) const;
  std::vector<float> stripped(const std::vector<float>& values, Array array) const;

 private:
  graph::Graph plain_, graph_;
  graph::ParameterLayout plain_layout_, layout_;
};

/// `kept` followed by dead channels up to `counts` of each group: what `compact` takes for a padded
/// network. `kept.index` is filled up.
KeptChannels with_dead_channels(Stream& stream, const ChannelGroups& groups,
                                const KeptChannels& kept, std::vector<std::int64_t> counts);

}  // namespace paretiny::compress

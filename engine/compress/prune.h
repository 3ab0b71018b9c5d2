// Structured pruning: which channels go, and the surgery that removes them from everything that is
// kept by channel.
#pragma once

#include "engine/compress/channel_groups.h"
#include "engine/graph/parameters.h"
#include "kernels/stream.h"

namespace paretiny {

/// What a criterion may look at, in device memory: parameters [layout.total()] and, for taylor,
/// gradients [layout.trainable_end()].
struct PruningState {
  const float* parameters = nullptr;
  const float* gradients = nullptr;
  /// apoz: for each node, the share of its output's values that are positive, by channel; only
  /// activation nodes have one.
  std::vector<std::vector<float>> positive_shares{};
  std::uint64_t seed = 0;  ///< random
};

/// Importance of every channel, by group; larger is more important. l1, l2 and taylor sum over the
/// filters that make a group's channels (Li et al. 2017; Molchanov et al. 2019), batch_norm over
/// |gamma| (Liu et al. 2017), apoz over the shares of positive outputs (Hu et al. 2016; a group
/// without an activation falls back to l1).
std::vector<std::vector<float>> channel_scores(Stream& stream, const Graph& graph,
                                               const ParameterLayout& layout,
                                               const ChannelGroups& groups,
                                               PruningCriterion criterion,
                                               const PruningState& state);

/// The `left[group]` most important channels of each group, the earlier of equals.
KeptChannels most_important(const std::vector<std::vector<float>>& scores,
                            const std::vector<std::int64_t>& left);

/// Copies the parameters that stay from `in`, laid out by `from` for `graph`, to `out`, laid out by
/// `to` for the pruned graph: values, gradients or optimiser state alike. Only tensors with an
/// offset below `end` of their own layout are copied (pass trainable_end() for gradients and
/// optimiser state, total() for parameters). Device memory.
void compact(Stream& stream, const Graph& graph, const ChannelGroups& groups,
             const KeptChannels& kept, const ParameterLayout& from, const ParameterLayout& to,
             std::int64_t end, const float* in, float* out);

}  // namespace paretiny

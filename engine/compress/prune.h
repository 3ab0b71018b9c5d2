// Structured pruning: which channels go, and the surgery that removes them from everything that is
// kept by channel.
#pragma once

#include "engine/compress/channel_groups.h"
#include "engine/graph/parameters.h"
#include "kernels/core/stream.h"

namespace paretiny::compress {

/// What a criterion may look at, in device memory: parameters [layout.total()] and, for taylor,
/// gradients [layout.trainable_end()], of which only the direction counts.
struct PruningState {
  const float* parameters = nullptr;
  const float* gradients = nullptr;
  std::uint64_t seed = 0;  ///< random
};

/// Adds the importance of every channel to `scores` [1, 1, 1, groups.array_size()] f32 on the
/// device; larger is more important. l1, l2 (without the root) and taylor sum over the filters that
/// make a group's channels (Li et al. 2017; Molchanov et al. 2019), batch_norm over |gamma| (Liu et
/// al. 2017). apoz (Hu et al. 2016) counts on shares of positive outputs being there already
/// (ranking.h), and adds l1 to the groups without an activation.
void add_channel_scores(Stream& stream, const graph::Graph& graph,
                        const graph::ParameterLayout& layout, const ChannelGroups& groups,
                        PruningCriterion criterion, const PruningState& state, View scores);

/// The part of an array of every group's channels, on the device, that begins with a group's.
View channels_of(const View& array, const ChannelGroup& group, std::int64_t count);

/// The channels that stay: `counts[group]` of each group, ascending, at the group's offset in
/// `index` [1, 1, 1, groups.array_size()] i32 on the device.
struct KeptChannels {
  std::vector<std::int64_t> counts;
  View index;
};

/// Fills `kept.index` with the most important channels of each group, the earlier of equals.
void select_channels(Stream& stream, const ChannelGroups& groups, View scores,
                     const KeptChannels& kept);

/// An array of parameters, gradients or optimiser state in device memory, and where in it what is.
template <class Float>
struct LaidOut {
  const graph::ParameterLayout& layout;
  Float* values;
};

/// Copies the parameters that stay from an array for `graph` to one for the pruned graph. Only
/// tensors with an offset below `end` of their own layout are copied (pass trainable_end() for
/// gradients and optimiser state, total() for parameters).
void compact(Stream& stream, const graph::Graph& graph, const ChannelGroups& groups,
             const KeptChannels& kept, std::int64_t end, const LaidOut<const float>& from,
             const LaidOut<float>& to);

}  // namespace paretiny::compress

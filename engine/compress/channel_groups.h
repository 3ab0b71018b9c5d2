// Channels that can only be removed together: a residual stage ties its stem, the last convolution
// of every block and its shortcut; expand, depthwise, squeeze-and-excite and project share one set.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/compress/pruning_spec.h"
#include "engine/graph/graph.h"

namespace paretiny::compress {

struct ChannelGroup {
  std::int64_t channels = 0;
  std::int64_t offset = 0;  ///< of its first channel in an array of every group's channels
  bool prunable = true;     ///< not the network's input, not its logits
  std::vector<graph::NodeId>
      members;  ///< nodes whose output channels are the group's, in graph order
};

class ChannelGroups {
 public:
  explicit ChannelGroups(const graph::Graph& graph);

  const std::vector<ChannelGroup>& groups() const { return groups_; }
  /// Index of the group of a node's output channels.
  std::size_t of(graph::NodeId node) const { return of_[static_cast<std::size_t>(node)]; }
  /// Length of an array with one element a channel of every group. Groups begin at multiples of 16.
  std::int64_t array_size() const { return array_size_; }

 private:
  std::vector<ChannelGroup> groups_;
  std::vector<std::size_t> of_;
  std::int64_t array_size_ = 0;
};

/// Number of channels of each group of `graph`, the unpruned network, once `progress` in [0, 1] of
/// the final sparsity is reached: rounded, then up to the multiple; never 0. Throws UsageError for
/// an override that names no group.
std::vector<std::int64_t> channels_left(const graph::Graph& graph, const ChannelGroups& groups,
                                        const PruningSpec& spec, double progress);

/// The network with `channels` channels in each group: what pruning ends in, known before training.
graph::Graph with_group_channels(const graph::Graph& graph, const ChannelGroups& groups,
                                 const std::vector<std::int64_t>& channels);

}  // namespace paretiny::compress

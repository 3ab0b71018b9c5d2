// How many channels a candidate has in each epoch: known before it is trained.
#pragma once

#include <optional>

#include "engine/compress/channel_groups.h"

namespace paretiny::compress {

/// Channels of each group of a network.
std::vector<std::int64_t> group_channels(const graph::Graph& graph);

class PruningPlan {
 public:
  PruningPlan(const graph::Graph& graph, const PruningSpec& spec, std::int64_t epochs);

  const PruningSpec& spec() const { return spec_; }
  bool prunes() const { return spec_.schedule != PruningSchedule::none; }
  /// Of the network that training begins with.
  const ChannelGroups& groups() const { return groups_; }

  /// Channels of each group in epoch `epoch`, counted from 0. Throws what `channels_left` throws.
  std::vector<std::int64_t> channels(std::int64_t epoch) const;
  /// Every network that is trained, in order.
  std::vector<graph::Graph> stages() const;
  /// The one of them that has so many channels in each group.
  [[nodiscard]] std::optional<graph::Graph> stage(const std::vector<std::int64_t>& channels) const;
  /// Share of the prunable channels that `now` has no more.
  double sparsity(const graph::Graph& now) const;

 private:
  graph::Graph graph_;
  ChannelGroups groups_;
  PruningSpec spec_;
  std::int64_t epochs_;
};

}  // namespace paretiny::compress

#include "engine/compress/pruning_plan.h"

namespace paretiny::compress {

std::vector<std::int64_t> group_channels(const graph::Graph& graph) {
  std::vector<std::int64_t> counts;
  const ChannelGroups groups(graph);
  for (const ChannelGroup& group : groups.groups()) counts.push_back(group.channels);
  return counts;
}

PruningPlan::PruningPlan(const graph::Graph& graph, const PruningSpec& spec, std::int64_t epochs)
    : graph_(graph), groups_(graph), spec_(spec), epochs_(epochs) {}

std::vector<std::int64_t> PruningPlan::channels(std::int64_t epoch) const {
  return channels_left(graph_, groups_, spec_, pruning_progress(spec_, epoch, epochs_));
}

std::vector<graph::Graph> PruningPlan::stages() const {
  std::vector<graph::Graph> all = {graph_};
  for (std::int64_t epoch = 0; epoch < epochs_; ++epoch) {
    graph::Graph next = with_group_channels(graph_, groups_, channels(epoch));
    if (next != all.back()) all.push_back(std::move(next));
  }
  return all;
}

std::optional<graph::Graph> PruningPlan::stage(const std::vector<std::int64_t>& channels) const {
  for (const graph::Graph& stage : stages()) {
    if (group_channels(stage) == channels) return stage;
  }
  return std::nullopt;
}

double PruningPlan::sparsity(const graph::Graph& now) const {
  const ChannelGroups left(now);
  std::int64_t had = 0;
  std::int64_t have = 0;
  for (std::size_t i = 0; i < groups_.groups().size(); ++i) {
    if (!groups_.groups()[i].prunable) continue;
    had += groups_.groups()[i].channels;
    have += left.groups()[i].channels;
  }
  return had == 0 ? 0 : 1 - static_cast<double>(have) / static_cast<double>(had);
}

}  // namespace paretiny::compress

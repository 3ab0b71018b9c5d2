#include "engine/compress/channel_groups.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/nearest.h"
#include "kernels/error.h"

namespace paretiny {
namespace {

bool makes_channels(OpKind op) {
  return op == OpKind::input || op == OpKind::conv || op == OpKind::fully_connected;
}

/// "stage1" of "stage1/2/conv".
std::string prefix_of(const std::string& name) {
  return name.substr(0, name.find('/'));
}

}  // namespace

ChannelGroups::ChannelGroups(const Graph& graph) : of_(static_cast<std::size_t>(graph.size())) {
  // Union-find over nodes: the root of a set is its earliest node.
  std::vector<NodeId> parent(of_.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](NodeId id) {
    while (parent[static_cast<std::size_t>(id)] != id) id = parent[static_cast<std::size_t>(id)];
    return id;
  };
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (makes_channels(node.op)) continue;
    for (const NodeId from : node.inputs) {
      const NodeId a = root(id);
      const NodeId b = root(from);
      parent[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
    }
  }
  std::vector<std::size_t> index(of_.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const NodeId head = root(id);
    if (head == id) {
      index[static_cast<std::size_t>(id)] = groups_.size();
      groups_.push_back({graph.node(id).output.c, array_size_, true, {}});
      array_size_ += (graph.node(id).output.c + 15) / 16 * 16;
    }
    const std::size_t group = index[static_cast<std::size_t>(head)];
    of_[static_cast<std::size_t>(id)] = group;
    groups_[group].members.push_back(id);
    if (id == 0 || id == graph.output()) groups_[group].prunable = false;
  }
}

std::vector<std::int64_t> channels_left(const Graph& graph, const ChannelGroups& groups,
                                        const PruningSpec& spec, double progress) {
  std::vector<std::string> prefixes;
  std::vector<std::int64_t> left;
  for (const ChannelGroup& group : groups.groups()) {
    if (!group.prunable) {
      left.push_back(group.channels);
      continue;
    }
    prefixes.push_back(prefix_of(graph.node(group.members.front()).name));
    double sparsity = spec.sparsity;
    for (const PruningSpec::Override& override : spec.overrides) {
      if (override.prefix == prefixes.back()) sparsity = override.sparsity;
    }
    const double removed = std::round(sparsity * progress * static_cast<double>(group.channels));
    std::int64_t kept = group.channels - static_cast<std::int64_t>(removed);
    kept = (kept + spec.multiple - 1) / spec.multiple * spec.multiple;
    left.push_back(std::clamp<std::int64_t>(kept, 1, group.channels));
  }
  for (const PruningSpec::Override& override : spec.overrides) {
    if (std::find(prefixes.begin(), prefixes.end(), override.prefix) == prefixes.end()) {
      throw UsageError("pruning.sparsity_of names '" + override.prefix +
                       "', which no layer's name begins with" +
                       suggestion(override.prefix, prefixes));
    }
  }
  return left;
}

Graph with_group_channels(const Graph& graph, const ChannelGroups& groups,
                          const std::vector<std::int64_t>& channels) {
  std::vector<std::int64_t> by_node;
  for (NodeId id = 0; id < graph.size(); ++id) by_node.push_back(channels[groups.of(id)]);
  return graph.with_channels(by_node);
}

}  // namespace paretiny

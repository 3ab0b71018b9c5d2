#include "engine/compress/channel_groups.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "kernels/core/host_device.h"

namespace paretiny::compress {

using graph::NodeId;

namespace {

bool makes_channels(graph::OpKind op) {
  return op == graph::OpKind::input || op == graph::OpKind::conv ||
         op == graph::OpKind::fully_connected;
}

/// "stage1" and "stage1/2" of "stage1/2/conv", and itself.
bool has_prefix(const std::string& name, const std::string& prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}

/// The override with the longest prefix of the name, or null.
const PruningSpec::Override* override_of(const PruningSpec& spec, const std::string& name) {
  const PruningSpec::Override* found = nullptr;
  for (const PruningSpec::Override& override : spec.overrides) {
    const bool closer = found == nullptr || override.prefix.size() > found->prefix.size();
    if (closer && has_prefix(name, override.prefix)) found = &override;
  }
  return found;
}

/// Throws UsageError, saying why the prefix names no group whose channels may go.
[[noreturn]] void refuse_prefix(const graph::Graph& graph, const ChannelGroups& groups,
                                const std::string& prefix) {
  const std::string what = "pruning.sparsity_of names '" + prefix + "', ";
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!has_prefix(graph.node(id).name, prefix)) continue;
    const ChannelGroup& group = groups.groups()[groups.of(id)];
    if (!group.prunable) throw UsageError(what + "whose channels all stay");
    throw UsageError(what + "whose channels go with those of '" +
                     graph.node(group.members.front()).name + "'; name that");
  }
  // Names of the same depth as the one that is wrong.
  const auto depth = std::count(prefix.begin(), prefix.end(), '/');
  std::vector<std::string> names;
  for (const ChannelGroup& group : groups.groups()) {
    if (!group.prunable) continue;
    const std::string& name = graph.node(group.members.front()).name;
    std::size_t end = name.find('/');
    for (auto i = depth; i > 0 && end != std::string::npos; --i) end = name.find('/', end + 1);
    const std::string begin = name.substr(0, end);
    if (std::find(names.begin(), names.end(), begin) == names.end()) names.push_back(begin);
  }
  throw UsageError(what + "which no layer's name begins with" + suggestion(prefix, names));
}

}  // namespace

ChannelGroups::ChannelGroups(const graph::Graph& graph)
    : of_(static_cast<std::size_t>(graph.size())) {
  // Union-find over nodes: the root of a set is its earliest node.
  std::vector<NodeId> parent(of_.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](NodeId id) {
    while (parent[static_cast<std::size_t>(id)] != id) id = parent[static_cast<std::size_t>(id)];
    return id;
  };
  for (NodeId id = 0; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
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
      array_size_ += round_up(graph.node(id).output.c, 16);
    }
    const std::size_t group = index[static_cast<std::size_t>(head)];
    of_[static_cast<std::size_t>(id)] = group;
    groups_[group].members.push_back(id);
    if (id == 0 || id == graph.output()) groups_[group].prunable = false;
  }
}

std::vector<std::int64_t> channels_left(const graph::Graph& graph, const ChannelGroups& groups,
                                        const PruningSpec& spec, double progress) {
  std::set<std::string> used;
  std::vector<std::int64_t> left;
  for (const ChannelGroup& group : groups.groups()) {
    if (!group.prunable) {
      left.push_back(group.channels);
      continue;
    }
    const std::string& name = graph.node(group.members.front()).name;
    for (const PruningSpec::Override& override : spec.overrides) {
      if (has_prefix(name, override.prefix)) used.insert(override.prefix);
    }
    const PruningSpec::Override* own = override_of(spec, name);
    const double sparsity = own == nullptr ? spec.sparsity : own->sparsity;
    const double removed = std::round(sparsity * progress * static_cast<double>(group.channels));
    std::int64_t kept = group.channels - static_cast<std::int64_t>(removed);
    kept = round_up(kept, spec.multiple);
    left.push_back(std::clamp<std::int64_t>(kept, 1, group.channels));
  }
  for (const PruningSpec::Override& override : spec.overrides) {
    if (!used.contains(override.prefix)) refuse_prefix(graph, groups, override.prefix);
  }
  return left;
}

graph::Graph with_group_channels(const graph::Graph& graph, const ChannelGroups& groups,
                                 const std::vector<std::int64_t>& channels) {
  std::vector<std::int64_t> by_node;
  for (NodeId id = 0; id < graph.size(); ++id) by_node.push_back(channels[groups.of(id)]);
  return graph.with_channels(by_node);
}

}  // namespace paretiny::compress

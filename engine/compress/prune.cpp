#include "engine/compress/prune.h"

#include <algorithm>

#include "kernels/core/random.h"
#include "kernels/nn/training/channel_gather.h"
#include "kernels/nn/training/channel_importance.h"
#include "kernels/nn/training/channel_select.h"

namespace paretiny::compress {
namespace {

ConstView flat(const float* data, const Shape& shape) {
  return view(data, DType::f32, shape);
}

/// The parameter that a criterion reads of a node, or null.
const graph::ParameterTensor* scored(const graph::Graph& graph,
                                     const graph::ParameterLayout& layout, graph::NodeId id,
                                     PruningCriterion criterion) {
  if (criterion == PruningCriterion::batch_norm) return layout.find(id, graph::Role::gamma);
  return graph.node(id).op == graph::OpKind::conv ? layout.find(id, graph::Role::weight) : nullptr;
}

nn::FilterScore filter_score_of(PruningCriterion criterion) {
  if (criterion == PruningCriterion::l2) return nn::FilterScore::l2;
  if (criterion == PruningCriterion::taylor) return nn::FilterScore::taylor;
  return nn::FilterScore::l1;
}

/// Adds each filter's score, for every layer of the group.
void add_filter_scores(Stream& stream, const graph::Graph& graph,
                       const graph::ParameterLayout& layout, const ChannelGroup& group,
                       PruningCriterion criterion, const PruningState& state, View scores) {
  for (const graph::NodeId id : group.members) {
    const graph::ParameterTensor* w = scored(graph, layout, id, criterion);
    if (w == nullptr) continue;
    // A gamma is a filter of one value: [channels, 1, 1, 1].
    const Shape shape = w->role == graph::Role::gamma ? Shape{w->shape.c, 1, 1, 1} : w->shape;
    const ConstView g = criterion == PruningCriterion::taylor
                            ? flat(state.gradients + w->offset, shape)
                            : ConstView{};
    nn::filter_score(stream, filter_score_of(criterion), flat(state.parameters + w->offset, shape),
                     g, scores);
  }
}

/// Drawn on the host: the numbers of a group depend on its place and the seed alone.
void upload_random_scores(Stream& stream, const ChannelGroups& groups, std::uint64_t seed,
                          View scores) {
  std::vector<float> host(static_cast<std::size_t>(groups.array_size()));
  for (std::size_t i = 0; i < groups.groups().size(); ++i) {
    const ChannelGroup& group = groups.groups()[i];
    Random random(seed, "random pruning", i);
    for (std::int64_t c = 0; c < group.channels; ++c) {
      host[static_cast<std::size_t>(group.offset + c)] = static_cast<float>(random.uniform());
    }
  }
  stream.upload(scores.data, host.data(), host.size() * sizeof(float));
}

}  // namespace

View channels_of(const View& array, const ChannelGroup& group, std::int64_t count) {
  auto* const begin = static_cast<std::byte*>(array.data) +
                      static_cast<std::size_t>(group.offset) * size_of(array.dtype);
  return view(static_cast<void*>(begin), array.dtype, {1, 1, 1, count});
}

void add_channel_scores(Stream& stream, const graph::Graph& graph,
                        const graph::ParameterLayout& layout, const ChannelGroups& groups,
                        PruningCriterion criterion, const PruningState& state, View scores) {
  if (criterion == PruningCriterion::random) {
    upload_random_scores(stream, groups, state.seed, scores);
    return;
  }
  for (const ChannelGroup& group : groups.groups()) {
    const bool from_activations =
        criterion == PruningCriterion::apoz &&
        std::any_of(group.members.begin(), group.members.end(), [&](graph::NodeId id) {
          return graph.node(id).op == graph::OpKind::activation;
        });
    if (from_activations) continue;
    add_filter_scores(stream, graph, layout, group, criterion, state,
                      channels_of(scores, group, group.channels));
  }
}

void select_channels(Stream& stream, const ChannelGroups& groups, View scores,
                     const KeptChannels& kept) {
  for (std::size_t i = 0; i < groups.groups().size(); ++i) {
    const ChannelGroup& group = groups.groups()[i];
    nn::channel_select(stream, channels_of(scores, group, group.channels),
                       channels_of(kept.index, group, kept.counts[i]));
  }
}

void compact(Stream& stream, const graph::Graph& graph, const ChannelGroups& groups,
             const KeptChannels& kept, std::int64_t end, const LaidOut<const float>& from,
             const LaidOut<float>& to) {
  const auto kept_of = [&](graph::NodeId id) {
    const std::size_t group = groups.of(id);
    return channels_of(kept.index, groups.groups()[group], kept.counts[group]);
  };
  const auto gather = [&](const float* source, std::int64_t outer, std::int64_t channels,
                          std::int64_t inner, const View& which, float* target) {
    nn::channel_gather(
        stream, flat(source, {1, outer, channels, inner}), which,
        view(static_cast<void*>(target), DType::f32, {1, outer, which.elements(), inner}));
  };
  for (const graph::ParameterTensor& tensor : from.layout.tensors()) {
    if (tensor.offset >= end) continue;
    float* target = to.values + to.layout.find(tensor.node, tensor.role)->offset;
    const float* source = from.values + tensor.offset;
    const Shape& shape = tensor.shape;
    const View outputs = kept_of(tensor.node);
    const graph::OpKind op = graph.node(tensor.node).op;
    if (tensor.role != graph::Role::weight || op == graph::OpKind::depthwise) {
      gather(source, shape.h * shape.w, shape.c, 1, outputs, target);
      continue;
    }
    // Filters first, then each filter's inputs; a classifier flattens h * w positions of them.
    const graph::NodeId fed_by = graph.node(tensor.node).inputs[0];
    const View inputs = kept_of(fed_by);
    const std::int64_t channels = graph.node(fed_by).output.c;
    const std::int64_t positions = shape.h * shape.w * shape.c / channels;
    Arena::Scope inner(stream.scratch());
    auto* filters = static_cast<float*>(
        inner.take(static_cast<std::size_t>(outputs.elements() * positions * channels) * 4));
    gather(source, 1, shape.n, positions * channels, outputs, filters);
    gather(filters, outputs.elements() * positions, channels, 1, inputs, target);
  }
}

}  // namespace paretiny::compress

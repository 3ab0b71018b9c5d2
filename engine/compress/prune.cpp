#include "engine/compress/prune.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/channel_gather.h"
#include "kernels/channel_importance.h"
#include "kernels/random.h"

namespace paretiny {
namespace {

ConstView flat(const float* data, const Shape& shape) {
  return view(data, DType::f32, shape);
}

/// The parameter that a criterion reads of a node, or null.
const ParameterTensor* scored(const Graph& graph, const ParameterLayout& layout, NodeId id,
                              PruningCriterion criterion) {
  if (criterion == PruningCriterion::batch_norm) return layout.find(id, Role::gamma);
  return graph.node(id).op == OpKind::conv ? layout.find(id, Role::weight) : nullptr;
}

FilterScore filter_score_of(PruningCriterion criterion) {
  if (criterion == PruningCriterion::l2) return FilterScore::l2;
  if (criterion == PruningCriterion::taylor) return FilterScore::taylor;
  return FilterScore::l1;
}

/// Sum over the group's layers of each filter's score.
std::vector<float> filter_scores(Stream& stream, const Graph& graph, const ParameterLayout& layout,
                                 const ChannelGroup& group, PruningCriterion criterion,
                                 const PruningState& state) {
  Arena::Scope scratch(stream.scratch());
  const View scores = scratch.take(DType::f32, {1, 1, 1, group.channels});
  stream.zero(scores.data, scores.bytes());
  for (const NodeId id : group.members) {
    const ParameterTensor* w = scored(graph, layout, id, criterion);
    if (w == nullptr) continue;
    // A gamma is a filter of one value: [channels, 1, 1, 1].
    const Shape shape = w->role == Role::gamma ? Shape{w->shape.c, 1, 1, 1} : w->shape;
    const ConstView g = criterion == PruningCriterion::taylor
                            ? flat(state.gradients + w->offset, shape)
                            : ConstView{};
    filter_score(stream, filter_score_of(criterion), flat(state.parameters + w->offset, shape), g,
                 scores);
  }
  std::vector<float> host(static_cast<std::size_t>(group.channels));
  stream.download(host.data(), scores.data, scores.bytes());
  if (criterion == PruningCriterion::l2) {
    for (float& score : host) score = std::sqrt(score);
  }
  return host;
}

}  // namespace

std::vector<std::vector<float>> channel_scores(Stream& stream, const Graph& graph,
                                               const ParameterLayout& layout,
                                               const ChannelGroups& groups,
                                               PruningCriterion criterion,
                                               const PruningState& state) {
  std::vector<std::vector<float>> all;
  for (const ChannelGroup& group : groups.groups()) {
    std::vector<float> scores(static_cast<std::size_t>(group.channels));
    bool from_activations = false;
    if (criterion == PruningCriterion::random) {
      Random random(state.seed, "random pruning", all.size());
      for (float& score : scores) score = static_cast<float>(random.uniform());
    } else if (criterion == PruningCriterion::apoz) {
      for (const NodeId id : group.members) {
        const std::vector<float>& shares = state.positive_shares[static_cast<std::size_t>(id)];
        for (std::size_t c = 0; c < shares.size(); ++c) scores[c] += shares[c];
        from_activations = from_activations || !shares.empty();
      }
    }
    if (criterion != PruningCriterion::random && !from_activations) {
      scores = filter_scores(stream, graph, layout, group, criterion, state);
    }
    all.push_back(std::move(scores));
  }
  return all;
}

KeptChannels most_important(const std::vector<std::vector<float>>& scores,
                            const std::vector<std::int64_t>& left) {
  KeptChannels kept;
  for (std::size_t group = 0; group < scores.size(); ++group) {
    std::vector<std::int32_t> order(scores[group].size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return scores[group][static_cast<std::size_t>(a)] >
             scores[group][static_cast<std::size_t>(b)];
    });
    order.resize(static_cast<std::size_t>(left[group]));
    std::sort(order.begin(), order.end());
    kept.push_back(std::move(order));
  }
  return kept;
}

void compact(Stream& stream, const Graph& graph, const ChannelGroups& groups,
             const KeptChannels& kept, const ParameterLayout& from, const ParameterLayout& to,
             std::int64_t end, const float* in, float* out) {
  Arena::Scope scratch(stream.scratch());
  std::vector<View> index;
  for (const std::vector<std::int32_t>& list : kept) {
    index.push_back(scratch.take(DType::i32, {1, 1, 1, static_cast<std::int64_t>(list.size())}));
    stream.upload(index.back().data, list.data(), list.size() * sizeof(std::int32_t));
  }
  const auto gather = [&](const float* source, std::int64_t outer, std::int64_t channels,
                          std::int64_t inner, const View& which, float* target) {
    channel_gather(
        stream, flat(source, {1, outer, channels, inner}), which,
        view(static_cast<void*>(target), DType::f32, {1, outer, which.elements(), inner}));
  };
  for (const ParameterTensor& tensor : from.tensors()) {
    if (tensor.offset >= end) continue;
    float* target = out + to.find(tensor.node, tensor.role)->offset;
    const float* source = in + tensor.offset;
    const Shape& shape = tensor.shape;
    const View& outputs = index[groups.of(tensor.node)];
    const OpKind op = graph.node(tensor.node).op;
    if (tensor.role != Role::weight || op == OpKind::depthwise) {
      gather(source, shape.h * shape.w, shape.c, 1, outputs, target);
      continue;
    }
    // Filters first, then each filter's inputs; a classifier flattens h * w positions of them.
    const NodeId fed_by = graph.node(tensor.node).inputs[0];
    const View& inputs = index[groups.of(fed_by)];
    const std::int64_t channels = graph.node(fed_by).output.c;
    const std::int64_t positions = shape.h * shape.w * shape.c / channels;
    Arena::Scope inner(stream.scratch());
    auto* filters = static_cast<float*>(
        inner.take(static_cast<std::size_t>(outputs.elements() * positions * channels) * 4));
    gather(source, 1, shape.n, positions * channels, outputs, filters);
    gather(filters, outputs.elements() * positions, channels, 1, inputs, target);
  }
}

}  // namespace paretiny

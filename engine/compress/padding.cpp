#include "engine/compress/padding.h"

#include <algorithm>

#include "kernels/core/host_device.h"
#include "kernels/nn/activation.h"

namespace paretiny::compress {

using graph::NodeId;
using graph::OpKind;

namespace {

/// Whether what a node gives for channels of zeros is zero, or only ever multiplies such.
bool keeps_zeros(const graph::Graph& graph, NodeId id, const std::vector<NodeId>& readers) {
  const graph::Node& node = graph.node(id);
  if (node.op != OpKind::activation || nn::activate(node.activation, 0.0f) == 0) return true;
  return std::all_of(readers.begin(), readers.end(), [&](NodeId reader) {
    const graph::Node& scale = graph.node(reader);
    return scale.op == OpKind::channel_scale && scale.inputs[0] != id;
  });
}

/// Rows of `from` channels into the front of rows of `to` channels.
void copy_channels(std::int64_t rows, const float* source, std::int64_t from, float* target,
                   std::int64_t to) {
  for (std::int64_t row = 0; row < rows; ++row, source += from, target += to) {
    std::copy_n(source, std::min(from, to), target);
  }
}

/// The channels that a layer with weights reads.
std::int64_t input_channels(const graph::Graph& graph, NodeId id) {
  return graph.node(graph.node(id).inputs[0]).output.c;
}

struct LaidOutNetwork {
  const graph::Graph& graph;
  const graph::ParameterLayout& layout;

  std::int64_t end(PaddedNetwork::Array array) const {
    return array == PaddedNetwork::Array::parameters ? layout.total() : layout.trainable_end();
  }
};

/// `values` of `from` as `to` has them, whose groups have more channels, zeros, or fewer.
std::vector<float> with_channels_of(const LaidOutNetwork& from, const std::vector<float>& values,
                                    const LaidOutNetwork& to, PaddedNetwork::Array array) {
  std::vector<float> result(static_cast<std::size_t>(to.end(array)));
  for (const graph::ParameterTensor& tensor : from.layout.tensors()) {
    if (tensor.offset >= from.end(array)) continue;
    const graph::ParameterTensor& other = *to.layout.find(tensor.node, tensor.role);
    const float* source = values.data() + tensor.offset;
    float* target = result.data() + other.offset;
    const Shape& a = tensor.shape;
    const Shape& b = other.shape;
    if (tensor.role != graph::Role::weight ||
        from.graph.node(tensor.node).op == OpKind::depthwise) {
      copy_channels(a.h * a.w, source, a.c, target, b.c);
      continue;
    }
    // Filters, and of each its inputs; a classifier flattens h * w positions of them.
    const std::int64_t from_inputs = input_channels(from.graph, tensor.node);
    const std::int64_t to_inputs = input_channels(to.graph, tensor.node);
    const std::int64_t positions = a.h * a.w * a.c / from_inputs;
    for (std::int64_t filter = 0; filter < std::min(a.n, b.n); ++filter) {
      copy_channels(positions, source + filter * positions * from_inputs, from_inputs,
                    target + filter * positions * to_inputs, to_inputs);
    }
  }
  return result;
}

}  // namespace

std::vector<std::int64_t> padded_channels(const graph::Graph& graph, const ChannelGroups& groups,
                                          std::int64_t multiple) {
  const std::vector<std::vector<NodeId>> consumers = graph.consumers();
  std::vector<std::int64_t> channels;
  for (const ChannelGroup& group : groups.groups()) {
    const bool zeros = std::all_of(group.members.begin(), group.members.end(), [&](NodeId id) {
      return keeps_zeros(graph, id, consumers[static_cast<std::size_t>(id)]);
    });
    const bool pads = group.prunable && zeros;
    channels.push_back(pads ? round_up(group.channels, multiple) : group.channels);
  }
  return channels;
}

PaddedNetwork::PaddedNetwork(graph::Graph plain, std::int64_t multiple)
    : plain_(std::move(plain)), plain_layout_(plain_) {
  const ChannelGroups groups(plain_);
  graph_ = with_group_channels(plain_, groups, padded_channels(plain_, groups, multiple));
  layout_ = graph::ParameterLayout(graph_);
}

std::vector<float> PaddedNetwork::padded(const std::vector<float>& values, Array array) const {
  return with_channels_of({plain_, plain_layout_}, values, {graph_, layout_}, array);
}

std::vector<float> PaddedNetwork::stripped(const std::vector<float>& values, Array array) const {
  return with_channels_of({graph_, layout_}, values, {plain_, plain_layout_}, array);
}

KeptChannels with_dead_channels(Stream& stream, const ChannelGroups& groups,
                                const KeptChannels& kept, std::vector<std::int64_t> counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::vector<std::int32_t> dead(static_cast<std::size_t>(counts[i] - kept.counts[i]), -1);
    if (dead.empty()) continue;
    const View index = channels_of(kept.index, groups.groups()[i], counts[i]);
    stream.upload(index.as<std::int32_t>() + kept.counts[i], dead.data(),
                  dead.size() * sizeof(std::int32_t));
  }
  return {std::move(counts), kept.index};
}

}  // namespace paretiny::compress

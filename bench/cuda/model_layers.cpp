#include "bench/cuda/model_layers.h"

#include <fmt/core.h>

#include <algorithm>

#include "engine/models/model.h"

namespace paretiny::bench {

using graph::OpKind;

namespace {

template <class T>
void insert(std::vector<T>& list, const T& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

/// Batch norms have no comparison: by name.
void insert(std::vector<nn::BatchNormShape>& list, const nn::BatchNormShape& item) {
  const auto same = [&](const nn::BatchNormShape& each) { return label(each) == label(item); };
  if (std::none_of(list.begin(), list.end(), same)) list.push_back(item);
}

void collect(ModelLayers& layers, const graph::Graph& graph, std::int64_t batch) {
  const auto batched = [&](Shape shape) {
    shape.n = batch;
    return shape;
  };
  const auto consumers = graph.consumers();
  const auto read_by_activation = [&](graph::NodeId id) -> const graph::Node* {
    const std::vector<graph::NodeId>& readers = consumers[static_cast<std::size_t>(id)];
    if (readers.size() != 1) return nullptr;
    const graph::Node& reader = graph.node(readers[0]);
    return reader.op == OpKind::activation ? &reader : nullptr;
  };
  for (graph::NodeId id = 1; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
    const Shape in = batched(graph.input_of(id));
    const std::int64_t out = node.output.c;
    switch (node.op) {
      case OpKind::conv:
        if (node.window == nn::Window{}) {
          insert(layers.pointwise, {in, out});
        } else {
          insert(layers.conv, {in, out, node.window});
        }
        break;
      case OpKind::depthwise:
        insert(layers.depthwise, {in, node.window});
        break;
      case OpKind::fully_connected:
        insert(layers.fully_connected, {in, out});
        break;
      case OpKind::batch_norm: {
        const graph::Node* activation = read_by_activation(id);
        insert(layers.batch_norm,
               {in, activation == nullptr ? nn::Activation::none : activation->activation});
        break;
      }
      case OpKind::activation: {
        const OpKind before = graph.node(node.inputs[0]).op;
        if (before != OpKind::batch_norm && before != OpKind::add) {
          insert(layers.activation, {in, node.activation});
        }
        break;
      }
      case OpKind::add:
        insert(layers.add, in);
        break;
      case OpKind::channel_scale:
        insert(layers.channel_scale, in);
        break;
      case OpKind::global_average_pool:
        insert(layers.global_average_pool, in);
        break;
      default:
        break;
    }
  }
}

nn::Window same(const Shape& in, std::int64_t kernel, std::int64_t stride) {
  return nn::Window::same(in.h, in.w, kernel, kernel, stride, stride);
}

/// Extents and channels that fit no tile, in tensors of some size.
void add_odd(ModelLayers& layers) {
  const Shape seven{8192, 7, 7, 88}, four{16384, 4, 4, 40}, wide{1024, 32, 32, 24};
  const Shape pruned{2048, 16, 16, 43}, plain{512, 16, 16, 96};
  for (const Shape& in : {plain, seven, four, wide, pruned}) {
    insert(layers.depthwise, {in, same(in, 3, 1)});
  }
  insert(layers.depthwise, {seven, same(seven, 5, 1)});
  insert(layers.depthwise, {wide, same(wide, 3, 2)});
  insert(layers.depthwise, {wide, same(wide, 5, 2)});
  insert(layers.pointwise, {seven, 24});
  insert(layers.pointwise, {four, 240});
  insert(layers.pointwise, {wide, 88});
  insert(layers.pointwise, {pruned, 27});
  insert(layers.conv, {pruned, 27, same(pruned, 3, 1)});
}

std::string window_label(const nn::Window& w) {
  const auto pair = [](std::int64_t h, std::int64_t v) {
    return h == v ? fmt::format("{}", h) : fmt::format("{}x{}", h, v);
  };
  return fmt::format("_k{}_s{}", pair(w.kernel_h, w.kernel_w), pair(w.stride_h, w.stride_w));
}

}  // namespace

const ModelLayers& model_layers() {
  static const ModelLayers all = [] {
    ModelLayers layers;
    const auto model = [&](const char* name, const Shape& input, std::int64_t batch,
                           std::map<std::string, double> options = {}) {
      collect(layers, models::build_model({name, input, 10, 1, std::move(options)}), batch);
    };
    model("resnet18", {1, 32, 32, 3}, 512);
    model("resnet8", {1, 32, 32, 3}, 512);
    model("mobilenet_v3", {1, 32, 32, 3}, 512, {{"stem_stride", 1}});
    model("mobilenet_v3", {1, 96, 96, 3}, 256);
    model("mobilenet_v3", {1, 1, 1024, 24}, 512);
    model("ds_cnn", {1, 49, 10, 1}, 512);
    add_odd(layers);
    return layers;
  }();
  return all;
}

std::string label(const nn::ConvShape& s) {
  return fmt::format("{}_to{}{}", to_string(s.input), s.out_channels, window_label(s.window));
}

std::string label(const nn::DepthwiseShape& s) {
  return to_string(s.input) + window_label(s.window);
}

std::string label(const nn::PointwiseShape& s) {
  return fmt::format("{}_to{}", to_string(s.input), s.out_channels);
}

std::string label(const nn::FullyConnectedShape& s) {
  return fmt::format("{}_to{}", to_string(s.input), s.out_features);
}

std::string label(const nn::BatchNormShape& s) {
  return fmt::format("{}_{}", to_string(s.input), name_of(s.activation));
}

}  // namespace paretiny::bench

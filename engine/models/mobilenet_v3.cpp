#include <array>

#include "engine/models/model.h"

namespace paretiny::models {

using graph::NodeId;

namespace {

/// One row of the paper's table 2 (MobileNetV3-Small).
struct Block {
  std::int64_t kernel, expanded, channels;
  bool squeeze_excite;
  nn::Activation activation;
  std::int64_t stride;
};

constexpr nn::Activation kRelu = nn::Activation::relu;
constexpr nn::Activation kSwish = nn::Activation::hard_swish;
constexpr std::array<Block, 11> kBlocks = {{
    {3, 16, 16, true, kRelu, 2},
    {3, 72, 24, false, kRelu, 2},
    {3, 88, 24, false, kRelu, 1},
    {5, 96, 40, true, kSwish, 2},
    {5, 240, 40, true, kSwish, 1},
    {5, 240, 40, true, kSwish, 1},
    {5, 120, 48, true, kSwish, 1},
    {5, 144, 48, true, kSwish, 1},
    {5, 288, 96, true, kSwish, 2},
    {5, 576, 96, true, kSwish, 1},
    {5, 576, 96, true, kSwish, 1},
}};

/// A 1 x k kernel has fewer weights than k x k: a time series gets wider layers for them, which
/// makes the full network 2.3 M parameters on 24 channels x 1024 samples with 13 classes.
constexpr double kSeriesWidth = 1.25;

class BottleneckBuilder {
 public:
  BottleneckBuilder(const ModelContext& context)
      : context_(context), flat_(context.spec.input.h == 1) {}

  graph::Graph build() {
    NodeId x = graph_.input(context_.spec.input);
    x = graph_.conv("stem/conv", x, channels(16), window(x, 3, context_.integer("stem_stride")));
    x = graph_.batch_norm("stem/norm", x);
    x = graph_.activation("stem/swish", x, kSwish);
    const auto blocks = static_cast<std::size_t>(context_.integer("blocks"));
    for (std::size_t i = 0; i < blocks; ++i) {
      x = inverted_residual("block" + std::to_string(i + 1), x, kBlocks[i]);
    }
    x = pointwise("last", x, channels(6 * kBlocks[blocks - 1].channels), kSwish);
    x = graph_.global_average_pool("pool", x);
    if (context_.integer("head") > 0) {
      x = graph_.conv("head/conv", x, channels(context_.integer("head")), nn::Window{}, true);
      x = graph_.activation("head/swish", x, kSwish);
    }
    graph_.fully_connected("classifier", x, context_.spec.classes);
    return graph_;
  }

 private:
  std::int64_t channels(std::int64_t full) const {
    return scaled_channels(full, context_.spec.width * (flat_ ? kSeriesWidth : 1));
  }

  nn::Window window(NodeId from, std::int64_t kernel, std::int64_t stride) const {
    const Shape& in = graph_.node(from).output;
    return nn::Window::same(in.h, in.w, flat_ ? 1 : kernel, kernel, flat_ ? 1 : stride, stride);
  }

  NodeId pointwise(const std::string& name, NodeId x, std::int64_t to, nn::Activation activation) {
    x = graph_.conv(name + "/conv", x, to, nn::Window{});
    x = graph_.batch_norm(name + "/norm", x);
    if (activation == nn::Activation::none) return x;
    return graph_.activation(name + "/" + name_of(activation), x, activation);
  }

  NodeId squeeze_excite(const std::string& name, NodeId x) {
    const std::int64_t full = graph_.node(x).output.c;
    NodeId gate = graph_.global_average_pool(name + "/pool", x);
    gate = graph_.conv(name + "/reduce", gate, scaled_channels(full, 0.25), nn::Window{}, true);
    gate = graph_.activation(name + "/relu", gate, kRelu);
    gate = graph_.conv(name + "/expand", gate, full, nn::Window{}, true);
    gate = graph_.activation(name + "/gate", gate, nn::Activation::hard_sigmoid);
    return graph_.channel_scale(name + "/scale", x, gate);
  }

  NodeId inverted_residual(const std::string& name, NodeId from, const Block& block) {
    const std::int64_t in = graph_.node(from).output.c;
    const std::int64_t out = channels(block.channels);
    NodeId x = from;
    if (block.expanded != block.channels) {
      x = pointwise(name + "/expand", x, channels(block.expanded), block.activation);
    }
    x = graph_.depthwise(name + "/depthwise/conv", x, window(x, block.kernel, block.stride));
    x = graph_.batch_norm(name + "/depthwise/norm", x);
    x = graph_.activation(name + "/depthwise/" + name_of(block.activation), x, block.activation);
    if (block.squeeze_excite && context_.integer("squeeze_excite") == 1) {
      x = squeeze_excite(name + "/se", x);
    }
    x = pointwise(name + "/project", x, out, nn::Activation::none);
    return block.stride == 1 && in == out ? graph_.add(name + "/add", from, x) : x;
  }

  const ModelContext& context_;
  bool flat_;
  graph::Graph graph_;
};

}  // namespace

graph::Graph mobilenet_v3(const ModelContext& context) {
  return BottleneckBuilder(context).build();
}

}  // namespace paretiny::models

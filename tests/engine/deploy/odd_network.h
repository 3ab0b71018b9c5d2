// Graphs with the shapes that a memory plan gets wrong most easily.
#pragma once

#include "tests/engine/deploy/random_network.h"

namespace paretiny::test {

/// Draws graphs: one to three columns wide or a series half of the time, extents and channels even
/// and odd, windows larger and smaller than 64 taps with padding on any side and strides beyond the
/// kernel, convolutions that halve, keep or not quite double their channels, any step first.
class OddGraph {
 public:
  /// `tangled`: layers also go on from earlier ones, so that tensors live long, are read by several
  /// steps or by none, and meet again where their shapes do.
  explicit OddGraph(std::uint64_t seed, bool tangled = false) : random_(seed, "odd graph") {
    const bool series = random_.below(3) == 0;
    x_ =
        graph_.input({1, series ? 1 : draw(1, 11), random_.below(2) == 0 ? draw(1, 3) : draw(4, 13),
                      random_.below(2) == 0 ? draw(1, 4) : draw(5, 26)});
    const std::int64_t layers = draw(1, 5);
    for (std::int64_t layer = 0; layer < layers + (tangled ? 3 : 0); ++layer) {
      if (tangled) tangle();
      // Where the first is the largest, the arena shows what its lead is.
      append(layer == 0 && random_.below(2) == 0 ? 2 : draw(0, 8));
      if (random_.below(2) == 0) {
        const nn::Activation kinds[] = {nn::Activation::relu, nn::Activation::relu6,
                                        nn::Activation::hard_swish, nn::Activation::hard_sigmoid};
        x_ = graph_.activation(name(), x_, kinds[random_.below(4)]);
      }
    }
    if (random_.below(2) == 0) x_ = graph_.global_average_pool(name(), x_);
    graph_.fully_connected("logits", x_, draw(2, 7));
  }

  const graph::Graph& graph() const { return graph_; }

 private:
  std::int64_t draw(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  std::string name() const { return "node" + std::to_string(graph_.size()); }
  const Shape& shape() const { return graph_.node(x_).output; }

  void tangle() {
    const graph::NodeId other = static_cast<graph::NodeId>(draw(0, graph_.size() - 1));
    if (random_.below(2) == 0 && graph_.node(other).output == shape()) {
      x_ = graph_.add(name(), x_, other);
    } else if (random_.below(2) == 0) {
      x_ = other;
    }
  }

  /// Meets its input everywhere, as a model file asks.
  nn::Window window(std::int64_t most_stride = 4) {
    const Shape in = shape();
    const std::int64_t kernel_h = in.h == 1 ? 1 : draw(1, 5), kernel_w = draw(1, 5);
    const std::int64_t stride_h = in.h == 1 ? 1 : draw(1, most_stride);
    const std::int64_t stride_w = draw(1, most_stride);
    const nn::Window same = nn::Window::same(in.h, in.w, kernel_h, kernel_w, stride_h, stride_w);
    const nn::Window any{kernel_h,
                         kernel_w,
                         stride_h,
                         stride_w,
                         draw(0, kernel_h - 1),
                         draw(0, kernel_w - 1),
                         draw(0, kernel_h - 1),
                         draw(0, kernel_w - 1)};
    return random_.below(2) == 0 && any.valid(in.h, in.w) ? any : same;
  }

  /// Fewer, as many, or up to twice as many.
  std::int64_t channels() {
    const std::int64_t c = shape().c;
    switch (random_.below(4)) {
      case 0:
        return draw(1, std::max<std::int64_t>(1, c - 1));
      case 1:
        return c;
      case 2:
        return draw(c, 2 * c);
      default:
        return draw(1, 20);
    }
  }

  void append(std::int64_t kind) {
    switch (kind) {
      case 0:
      case 1:
        x_ = graph_.conv(name(), x_, channels(), window(), true);
        return;
      case 2: {
        // More than 64 taps, with padding on the left: its first column is done alone.
        const Shape in = shape();
        const std::int64_t kernel_h = in.h == 1 ? 1 : 3, stride = draw(1, 2);
        const std::int64_t kernel_w = std::max<std::int64_t>(3, 64 / (kernel_h * in.c) + 1);
        x_ = graph_.conv(
            name(), x_, channels(),
            nn::Window::same(in.h, in.w, kernel_h, kernel_w, in.h == 1 ? 1 : stride, stride), true);
        return;
      }
      case 3:
        x_ = graph_.depthwise(name(), x_, window(), true);
        return;
      case 4: {
        const graph::NodeId a =
            graph_.conv(name(), x_, shape().c, nn::Window::same(shape().h, shape().w, 3, 3, 1, 1));
        x_ = graph_.add(name(), random_.below(4) == 0 ? a : x_, a);
        return;
      }
      case 5: {
        const graph::NodeId gate = graph_.global_average_pool(name(), x_);
        const graph::NodeId f = graph_.conv(name(), gate, shape().c, nn::Window{}, true);
        x_ = graph_.channel_scale(name(), x_,
                                  graph_.activation(name(), f, nn::Activation::hard_sigmoid));
        return;
      }
      case 6:
        x_ = graph_.max_pool(name(), x_, window());
        return;
      case 7:
        x_ = graph_.average_pool(name(), x_, window());
        return;
      default:
        x_ = graph_.conv(name(), x_, channels(),
                         {1, 1, shape().h == 1 ? 1 : draw(1, 3), draw(1, 3)}, true);
        return;
    }
  }

  Random random_;
  graph::Graph graph_;
  graph::NodeId x_ = 0;
};

inline graph::Graph odd_graph(std::uint64_t seed) {
  return OddGraph(seed).graph();
}

inline graph::Graph tangled_graph(std::uint64_t seed) {
  return OddGraph(seed, true).graph();
}

}  // namespace paretiny::test

#include "engine/models/model.h"

namespace paretiny::models {

using graph::NodeId;

namespace {

/// A window of `kernel` along every spatial extent the input has.
nn::Window square(const Shape& in, std::int64_t kernel, std::int64_t stride) {
  const bool flat = in.h == 1;
  return nn::Window::same(in.h, in.w, flat ? 1 : kernel, kernel, flat ? 1 : stride, stride);
}

struct ResidualBuilder {
  graph::Graph graph;

  NodeId conv_norm(const std::string& name, NodeId from, std::int64_t channels, std::int64_t kernel,
                   std::int64_t stride) {
    const nn::Window window = square(graph.node(from).output, kernel, stride);
    const NodeId conv = graph.conv(name + "/conv", from, channels, window);
    return graph.batch_norm(name + "/norm", conv);
  }

  NodeId conv_norm_relu(const std::string& name, NodeId from, std::int64_t channels,
                        std::int64_t kernel, std::int64_t stride) {
    const NodeId norm = conv_norm(name, from, channels, kernel, stride);
    return graph.activation(name + "/relu", norm, nn::Activation::relu);
  }

  NodeId residual(const std::string& name, NodeId shortcut, NodeId branch) {
    const NodeId sum = graph.add(name + "/add", shortcut, branch);
    return graph.activation(name + "/relu", sum, nn::Activation::relu);
  }
};

}  // namespace

graph::Graph resnet18(const ModelContext& context) {
  ResidualBuilder b;
  NodeId x = b.graph.input(context.spec.input);
  x = b.conv_norm_relu("stem", x, context.channels(48), 3, 1);
  for (int stage = 0; stage < 3; ++stage) {
    const std::int64_t channels = context.channels(std::int64_t{48} << stage);
    for (int block = 0; block < context.integer("blocks"); ++block) {
      const std::string name =
          "stage" + std::to_string(stage + 1) + "/" + std::to_string(block + 1);
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      NodeId branch = b.conv_norm_relu(name + "/1", x, channels, 3, stride);
      branch = b.conv_norm(name + "/2", branch, channels, 3, 1);
      if (stride > 1) x = b.conv_norm(name + "/shortcut", x, channels, 1, stride);
      x = b.residual(name, x, branch);
    }
  }
  x = b.graph.global_average_pool("pool", x);
  b.graph.fully_connected("classifier", x, context.spec.classes);
  return b.graph;
}

graph::Graph resnet8(const ModelContext& context) {
  ResidualBuilder b;
  NodeId x = b.graph.input(context.spec.input);
  x = b.conv_norm_relu("stem", x, context.channels(16), 3, 1);
  for (int stage = 0; stage < 3; ++stage) {
    const std::int64_t channels = context.channels(std::int64_t{16} << stage);
    const std::string name = "stage" + std::to_string(stage + 1);
    const std::int64_t stride = stage > 0 ? 2 : 1;
    NodeId branch = b.conv_norm_relu(name + "/1", x, channels, 3, stride);
    branch = b.conv_norm(name + "/2", branch, channels, 3, 1);
    if (stride > 1) {
      // The benchmark's shortcut has a bias and no batch norm.
      x = b.graph.conv(name + "/shortcut", x, channels, square(b.graph.node(x).output, 1, stride),
                       true);
    }
    x = b.residual(name, x, branch);
  }
  x = b.graph.global_average_pool("pool", x);
  b.graph.fully_connected("classifier", x, context.spec.classes);
  return b.graph;
}

}  // namespace paretiny::models

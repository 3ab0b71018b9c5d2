#include "engine/models/model.h"

namespace paretiny::models {

graph::Graph ds_cnn(const ModelContext& context) {
  const std::int64_t channels = context.channels(64);
  graph::Graph graph;
  graph::NodeId x = graph.input(context.spec.input);
  const auto norm_relu = [&](const std::string& name, graph::NodeId from) {
    const graph::NodeId norm = graph.batch_norm(name + "/norm", from);
    return graph.activation(name + "/relu", norm, nn::Activation::relu);
  };
  const auto same = [&](graph::NodeId from, std::int64_t height, std::int64_t width,
                        std::int64_t stride) {
    const Shape& in = graph.node(from).output;
    const bool flat = in.h == 1;
    return nn::Window::same(in.h, in.w, flat ? 1 : height, width, flat ? 1 : stride, stride);
  };
  x = graph.conv("stem/conv", x, channels,
                 same(x, context.integer("stem_height"), context.integer("stem_width"),
                      context.integer("stem_stride")));
  x = norm_relu("stem", x);
  for (int block = 1; block <= context.integer("blocks"); ++block) {
    const std::string name = "block" + std::to_string(block);
    x = graph.depthwise(name + "/depthwise", x, same(x, 3, 3, 1));
    x = norm_relu(name + "/depthwise", x);
    x = graph.conv(name + "/pointwise", x, channels, nn::Window{});
    x = norm_relu(name + "/pointwise", x);
  }
  x = graph.global_average_pool("pool", x);
  graph.fully_connected("classifier", x, context.spec.classes);
  return graph;
}

}  // namespace paretiny::models

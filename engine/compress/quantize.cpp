#include "engine/compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/compress/fold_batch_norm.h"
#include "engine/compress/int8_limits.h"
#include "engine/graph/steps.h"

namespace paretiny::compress {

using graph::NodeId;
using graph::OpKind;
using int8::Quantization;
using nn::Activation;

namespace {

/// A tensor narrower than this counts as zeros: hard-swish's 16-bit arithmetic reaches no lower.
constexpr float kLeastWidth = 1e-4f;
/// hard_swish_table needs an input scale below 128 output scales.
constexpr float kMostHardSwishRatio = 100;
/// A bias takes at most half of the accumulator.
constexpr double kMostBias = 0x1p30;

class Quantizer {
 public:
  Quantizer(const graph::Network& network, const std::vector<ValueRange>& ranges)
      : graph_(network.graph),
        layout_(network.graph),
        parameters_(network.parameters),
        ranges_(ranges),
        consumers_(network.graph.consumers()),
        tensors_(ranges.size(), -1) {
    const std::vector<NodeId> steps = graph::step_nodes(graph_);
    last_.resize(steps.size());
    for (NodeId id = 0; id < graph_.size(); ++id) {
      last_[static_cast<std::size_t>(steps[static_cast<std::size_t>(id)])] = id;
    }
  }

  Int8Network run() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (tensors_[static_cast<std::size_t>(id)] >= 0) continue;
      try {
        step(id);
      } catch (const DataError& error) {
        throw DivergedError("node " + graph_.node(id).name + " has no int8 form: " + error.what());
      }
    }
    return std::move(result_);
  }

 private:
  ValueRange range(NodeId id) const { return ranges_[static_cast<std::size_t>(id)]; }
  const Quantization& input(NodeId id, std::size_t which = 0) const {
    const NodeId from = graph_.node(id).inputs[which];
    const int index = tensors_[static_cast<std::size_t>(from)];
    return result_.tensors[static_cast<std::size_t>(index)].quantization;
  }

  int tensor(NodeId id, const Quantization& quantization) {
    const graph::Node& node = graph_.node(id);
    check_scale(quantization.scale, "a tensor's");
    result_.tensors.push_back({node.name, node.output, quantization});
    return static_cast<int>(result_.tensors.size()) - 1;
  }

  /// Appends the step of node `id`, which computes the output of node `last` (`id` itself, or the
  /// clamp that it takes in).
  void append(NodeId id, NodeId last, const Quantization& output, Int8Operation operation) {
    Int8Step step{graph_.node(id).name, std::move(operation), {}, tensor(last, output)};
    for (const NodeId from : graph_.node(id).inputs) {
      step.inputs.push_back(tensors_[static_cast<std::size_t>(from)]);
    }
    tensors_[static_cast<std::size_t>(last)] = step.output;
    tensors_[static_cast<std::size_t>(id)] = step.output;
    result_.steps.push_back(std::move(step));
  }

  /// The clamp that the step of node `id` takes in, or `id`.
  NodeId with_clamp(NodeId id) const { return last_[static_cast<std::size_t>(id)]; }

  Activation clamp_of(NodeId id, NodeId last) const {
    return id == last ? Activation::none : graph_.node(last).activation;
  }

  /// The output range of a layer, without what the table after it makes flat anyway.
  ValueRange useful_range(NodeId id) const {
    ValueRange useful = range(id);
    const std::vector<NodeId>& readers = consumers_[static_cast<std::size_t>(id)];
    if (readers.size() != 1 || graph_.node(readers[0]).op != OpKind::activation) return useful;
    const Activation activation = graph_.node(readers[0]).activation;
    if (activation == Activation::hard_swish || activation == Activation::hard_sigmoid) {
      useful.low = std::clamp(useful.low, -3.0f, 0.0f);
    }
    if (activation == Activation::hard_sigmoid) useful.high = std::clamp(useful.high, 0.0f, 3.0f);
    return useful;
  }

  void step(NodeId id) {
    const graph::Node& node = graph_.node(id);
    switch (node.op) {
      case OpKind::conv:
        return layer(id, Int8Conv{});
      case OpKind::depthwise:
        return layer(id, Int8Depthwise{});
      case OpKind::fully_connected:
        return layer(id, Int8FullyConnected{});
      case OpKind::activation:
        return lookup(id);
      case OpKind::add: {
        const NodeId last = with_clamp(id);
        const Quantization y = quantization_of(range(last));
        check_add_ratio(input(id, 0), input(id, 1), y);
        return append(
            id, last, y,
            Int8Add{int8::add_parameters(input(id, 0), input(id, 1), y, clamp_of(id, last))});
      }
      case OpKind::channel_scale: {
        const Quantization y = quantization_of(range(id));
        check_mul_ratio(input(id, 0), input(id, 1), y);
        return append(id, id, y, Int8Mul{int8::mul_parameters(input(id, 0), input(id, 1), y)});
      }
      case OpKind::max_pool:
        return append(id, id, input(id), Int8MaxPool{node.window});
      case OpKind::average_pool:
        return append(id, id, input(id), Int8AveragePool{node.window});
      case OpKind::global_average_pool: {
        const Quantization y = quantization_of(range(id));
        const Shape& in = graph_.input_of(id);
        check_ratio(input(id).scale, y.scale);
        return append(id, id, y, Int8Mean{int8::mean_parameters(input(id), y, in.h * in.w)});
      }
      case OpKind::input:
        tensors_[static_cast<std::size_t>(id)] = tensor(id, quantization_of(range(id)));
        return;
      case OpKind::batch_norm:
        throw UsageError("node " + node.name + " cannot be quantized; fold batch norm first");
    }
  }

  /// The output range follows from the input's: exact for these functions, which have one minimum.
  void lookup(NodeId id) {
    const Activation activation = graph_.node(id).activation;
    const Quantization& x = input(id);
    const auto at = [&](float v) { return nn::activate(activation, v); };
    const float low = x.scale * static_cast<float>(-128 - x.zero_point);
    const float high = x.scale * static_cast<float>(127 - x.zero_point);
    ValueRange range{at(low), at(high)};
    if (activation == Activation::hard_swish) {
      range.low = at(std::max(low, -1.5f));  // it falls until -3/2
      range.high = std::max(range.high, range.low + (high - low) / kMostHardSwishRatio);
    }
    const Quantization y = quantization_of(range);
    check_ratio(x.scale, y.scale);
    append(id, id, y, Int8Lookup{activation, table(activation, x, y)});
  }

  static int8::Int8Table table(Activation activation, const Quantization& x,
                               const Quantization& y) {
    if (activation == Activation::hard_swish) return int8::hard_swish_table(x, y);
    if (activation == Activation::hard_sigmoid) return int8::hard_sigmoid_table(x, y);
    return int8::relu_table(activation, x, y);
  }

  template <class Operation>
  void layer(NodeId id, Operation operation) {
    const graph::Node& node = graph_.node(id);
    const NodeId last = with_clamp(id);
    const Quantization x = input(id);
    const Quantization y = quantization_of(last == id ? useful_range(id) : range(last));
    const graph::ParameterTensor& weight = *layout_.find(id, graph::Role::weight);
    const graph::ParameterTensor* bias = layout_.find(id, graph::Role::bias);
    const float* w = parameters_.data() + weight.offset;

    operation.window = node.op == OpKind::fully_connected ? nn::Window{} : node.window;
    operation.parameters = {x.zero_point, y.zero_point,
                            int8::activation_range(clamp_of(id, last), y)};
    operation.weights_shape = weight.shape;
    operation.weights.resize(static_cast<std::size_t>(weight.shape.elements()));
    const std::int64_t channels = node.output.c;
    const std::int64_t taps = weight.shape.elements() / channels;
    const bool depthwise = node.op == OpKind::depthwise;
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t first = depthwise ? c : c * taps;
      const std::int64_t stride = depthwise ? channels : 1;
      const double b = bias == nullptr ? 0.0 : double{parameters_[bias->offset + c]};
      double largest = 0;
      for (std::int64_t i = 0; i < taps; ++i) {
        largest = std::max(largest, std::abs(double{w[first + i * stride]}));
      }
      const Filter filter{w + first, operation.weights.data() + first, taps, stride};
      const auto [scale, quantized_bias] = quantize_filter(filter, largest, b, x.scale);
      check_ratio(double{x.scale} * double{scale}, y.scale);
      const int8::QuantizedMultiplier m = int8::layer_multiplier(x.scale, scale, y.scale);
      operation.weight_scales.push_back(scale);
      operation.bias.push_back(quantized_bias);
      operation.multipliers.push_back(m.multiplier);
      operation.shifts.push_back(m.shift);
    }
    append(id, last, y, std::move(operation));
  }

  /// An output channel's weights.
  struct Filter {
    const float* real;
    std::int8_t* quantized;
    std::int64_t taps;
    std::int64_t stride;
  };

  /// 127 steps to the largest weight; fewer where the scale would be too small for its range, the
  /// bias too large for its integer or the sum for 32 bits. Returns the scale and the bias.
  static std::pair<float, std::int32_t> quantize_filter(const Filter& filter, double largest,
                                                        double bias, float input_scale) {
    auto scale = static_cast<float>(
        std::max({largest / 127, std::abs(bias) / (double{input_scale} * kMostBias), kLeastScale}));
    for (;; scale *= 2) {
      check_scale(scale, "a weight's");
      for (std::int64_t i = 0; i < filter.taps; ++i) {
        const double q = std::round(double{filter.real[i * filter.stride]} / double{scale});
        filter.quantized[i * filter.stride] =
            static_cast<std::int8_t>(std::clamp(q, -127.0, 127.0));
      }
      const auto quantized =
          static_cast<std::int32_t>(std::round(bias / (double{input_scale} * double{scale})));
      if (sum_fits(filter.quantized, filter.taps, filter.stride, quantized)) {
        return {scale, quantized};
      }
    }
  }

  const graph::Graph& graph_;
  const graph::ParameterLayout layout_;
  const std::vector<float>& parameters_;
  const std::vector<ValueRange>& ranges_;
  const std::vector<std::vector<NodeId>> consumers_;
  std::vector<int> tensors_;  ///< by node
  std::vector<NodeId> last_;  ///< by node: the last of those that its step computes
  Int8Network result_;
};

}  // namespace

Quantization quantization_of(ValueRange range) {
  float low = std::min(range.low, 0.0f);
  float high = std::max(range.high, 0.0f);
  if (high - low < kLeastWidth) {
    low = 0;
    high = 1;
  }
  const float scale = (high - low) / 255;
  const double zero_point = std::round(-128 - double{low} / double{scale});
  return {scale, static_cast<std::int32_t>(std::clamp(zero_point, -128.0, 127.0))};
}

Int8Network quantize(const graph::Network& folded, const std::vector<ValueRange>& ranges) {
  for (const float parameter : folded.parameters) {
    if (!std::isfinite(parameter)) throw DivergedError("a weight or bias is not finite");
  }
  return Quantizer(folded, ranges).run();
}

Int8Network quantize(Stream& stream, const graph::Network& network,
                     const data::ResidentDataset& data, const CalibrationSpec& spec,
                     std::uint64_t seed) {
  const graph::Network folded = fold_batch_norm(network);
  return quantize(folded, calibrate(stream, folded, data, spec, seed));
}

}  // namespace paretiny::compress

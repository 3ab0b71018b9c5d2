#include "engine/deploy/formats/onnx.h"

#include "engine/deploy/formats/model_description.h"
#include "engine/deploy/formats/onnx_builder.h"

namespace paretiny::deploy {
namespace {

using onnx::Attribute;
using onnx::OnnxBuilder;

using OnnxShape = std::vector<std::int64_t>;

/// Weights [n, pixels, channels] as [n, channels, pixels].
std::vector<std::int8_t> channels_first(const std::vector<std::int8_t>& weights,
                                        std::int64_t channels, std::int64_t pixels) {
  std::vector<std::int8_t> result;
  result.reserve(weights.size());
  const auto filter = static_cast<std::size_t>(channels * pixels);
  for (std::size_t first = 0; first < weights.size(); first += filter) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < pixels; ++p) {
        result.push_back(weights[first + static_cast<std::size_t>(p * channels + c)]);
      }
    }
  }
  return result;
}

std::vector<Attribute> window_attributes(const nn::Window& w) {
  return {{"kernel_shape", OnnxShape{w.kernel_h, w.kernel_w}},
          {"strides", OnnxShape{w.stride_h, w.stride_w}},
          {"pads", OnnxShape{w.top, w.left, w.bottom, w.right}}};
}

/// Writes the nodes of one step after another. A dequantized tensor has the tensor's name, what
/// leads to it the name and a suffix.
class OnnxStepWriter {
 public:
  OnnxStepWriter(const compress::Int8Network& network, OnnxBuilder& file)
      : network_(network), file_(file) {
    const compress::Int8Tensor& input = network.input();
    names_.resize(network.tensors.size());
    const std::string image = file.node("Transpose", {input.name}, input.name + ":nchw",
                                        {{"perm", OnnxShape{0, 3, 1, 2}}});
    names_[0] = quantized(image, input.name + ":image", input.quantization);
  }

  void write(const compress::Int8Step& step) {
    step_ = &step;
    std::visit(*this, step.operation);
  }

  void operator()(const compress::Int8Conv& op) {
    const Shape& w = op.weights_shape;
    convolution(op, {w.n, w.c, w.h, w.w}, channels_first(op.weights, w.c, w.h * w.w), 1);
  }

  void operator()(const compress::Int8Depthwise& op) {
    const Shape& w = op.weights_shape;
    convolution(op, {w.c, 1, w.h, w.w}, channels_first(op.weights, w.c, w.h * w.w), w.c);
  }

  void operator()(const compress::Int8FullyConnected& op) {
    const Shape& in = input().shape;
    const OnnxShape shape{op.weights_shape.n, in.elements()};
    const std::string row =
        quantized(file_.node("Flatten", {x()}, suffixed("row:float"), {{"axis", std::int64_t{1}}}),
                  suffixed("row"), input().quantization);
    const std::string y = file_.node(
        "Gemm", {row, weights(op, shape, channels_first(op.weights, in.c, in.h * in.w)), bias(op)},
        suffixed("float"), {{"transB", std::int64_t{1}}});
    finish(clamped(y, op.parameters.range));
    if (is_last()) return;
    // What follows expects an image.
    const std::string form =
        file_.constant<std::int64_t>(suffixed("shape"), {4}, {-1, op.weights_shape.n, 1, 1});
    names_[static_cast<std::size_t>(step_->output)] =
        quantized(file_.node("Reshape", {name(), form}, suffixed("reshaped")), suffixed("image"),
                  output().quantization);
  }

  void operator()(const compress::Int8Add& op) {
    finish(clamped(file_.node("Add", {x(0), x(1)}, suffixed("float")), op.parameters.range));
  }

  void operator()(const compress::Int8Mul& op) {
    finish(clamped(file_.node("Mul", {x(0), x(1)}, suffixed("float")), op.parameters.range));
  }

  void operator()(const compress::Int8Lookup& op) {
    switch (op.activation) {
      case nn::Activation::none:
        return finish(x());
      case nn::Activation::relu:
      case nn::Activation::relu6:
        return finish(clamped(x(), int8::activation_range(op.activation, output().quantization)));
      case nn::Activation::hard_swish:
        return finish(file_.node("HardSwish", {x()}, suffixed("float")));
      case nn::Activation::hard_sigmoid:
        return finish(file_.node("HardSigmoid", {x()}, suffixed("float"),
                                 {{"alpha", 1.0f / 6}, {"beta", 0.5f}}));
    }
  }

  void operator()(const compress::Int8MaxPool& op) {
    finish(file_.node("MaxPool", {x()}, suffixed("float"), window_attributes(op.window)));
  }

  void operator()(const compress::Int8AveragePool& op) {
    std::vector<Attribute> attributes = window_attributes(op.window);
    attributes.push_back({"count_include_pad", std::int64_t{0}});
    finish(file_.node("AveragePool", {x()}, suffixed("float"), attributes));
  }

  void operator()(const compress::Int8Mean&) {
    finish(file_.node("GlobalAveragePool", {x()}, suffixed("float")));
  }

 private:
  const compress::Int8Tensor& tensor(int index) const {
    return network_.tensors[static_cast<std::size_t>(index)];
  }
  const compress::Int8Tensor& input() const { return tensor(step_->inputs[0]); }
  const compress::Int8Tensor& output() const { return tensor(step_->output); }
  const std::string& name() const { return output().name; }
  std::string suffixed(const char* what) const { return name() + ":" + what; }
  bool is_last() const { return step_ == &network_.steps.back(); }
  const std::string& x(std::size_t which = 0) const {
    return names_[static_cast<std::size_t>(step_->inputs[which])];
  }

  /// A value quantized to int8 and back: `name`.
  std::string quantized(const std::string& value, const std::string& name,
                        const int8::Quantization& q) {
    const std::string scale = file_.constant<float>(name + ":scale", {}, {q.scale});
    const std::string zero = file_.constant<std::int8_t>(name + ":zero_point", {},
                                                         {static_cast<std::int8_t>(q.zero_point)});
    const std::string bytes = file_.node("QuantizeLinear", {value, scale, zero}, name + ":int8");
    return file_.node("DequantizeLinear", {bytes, scale, zero}, name);
  }

  /// The step's output. Where an image ends the network, it is made a row, channels last.
  void finish(const std::string& value) {
    std::string& result = names_[static_cast<std::size_t>(step_->output)];
    if (!is_last() || std::holds_alternative<compress::Int8FullyConnected>(step_->operation)) {
      result = quantized(value, name(), output().quantization);
    } else {
      const std::string image =
          file_.node("Transpose", {quantized(value, suffixed("image"), output().quantization)},
                     suffixed("nhwc"), {{"perm", OnnxShape{0, 2, 3, 1}}});
      result = file_.node("Flatten", {image}, name(), {{"axis", std::int64_t{1}}});
    }
  }

  /// `value` within the bounds of int8 values of the output, which are floats on its grid.
  std::string clamped(const std::string& value, const int8::Int8Range& range) {
    const int8::Quantization& q = output().quantization;
    if (range == int8::Int8Range{}) return value;
    if (range == int8::activation_range(nn::Activation::relu, q)) {
      return file_.node("Relu", {value}, suffixed("limited"));
    }
    const auto bound = [&](const char* what, std::int32_t value_of) {
      return file_.constant<float>(suffixed(what), {},
                                   {static_cast<float>(value_of - q.zero_point) * q.scale});
    };
    return file_.node("Clip", {value, bound("low", range.low), bound("high", range.high)},
                      suffixed("limited"));
  }

  void convolution(const compress::Int8Layer& op, const OnnxShape& shape,
                   const std::vector<std::int8_t>& values, std::int64_t groups) {
    std::vector<Attribute> attributes = window_attributes(op.window);
    attributes.push_back({"group", groups});
    finish(clamped(file_.node("Conv", {x(), weights(op, shape, values), bias(op)},
                              suffixed("float"), attributes),
                   op.parameters.range));
  }

  std::string weights(const compress::Int8Layer& op, const OnnxShape& shape,
                      const std::vector<std::int8_t>& values) {
    const OnnxShape channels{static_cast<std::int64_t>(op.weight_scales.size())};
    const std::string bytes = file_.constant(suffixed("weights:int8"), shape, values);
    const std::string scale = file_.constant(suffixed("weights:scale"), channels, op.weight_scales);
    const std::string zero = file_.constant(suffixed("weights:zero_point"), channels,
                                            std::vector<std::int8_t>(op.weight_scales.size()));
    return file_.node("DequantizeLinear", {bytes, scale, zero}, suffixed("weights"),
                      {{"axis", std::int64_t{0}}});
  }

  std::string bias(const compress::Int8Layer& op) {
    std::vector<float> scales;
    for (const float scale : op.weight_scales) {
      scales.push_back(input().quantization.scale * scale);
    }
    const OnnxShape channels{static_cast<std::int64_t>(scales.size())};
    const std::string values = file_.constant(suffixed("bias:int32"), channels, op.bias);
    const std::string scale = file_.constant(suffixed("bias:scale"), channels, scales);
    return file_.node("DequantizeLinear", {values, scale}, suffixed("bias"),
                      {{"axis", std::int64_t{0}}});
  }

  const compress::Int8Network& network_;
  OnnxBuilder& file_;
  std::vector<std::string> names_;  ///< of tensors as the nodes read them, [batch, c, h, w]
  const compress::Int8Step* step_ = nullptr;
};

}  // namespace

std::string onnx_model(const DeployedModel& named) {
  const DeployedModel model = with_file_names(named);
  const compress::Int8Network& network = model.network;
  OnnxBuilder file;
  OnnxStepWriter steps(network, file);
  for (const compress::Int8Step& step : network.steps) steps.write(step);
  const Shape& in = network.input().shape;
  return file.finish(model.name,
                     model_description(model, "f32 [batch][h][w][c], value * scale[c] + shift[c]"),
                     {network.input().name, {in.h, in.w, in.c}},
                     {network.output().name, {network.output().shape.elements()}});
}

}  // namespace paretiny::deploy

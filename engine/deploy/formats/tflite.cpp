#include "engine/deploy/formats/tflite.h"

#include <fmt/core.h>

#include <optional>

#include "base/error.h"
#include "engine/deploy/formats/model_description.h"
#include "engine/deploy/formats/tflite_builder.h"

namespace paretiny::deploy {
namespace {

using namespace tflite;

using TfliteShape = std::vector<std::int32_t>;

TfliteShape extents(const Shape& shape) {
  return {static_cast<std::int32_t>(shape.n), static_cast<std::int32_t>(shape.h),
          static_cast<std::int32_t>(shape.w), static_cast<std::int32_t>(shape.c)};
}

/// Which of the two paddings TensorFlow Lite has gives a window its outputs. What lies at the
/// bottom and right follows from the number of outputs.
std::optional<Padding> padding_of(const nn::Window& w, const Shape& in) {
  const std::int64_t out_h = w.out_h(in.h);
  const std::int64_t out_w = w.out_w(in.w);
  const nn::Window same =
      nn::Window::same(in.h, in.w, w.kernel_h, w.kernel_w, w.stride_h, w.stride_w);
  if (w.top == same.top && w.left == same.left && out_h == same.out_h(in.h) &&
      out_w == same.out_w(in.w)) {
    return Padding::same;
  }
  const nn::Window valid{w.kernel_h, w.kernel_w, w.stride_h, w.stride_w};
  if (w.top == 0 && w.left == 0 && valid.valid(in.h, in.w) && out_h == valid.out_h(in.h) &&
      out_w == valid.out_w(in.w)) {
    return Padding::valid;
  }
  return std::nullopt;
}

/// The activation that limits an output to `range`, if there is one.
std::optional<FusedActivation> fused_activation(const int8::Int8Range& range,
                                                const int8::Quantization& y) {
  constexpr std::pair<nn::Activation, FusedActivation> activations[] = {
      {nn::Activation::none, FusedActivation::none},
      {nn::Activation::relu, FusedActivation::relu},
      {nn::Activation::relu6, FusedActivation::relu6}};
  for (const auto& [activation, fused] : activations) {
    if (int8::activation_range(activation, y) == range) return fused;
  }
  return std::nullopt;
}

/// Writes the operators of one step after another.
class TfliteStepWriter {
 public:
  TfliteStepWriter(const compress::Int8Network& network, TfliteBuilder& file)
      : network_(network), file_(file) {
    for (const compress::Int8Tensor& tensor : network.tensors) {
      file.activation(tensor.name, extents(tensor.shape), tensor.quantization);
    }
  }

  void write(const compress::Int8Step& step) {
    step_ = &step;
    std::visit(*this, step.operation);
  }

  void operator()(const compress::Int8Conv& op) {
    convolution(op, op.weights_shape, op.window, place(op.window));
  }

  void operator()(const compress::Int8Depthwise& op) {
    using namespace depthwise_conv_2d_options;
    const Placed x = place(op.window);
    clamped(op.parameters.range, [&](FusedActivation activation, int y) {
      file_.operation(
          BuiltinOperator::depthwise_conv_2d,
          {x.tensor, weights(op, op.weights_shape, 3), bias(op)}, y,
          BuiltinOptions::depthwise_conv_2d,
          {Option::byte(padding, x.padding), Option::int32(stride_w, op.window.stride_w),
           Option::int32(stride_h, op.window.stride_h), Option::int32(depth_multiplier, 1),
           Option::byte(fused_activation_function, activation), Option::int32(dilation_w_factor, 1),
           Option::int32(dilation_h_factor, 1)});
    });
  }

  /// As a convolution over the whole image: scales by channel are what FULLY_CONNECTED lacks before
  /// version 12, and LiteRT rounds it otherwise.
  void operator()(const compress::Int8FullyConnected& op) {
    const Shape& in = input().shape;
    Shape shape = in;
    shape.n = op.weights_shape.n;
    convolution(op, shape, nn::Window{in.h, in.w}, {step_->inputs[0], Padding::valid});
  }

  void operator()(const compress::Int8Add& op) {
    clamped(op.parameters.range, [&](FusedActivation activation, int y) {
      file_.operation(BuiltinOperator::add, step_->inputs, y, BuiltinOptions::add,
                      {Option::byte(tflite::add_options::fused_activation_function, activation)});
    });
  }

  void operator()(const compress::Int8Mul& op) {
    clamped(op.parameters.range, [&](FusedActivation activation, int y) {
      file_.operation(BuiltinOperator::mul, step_->inputs, y, BuiltinOptions::mul,
                      {Option::byte(tflite::mul_options::fused_activation_function, activation)});
    });
  }

  void operator()(const compress::Int8Lookup& op) {
    const int x = step_->inputs[0];
    switch (op.activation) {
      case nn::Activation::none:
        return file_.operation(BuiltinOperator::quantize, {x}, step_->output,
                               BuiltinOptions::quantize, {});
      case nn::Activation::relu:
        return file_.operation(BuiltinOperator::relu, {x}, step_->output, BuiltinOptions::none, {});
      case nn::Activation::relu6:
        return file_.operation(BuiltinOperator::relu6, {x}, step_->output, BuiltinOptions::none,
                               {});
      case nn::Activation::hard_swish:
        return file_.operation(BuiltinOperator::hard_swish, {x}, step_->output,
                               BuiltinOptions::hard_swish, {});
      case nn::Activation::hard_sigmoid:
        return hard_sigmoid(x);
    }
  }

  void operator()(const compress::Int8MaxPool& op) {
    if (padding_of(op.window, input().shape)) {
      return pool(BuiltinOperator::max_pool_2d, op.window, place(op.window));
    }
    // Padded with what no maximum notices.
    const int least = file_.constant<std::int8_t>(
        name("least"), {1}, {-128}, TensorQuantization::per_tensor(input().quantization));
    pool(BuiltinOperator::max_pool_2d, op.window, {pad(op.window, least), Padding::valid});
  }

  void operator()(const compress::Int8AveragePool& op) {
    if (!padding_of(op.window, input().shape)) {
      throw UsageError(fmt::format(
          "step {}: TensorFlow Lite has no average pool with padding other than SAME or VALID",
          step_->name));
    }
    pool(BuiltinOperator::average_pool_2d, op.window, place(op.window));
  }

  void operator()(const compress::Int8Mean&) {
    const int axes = file_.constant<std::int32_t>(name("axes"), {2}, {1, 2}, {});
    file_.operation(BuiltinOperator::mean, {step_->inputs[0], axes}, step_->output,
                    BuiltinOptions::reducer, {Option::byte(tflite::reducer_options::keep_dims, 1)});
  }

 private:
  /// A tensor to put a window over.
  struct Placed {
    int tensor;
    Padding padding;
  };

  const compress::Int8Tensor& tensor(int index) const {
    return network_.tensors[static_cast<std::size_t>(index)];
  }
  const compress::Int8Tensor& input() const { return tensor(step_->inputs[0]); }
  const compress::Int8Tensor& output() const { return tensor(step_->output); }
  std::string name(const char* what) const { return step_->name + "/" + what; }

  /// The step's input, padded where the operator cannot.
  Placed place(const nn::Window& window) {
    if (const auto padding = padding_of(window, input().shape)) {
      return {step_->inputs[0], *padding};
    }
    return {pad(window, -1), Padding::valid};
  }

  /// Pads with the zero point, or with the value of the constant `with`.
  int pad(const nn::Window& w, int with) {
    Shape shape = input().shape;
    shape.h += w.top + w.bottom;
    shape.w += w.left + w.right;
    const int padded = file_.activation(name("padded"), extents(shape), input().quantization);
    const auto count = [](std::int64_t cells) { return static_cast<std::int32_t>(cells); };
    std::vector<int> inputs{
        step_->inputs[0],
        file_.constant<std::int32_t>(
            name("padding"), {4, 2},
            {0, 0, count(w.top), count(w.bottom), count(w.left), count(w.right), 0, 0}, {})};
    if (with < 0) {
      file_.operation(BuiltinOperator::pad, inputs, padded, BuiltinOptions::pad, {});
    } else {
      inputs.push_back(with);
      file_.operation(BuiltinOperator::padv2, inputs, padded, BuiltinOptions::padv2, {});
    }
    return padded;
  }

  void convolution(const compress::Int8Layer& op, const Shape& shape, const nn::Window& window,
                   const Placed& x) {
    using namespace conv_2d_options;
    clamped(op.parameters.range, [&](FusedActivation activation, int y) {
      file_.operation(BuiltinOperator::conv_2d, {x.tensor, weights(op, shape, 0), bias(op)}, y,
                      BuiltinOptions::conv_2d,
                      {Option::byte(padding, x.padding), Option::int32(stride_w, window.stride_w),
                       Option::int32(stride_h, window.stride_h),
                       Option::byte(fused_activation_function, activation),
                       Option::int32(dilation_w_factor, 1), Option::int32(dilation_h_factor, 1)});
    });
  }

  int weights(const compress::Int8Layer& op, const Shape& shape, std::int32_t dimension) {
    return file_.constant(name("weights"), extents(shape), op.weights,
                          TensorQuantization::per_channel(op.weight_scales, dimension));
  }

  int bias(const compress::Int8Layer& op) {
    std::vector<float> scales;
    for (const float scale : op.weight_scales) {
      scales.push_back(input().quantization.scale * scale);
    }
    return file_.constant(name("bias"), {static_cast<std::int32_t>(op.bias.size())}, op.bias,
                          TensorQuantization::per_channel(std::move(scales), 0));
  }

  /// Calls write(fused activation, output tensor); bounds that no activation has get operators of
  /// their own behind.
  template <class Write>
  void clamped(const int8::Int8Range& range, const Write& write) {
    const int8::Quantization& q = output().quantization;
    if (const auto fused = fused_activation(range, q)) return write(*fused, step_->output);
    const auto like_output = [&](const char* what) {
      return file_.activation(name(what), extents(output().shape), q);
    };
    const auto bound = [&](const char* what, std::int32_t value) {
      return file_.constant<std::int8_t>(name(what), {1}, {static_cast<std::int8_t>(value)},
                                         TensorQuantization::per_tensor(q));
    };
    const int wide = like_output("unlimited");
    write(FusedActivation::none, wide);
    const int raised = like_output("raised");
    file_.operation(BuiltinOperator::maximum, {wide, bound("low", range.low)}, raised,
                    BuiltinOptions::maximum_minimum, {});
    file_.operation(BuiltinOperator::minimum, {raised, bound("high", range.high)}, step_->output,
                    BuiltinOptions::maximum_minimum, {});
  }

  /// The operators that the table was made with.
  void hard_sigmoid(int x) {
    const auto constant = [&](const char* what, const int8::Quantization& q) {
      return file_.constant<std::int8_t>(name(what), {1}, {int8::kHardSigmoidConstant},
                                         TensorQuantization::per_tensor(q));
    };
    const int sum = file_.activation(name("sum"), extents(output().shape), int8::kHardSigmoidSum);
    file_.operation(
        BuiltinOperator::add, {x, constant("three", int8::kHardSigmoidThree)}, sum,
        BuiltinOptions::add,
        {Option::byte(tflite::add_options::fused_activation_function, FusedActivation::relu6)});
    file_.operation(
        BuiltinOperator::mul, {sum, constant("sixth", int8::kHardSigmoidSixth)}, step_->output,
        BuiltinOptions::mul,
        {Option::byte(tflite::mul_options::fused_activation_function, FusedActivation::none)});
  }

  void pool(BuiltinOperator code, const nn::Window& w, const Placed& x) {
    using namespace pool_2d_options;
    file_.operation(code, {x.tensor}, step_->output, BuiltinOptions::pool_2d,
                    {Option::byte(padding, x.padding), Option::int32(stride_w, w.stride_w),
                     Option::int32(stride_h, w.stride_h), Option::int32(filter_width, w.kernel_w),
                     Option::int32(filter_height, w.kernel_h),
                     Option::byte(fused_activation_function, FusedActivation::none)});
  }

  const compress::Int8Network& network_;
  TfliteBuilder& file_;
  const compress::Int8Step* step_ = nullptr;
};

}  // namespace

std::vector<std::uint8_t> tflite_model(const DeployedModel& named) {
  const DeployedModel model = with_file_names(named);
  TfliteBuilder file;
  TfliteStepWriter steps(model.network, file);
  for (const compress::Int8Step& step : model.network.steps) steps.write(step);
  const int8::Quantization& q = model.network.input().quantization;
  const std::string input = fmt::format(
      "int8 [1][h][w][c], q = round((value * scale[c] + shift[c]) / {:.9g}) + {}, limited to -128 "
      ".. 127",
      q.scale, q.zero_point);
  const auto classes = static_cast<std::int32_t>(model.network.output().shape.elements());
  const int logits = file.activation("logits", {1, classes}, model.network.output().quantization);
  const int shape = file.constant<std::int32_t>("logits/shape", {2}, {1, classes}, {});
  file.operation(BuiltinOperator::reshape, {model.network.steps.back().output, shape}, logits,
                 BuiltinOptions::reshape, {});
  return file.finish(model.name, model_description(model, input), 0, logits);
}

}  // namespace paretiny::deploy

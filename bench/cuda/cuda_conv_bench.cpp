// Convolutions over the shapes of the models' graphs, forward and both gradients: ours beside cuDNN
// and cuBLASLt. The `fused` directions are a layer with the batch norms before and after it: ours
// reads through the one and adds up the other's statistics on the way out; the peers' batch norms
// are passes of their own (our kernels, on NHWC). Cases that end in variant_... are the rivals for
// a place in kernels/core/cuda/variants.cu.
#include <fmt/core.h>

#include <memory>

#include "bench/cuda/cublaslt_peer.h"
#include "bench/cuda/cudnn_peer.h"
#include "bench/cuda/model_layers.h"
#include "kernels/core/cuda/variants.h"

namespace paretiny::bench {
namespace {

Shape channels(const Shape& shape) {
  return {1, 1, 1, shape.c};
}

// One name for the three families.

void forward(Stream& s, const nn::ConvShape& shape, ConstView x, ConstView w, View y) {
  nn::conv_forward(s, shape, x, w, {}, y);
}
void forward(Stream& s, const nn::DepthwiseShape& shape, ConstView x, ConstView w, View y,
             const nn::Prologue& before = {}, const nn::Epilogue& after = {}) {
  nn::depthwise_forward(s, shape, {.x = x, .w = w, .y = y, .prologue = before, .epilogue = after});
}
void forward(Stream& s, const nn::PointwiseShape& shape, ConstView x, ConstView w, View y,
             const nn::Prologue& before = {}, const nn::Epilogue& after = {}) {
  nn::pointwise_forward(s, shape, {.x = x, .w = w, .y = y, .prologue = before, .epilogue = after});
}

void backward_data(Stream& s, const nn::ConvShape& shape, ConstView dy, ConstView w, View dx) {
  nn::conv_backward_data(s, shape, dy, w, dx);
}
void backward_data(Stream& s, const nn::DepthwiseShape& shape, ConstView dy, ConstView w, View dx) {
  nn::depthwise_backward_data(s, shape, dy, w, dx);
}
void backward_data(Stream& s, const nn::PointwiseShape& shape, ConstView dy, ConstView w, View dx) {
  nn::pointwise_backward_data(s, shape, dy, w, dx);
}

void backward_weights(Stream& s, const nn::ConvShape& shape, ConstView x, ConstView dy, View dw) {
  nn::conv_backward_weights(s, shape, x, dy, dw, {});
}
void backward_weights(Stream& s, const nn::DepthwiseShape& shape, ConstView x, ConstView dy,
                      View dw, const nn::Prologue& before = {}) {
  nn::depthwise_backward_weights(s, shape, {.x = x, .dy = dy, .dw = dw, .prologue = before});
}
void backward_weights(Stream& s, const nn::PointwiseShape& shape, ConstView x, ConstView dy,
                      View dw, const nn::Prologue& before = {}) {
  nn::pointwise_backward_weights(s, shape, {.x = x, .dy = dy, .dw = dw, .prologue = before});
}

template <class ConvolutionShape>
Call ours(Stream& stream, std::size_t sets, const ConvolutionShape& shape, Direction direction,
          DType dtype) {
  const auto x = tensors(stream, sets, dtype, shape.input);
  const auto w = tensors(stream, sets, DType::f32, shape.weights());
  const auto y = tensors(stream, sets, dtype, shape.output());
  return [=](Stream& s, std::size_t set) {
    switch (direction) {
      case Direction::forward:
        return forward(s, shape, (*x)[set], (*w)[set], (*y)[set]);
      case Direction::backward_data:
        return backward_data(s, shape, (*y)[set], (*w)[set], (*x)[set]);
      case Direction::backward_weights:
        return backward_weights(s, shape, (*x)[set], (*y)[set], (*w)[set]);
    }
  };
}

/// Random vectors of a batch norm over `input` with a hard-swish behind it.
struct Norm {
  Norm(Stream& stream, const Shape& input)
      : shape{input, nn::Activation::hard_swish}, vectors(stream, 8, DType::f32, channels(input)) {}
  nn::BatchNormShape shape;
  Tensors vectors;

  View gamma() const { return vectors[0]; }
  View beta() const { return vectors[1]; }
  View running_mean() const { return vectors[2]; }
  View running_var() const { return vectors[3]; }
  View mean() const { return vectors[4]; }
  View var() const { return vectors[5]; }
  View scale() const { return vectors[6]; }
  View shift() const { return vectors[7]; }
  nn::Prologue prologue() const { return {scale(), shift(), shape.activation, {}}; }
  nn::Epilogue statistics() const {
    nn::Epilogue epilogue;
    epilogue.mean = mean();
    epilogue.variance = var();
    return epilogue;
  }
};

/// The layer, read through the batch norm and activation before it, and the statistics of the batch
/// norm after it, folded for the next reader.
template <class ConvolutionShape>
Call ours_fused(Stream& stream, std::size_t sets, const ConvolutionShape& shape,
                Direction direction, DType dtype) {
  const auto x = tensors(stream, sets, dtype, shape.input);
  const auto w = tensors(stream, sets, DType::f32, shape.weights());
  const auto y = tensors(stream, sets, dtype, shape.output());
  const auto before = std::make_shared<Norm>(stream, shape.input);
  const auto after = std::make_shared<Norm>(stream, shape.output());
  if (direction == Direction::backward_weights) {
    return [=](Stream& s, std::size_t set) {
      backward_weights(s, shape, (*x)[set], (*y)[set], (*w)[set], before->prologue());
    };
  }
  return [=](Stream& s, std::size_t set) {
    forward(s, shape, (*x)[set], (*w)[set], (*y)[set], before->prologue(), after->statistics());
    nn::batchnorm_fold(s, after->shape,
                       {.gamma = after->gamma(),
                        .beta = after->beta(),
                        .mean = after->mean(),
                        .var = after->var(),
                        .running_mean = after->running_mean(),
                        .running_var = after->running_var(),
                        .scale = after->scale(),
                        .shift = after->shift()});
  };
}

/// A convolution into y, and a whole batch norm with its activation from y to z: the next layer
/// reads z as it is.
Call then_norm(Stream& stream, std::size_t sets, const Call& convolution, const SharedTensors& y,
               const Shape& output, DType dtype) {
  const auto z = tensors(stream, sets, dtype, output);
  const auto norm = std::make_shared<Norm>(stream, output);
  return [=](Stream& s, std::size_t set) {
    convolution(s, set);
    nn::batchnorm_forward(s, norm->shape,
                          {.x = (*y)[set],
                           .gamma = norm->gamma(),
                           .beta = norm->beta(),
                           .running_mean = norm->running_mean(),
                           .running_var = norm->running_var(),
                           .saved_mean = norm->mean(),
                           .saved_var = norm->var(),
                           .y = (*z)[set]});
  };
}

template <class ConvolutionShape>
Work work_of(const ConvolutionShape& shape, DType dtype, double products_an_output) {
  const double tensors_bytes =
      static_cast<double>(shape.input.elements() + shape.output().elements()) *
      static_cast<double>(size_of(dtype));
  return {tensors_bytes + 4 * static_cast<double>(shape.weights().elements()),
          2 * products_an_output * static_cast<double>(shape.output().elements()), dtype};
}

const std::pair<Direction, const char*> kDirections[] = {
    {Direction::forward, "forward"},
    {Direction::backward_data, "backward_data"},
    {Direction::backward_weights, "backward_weights"}};

/// The name of a case: op/direction/type/shape/who.
std::string name(const char* op, const std::string& direction, DType dtype,
                 const std::string& shape, const char* who) {
  return fmt::format("{}/{}/{}/{}/{}", op, direction, name_of(dtype), shape, who);
}

void add_cudnn(const char* op, const std::string& shape, const Convolution& convolution,
               Direction direction, const char* direction_name, DType dtype, const Work& work) {
  for (const bool channels_last : {true, false}) {
    add({name(op, direction_name, dtype, shape, channels_last ? "cudnn_nhwc" : "cudnn_nchw"), work,
         [=](Stream& s, std::size_t sets) {
           return cudnn_convolution(s, sets, convolution, direction, dtype, channels_last);
         }});
  }
}

template <class ConvolutionShape>
void add_ours(const char* op, const ConvolutionShape& shape, Direction direction,
              const char* direction_name, DType dtype, const Work& work) {
  add({name(op, direction_name, dtype, label(shape), "paretiny"), work,
       [=](Stream& s, std::size_t sets) { return ours(s, sets, shape, direction, dtype); }});
}

template <class ConvolutionShape>
void add_ours_fused(const char* op, const ConvolutionShape& shape, Direction direction, DType dtype,
                    const Work& work) {
  const bool weights = direction == Direction::backward_weights;
  add({name(op, weights ? "backward_weights_fused" : "forward_fused", dtype, label(shape),
            "paretiny"),
       work,
       [=](Stream& s, std::size_t sets) { return ours_fused(s, sets, shape, direction, dtype); }});
}

/// The ways to do a pass of a convolution, against one another.
template <class ConvolutionShape>
void add_variants(const char* op, const ConvolutionShape& shape, const char* pass,
                  cuda::Choice choice, const std::vector<cuda::Variant>& variants, DType dtype,
                  const Work& work, const std::function<Call(Stream&, std::size_t)>& prepare) {
  std::vector<Case> rivals;
  for (const cuda::Variant variant : variants) {
    const std::string who = fmt::format("variant_{}", cuda::name_of(variant));
    rivals.push_back({name(op, pass, dtype, label(shape), who.c_str()), work,
                      [=](Stream& s, std::size_t sets) -> Call {
                        const Call call = prepare(s, sets);
                        return [=](Stream& stream, std::size_t set) {
                          const cuda::UseVariant use(choice, variant);
                          call(stream, set);
                        };
                      }});
  }
  add_rivals(std::move(rivals));
}

void add_depthwise(const nn::DepthwiseShape& shape, DType dtype) {
  const nn::Window& w = shape.window;
  Work work = work_of(shape, dtype, static_cast<double>(w.kernel_h * w.kernel_w));
  work.unit = DType::f32;  // what channel by channel takes; matrix units have to multiply more
  const Convolution convolution{shape.input, shape.input.c, w, shape.input.c};
  for (const auto& [direction, direction_name] : kDirections) {
    add_ours("depthwise", shape, direction, direction_name, dtype, work);
    add_cudnn("depthwise", label(shape), convolution, direction, direction_name, dtype, work);
  }
  add_ours_fused("depthwise", shape, Direction::forward, dtype, work);
  add({name("depthwise", "forward_fused", dtype, label(shape), "cudnn_separate"), work,
       [=](Stream& s, std::size_t sets) {
         const auto y = tensors(s, sets, dtype, shape.output());
         return then_norm(s, sets, cudnn_forward_into(s, sets, convolution, dtype, y), y,
                          shape.output(), dtype);
       }});
  add_ours_fused("depthwise", shape, Direction::backward_weights, dtype, work);
  add({name("depthwise", "backward_weights_fused", dtype, label(shape), "cudnn_separate"), work,
       [=](Stream& s, std::size_t sets) {
         return cudnn_convolution(s, sets, convolution, Direction::backward_weights, dtype, true);
       }});
  const bool square = w.kernel_h == w.kernel_w && (w.kernel_h == 3 || w.kernel_h == 5);
  if (!square || w.stride_h != 1 || dtype != DType::bf16) return;
  for (const Direction direction : {Direction::forward, Direction::backward_data}) {
    add_variants(
        "depthwise", shape, direction == Direction::forward ? "forward" : "backward_data",
        w.kernel_h == 3 ? cuda::Choice::depthwise_3x3 : cuda::Choice::depthwise_5x5,
        {cuda::Variant::fma, cuda::Variant::diagonals}, dtype, work,
        [=](Stream& s, std::size_t sets) { return ours(s, sets, shape, direction, dtype); });
  }
}

void add_pointwise(const nn::PointwiseShape& shape, DType dtype) {
  const Work work = work_of(shape, dtype, static_cast<double>(shape.input.c));
  const std::string text = label(shape);
  const auto add_lt = [&](const char* direction, const char* who, auto peer) {
    add({name("pointwise", direction, dtype, text, who), work,
         [=](Stream& s, std::size_t sets) { return peer(s, sets, shape, dtype); }});
  };
  for (const auto& [direction, direction_name] : kDirections) {
    add_ours("pointwise", shape, direction, direction_name, dtype, work);
  }
  add_lt("forward", "cublaslt", cublaslt_forward);
  add_lt("backward_data", "cublaslt", cublaslt_backward_data);
  add_lt("backward_weights", "cublaslt", cublaslt_backward_weights);
  add_ours_fused("pointwise", shape, Direction::forward, dtype, work);
  add_lt("forward_fused", "cublaslt_separate",
         [](Stream& s, std::size_t sets, const nn::PointwiseShape& p, DType type) {
           const auto x = tensors(s, sets, type, p.input);
           const auto y = tensors(s, sets, type, p.output());
           return then_norm(s, sets, cublaslt_forward_on(s, sets, p, type, x, y), y, p.output(),
                            type);
         });
  add_ours_fused("pointwise", shape, Direction::backward_weights, dtype, work);
  add_lt("backward_weights_fused", "cublaslt_separate", cublaslt_backward_weights);
}

/// With the statistics of the batch norm behind it.
Call ours_with_statistics(Stream& stream, std::size_t sets, const nn::ConvShape& shape,
                          DType dtype) {
  const auto x = tensors(stream, sets, dtype, shape.input);
  const auto w = tensors(stream, sets, DType::f32, shape.weights());
  const auto y = tensors(stream, sets, dtype, shape.output());
  const auto norm = std::make_shared<Norm>(stream, shape.output());
  return [=](Stream& s, std::size_t set) {
    nn::Epilogue statistics;
    statistics.mean = norm->mean();
    statistics.variance = norm->var();
    nn::conv_forward_fused(
        s, shape, {.x = (*x)[set], .w = (*w)[set], .y = (*y)[set], .epilogue = statistics});
  };
}

void add_conv(const nn::ConvShape& shape, DType dtype) {
  const nn::Window& w = shape.window;
  const Work work =
      work_of(shape, dtype, static_cast<double>(w.kernel_h * w.kernel_w * shape.input.c));
  const Convolution convolution{shape.input, shape.out_channels, w, 1};
  for (const auto& [direction, direction_name] : kDirections) {
    add_ours("conv", shape, direction, direction_name, dtype, work);
    add_cudnn("conv", label(shape), convolution, direction, direction_name, dtype, work);
  }
  const std::vector<cuda::Variant> ways = {cuda::Variant::cudnn, cuda::Variant::halo,
                                           cuda::Variant::gather};
  for (const Direction direction : {Direction::forward, Direction::backward_data}) {
    const bool forward = direction == Direction::forward;
    add_variants(
        "conv", shape, forward ? "forward" : "backward_data",
        forward ? cuda::Choice::conv_forward : cuda::Choice::conv_backward_data, ways, dtype, work,
        [=](Stream& s, std::size_t sets) { return ours(s, sets, shape, direction, dtype); });
  }
  add_variants(
      "conv", shape, "forward_statistics", cuda::Choice::conv_forward, ways, dtype, work,
      [=](Stream& s, std::size_t sets) { return ours_with_statistics(s, sets, shape, dtype); });
}

}  // namespace
}  // namespace paretiny::bench

int main(int argc, char** argv) {
  using namespace paretiny;
  const bench::ModelLayers& layers = bench::model_layers();
  for (const DType dtype : {DType::bf16, DType::f32}) {
    for (const nn::DepthwiseShape& shape : layers.depthwise) bench::add_depthwise(shape, dtype);
    for (const nn::PointwiseShape& shape : layers.pointwise) bench::add_pointwise(shape, dtype);
    for (const nn::ConvShape& shape : layers.conv) bench::add_conv(shape, dtype);
  }
  return bench::run(argc, argv);
}

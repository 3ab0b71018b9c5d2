#include "kernels/nn/conv.h"

#include "kernels/core/check.h"
#include "kernels/nn/convolution_arguments.h"
#include "kernels/nn/preferences.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::conv_forward_fused)> conv_forward("conv_forward");
constinit Op<decltype(nn::conv_backward_data)> conv_backward_data("conv_backward_data");
constinit Op<decltype(nn::conv_backward_weights_fused)> conv_backward_weights(
    "conv_backward_weights");
constinit Op<decltype(nn::conv_reads_through)> conv_reads_through("conv_reads_through");
constinit Op<decltype(nn::conv_scratch_bytes)> conv_scratch_bytes("conv_scratch_bytes");
}  // namespace twins

namespace {

bool bf16_weights(Stream& stream, const ConstView& activations) {
  return preferences(stream, activations.dtype).bf16_weights;
}

void check_shape(const char* op, const ConvShape& shape) {
  const Shape& in = shape.input;
  check(in.n > 0 && in.h > 0 && in.w > 0 && in.c > 0 && shape.out_channels > 0, op,
        "every extent must be positive, input " + to_string(in) + ", " +
            std::to_string(shape.out_channels) + " output channels");
  check(shape.window.valid(in.h, in.w), op,
        "the window does not fit the padded input " + to_string(in));
}

void forward(const char* op, Stream& stream, const ConvShape& shape, const ConvolutionForward& t) {
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape, bf16_weights(stream, t.x)), t);
  const Epilogue& out = t.epilogue;
  check(!out.scale && !out.residual && out.activation == Activation::none, op,
        "of an epilogue it takes nothing but the statistics");
  twins::conv_forward(stream, shape, t);
}

void backward_weights(const char* op, Stream& stream, const ConvShape& shape,
                      const ConvolutionWeightGradient& t) {
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape), t);
  twins::conv_backward_weights(stream, shape, t);
}

}  // namespace

void conv_forward(Stream& stream, const ConvShape& shape, ConstView x, ConstView w, ConstView b,
                  View y) {
  forward("conv_forward", stream, shape, {.x = x, .w = w, .b = b, .y = y});
}

void conv_forward_fused(Stream& stream, const ConvShape& shape, const ConvolutionForward& t) {
  forward("conv_forward_fused", stream, shape, t);
}

void conv_backward_data(Stream& stream, const ConvShape& shape, ConstView dy, ConstView w,
                        View dx) {
  constexpr const char* op = "conv_backward_data";
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape, bf16_weights(stream, dy)), dy, w, dx);
  twins::conv_backward_data(stream, shape, dy, w, dx);
}

void conv_backward_weights(Stream& stream, const ConvShape& shape, ConstView x, ConstView dy,
                           View dw, View db) {
  backward_weights("conv_backward_weights", stream, shape, {.x = x, .dy = dy, .dw = dw, .db = db});
}

void conv_backward_weights_fused(Stream& stream, const ConvShape& shape,
                                 const ConvolutionWeightGradient& t) {
  backward_weights("conv_backward_weights_fused", stream, shape, t);
}

bool conv_reads_through(Stream& stream, const ConvShape& shape, DType activations) {
  constexpr const char* op = "conv_reads_through";
  check_shape(op, shape);
  check_activations(op, activations);
  return twins::conv_reads_through(stream, shape, activations);
}

std::size_t conv_scratch_bytes(Stream& stream, const ConvShape& shape, DType activations,
                               const ConvolutionUse& use) {
  constexpr const char* op = "conv_scratch_bytes";
  check_shape(op, shape);
  check_activations(op, activations);
  return twins::conv_scratch_bytes(stream, shape, activations, use);
}

}  // namespace paretiny::nn

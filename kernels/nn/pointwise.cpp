#include "kernels/nn/pointwise.h"

#include "kernels/core/check.h"
#include "kernels/nn/preferences.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::pointwise_forward)> pointwise_forward("pointwise_forward");
constinit Op<decltype(nn::pointwise_backward_data)> pointwise_backward_data(
    "pointwise_backward_data");
constinit Op<decltype(nn::pointwise_backward_weights)> pointwise_backward_weights(
    "pointwise_backward_weights");
constinit Op<decltype(nn::pointwise_scratch_bytes)> pointwise_scratch_bytes(
    "pointwise_scratch_bytes");
}  // namespace twins

namespace {

bool bf16_weights(Stream& stream, const ConstView& activations) {
  return preferences(stream, activations.dtype).bf16_weights;
}

void check_shape(const char* op, const PointwiseShape& shape) {
  const Shape& in = shape.input;
  check(in.n > 0 && in.h > 0 && in.w > 0 && in.c > 0 && shape.out_channels > 0, op,
        "every extent must be positive, input " + to_string(in) + ", " +
            std::to_string(shape.out_channels) + " output channels");
}

}  // namespace

void pointwise_forward(Stream& stream, const PointwiseShape& shape, const ConvolutionForward& t) {
  constexpr const char* op = "pointwise_forward";
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape, bf16_weights(stream, t.x)), t);
  twins::pointwise_forward(stream, shape, t);
}

void pointwise_backward_data(Stream& stream, const PointwiseShape& shape, ConstView dy, ConstView w,
                             View dx) {
  constexpr const char* op = "pointwise_backward_data";
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape, bf16_weights(stream, dy)), dy, w, dx);
  twins::pointwise_backward_data(stream, shape, dy, w, dx);
}

void pointwise_backward_weights(Stream& stream, const PointwiseShape& shape,
                                const ConvolutionWeightGradient& t) {
  constexpr const char* op = "pointwise_backward_weights";
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape), t);
  twins::pointwise_backward_weights(stream, shape, t);
}

std::size_t pointwise_scratch_bytes(Stream& stream, const PointwiseShape& shape, DType activations,
                                    const ConvolutionUse& use) {
  constexpr const char* op = "pointwise_scratch_bytes";
  check_shape(op, shape);
  check_activations(op, activations);
  return twins::pointwise_scratch_bytes(stream, shape, activations, use);
}

}  // namespace paretiny::nn

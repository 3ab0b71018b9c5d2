#include "kernels/nn/depthwise.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::depthwise_forward)> depthwise_forward("depthwise_forward");
constinit Op<decltype(nn::depthwise_backward_data)> depthwise_backward_data(
    "depthwise_backward_data");
constinit Op<decltype(nn::depthwise_backward_weights)> depthwise_backward_weights(
    "depthwise_backward_weights");
constinit Op<decltype(nn::depthwise_scratch_bytes)> depthwise_scratch_bytes(
    "depthwise_scratch_bytes");
}  // namespace twins

namespace {

void check_shape(const char* op, const DepthwiseShape& shape) {
  const Shape& in = shape.input;
  check(in.n > 0 && in.h > 0 && in.w > 0 && in.c > 0, op,
        "every extent must be positive, input " + to_string(in));
  check(shape.window.valid(in.h, in.w), op,
        "the window does not fit the padded input " + to_string(in));
}

}  // namespace

void depthwise_forward(Stream& stream, const DepthwiseShape& shape, const ConvolutionForward& t) {
  constexpr const char* op = "depthwise_forward";
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape), t);
  twins::depthwise_forward(stream, shape, t);
}

void depthwise_backward_data(Stream& stream, const DepthwiseShape& shape, ConstView dy, ConstView w,
                             View dx) {
  constexpr const char* op = "depthwise_backward_data";
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape), dy, w, dx);
  twins::depthwise_backward_data(stream, shape, dy, w, dx);
}

void depthwise_backward_weights(Stream& stream, const DepthwiseShape& shape,
                                const ConvolutionWeightGradient& t) {
  constexpr const char* op = "depthwise_backward_weights";
  check_shape(op, shape);
  check_convolution(op, shapes_of(shape), t);
  twins::depthwise_backward_weights(stream, shape, t);
}

std::size_t depthwise_scratch_bytes(Stream& stream, const DepthwiseShape& shape,
                                    DType activations) {
  constexpr const char* op = "depthwise_scratch_bytes";
  check_shape(op, shape);
  check_activations(op, activations);
  return twins::depthwise_scratch_bytes(stream, shape, activations);
}

}  // namespace paretiny::nn

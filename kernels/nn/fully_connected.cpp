#include "kernels/nn/fully_connected.h"

#include "kernels/core/check.h"
#include "kernels/nn/convolution_arguments.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::fully_connected_forward)> fully_connected_forward(
    "fully_connected_forward");
constinit Op<decltype(nn::fully_connected_backward)> fully_connected_backward(
    "fully_connected_backward");
constinit Op<decltype(nn::fully_connected_scratch_bytes)> fully_connected_scratch_bytes(
    "fully_connected_scratch_bytes");
}  // namespace twins

namespace {

void check_shape(const char* op, const FullyConnectedShape& shape) {
  const Shape& in = shape.input;
  check(in.n > 0 && in.h > 0 && in.w > 0 && in.c > 0 && shape.out_features > 0, op,
        "every extent must be positive, input " + to_string(in) + ", " +
            std::to_string(shape.out_features) + " output features");
}

Shape bias_of(const FullyConnectedShape& shape) {
  return {1, 1, 1, shape.out_features};
}

}  // namespace

void fully_connected_forward(Stream& stream, const FullyConnectedShape& shape, ConstView x,
                             ConstView w, ConstView b, View y) {
  constexpr const char* op = "fully_connected_forward";
  check_shape(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "w", w, shape.weights(), {DType::f32});
  if (b) check_tensor(op, "b", b, bias_of(shape), {DType::f32});
  check_tensor(op, "y", y, shape.output(), {DType::f32});
  twins::fully_connected_forward(stream, shape, x, w, b, y);
}

void fully_connected_backward(Stream& stream, const FullyConnectedShape& shape,
                              const FullyConnectedBackward& t) {
  constexpr const char* op = "fully_connected_backward";
  check_shape(op, shape);
  check_tensor(op, "x", t.x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "w", t.w, shape.weights(), {DType::f32});
  check_tensor(op, "dy", t.dy, shape.output(), {DType::f32});
  if (t.dx) check_tensor(op, "dx", t.dx, shape.input, {t.x.dtype});
  check_tensor(op, "dw", t.dw, shape.weights(), {DType::f32});
  if (t.db) check_tensor(op, "db", t.db, bias_of(shape), {DType::f32});
  twins::fully_connected_backward(stream, shape, t);
}

std::size_t fully_connected_scratch_bytes(Stream& stream, const FullyConnectedShape& shape,
                                          DType activations) {
  constexpr const char* op = "fully_connected_scratch_bytes";
  check_shape(op, shape);
  check_activations(op, activations);
  return twins::fully_connected_scratch_bytes(stream, shape, activations);
}

}  // namespace paretiny::nn

#include "kernels/nn/pointwise.h"

#include "kernels/core/check.h"

namespace paretiny {

namespace twins {
constinit Op<decltype(paretiny::pointwise_forward)> pointwise_forward("pointwise_forward");
constinit Op<decltype(paretiny::pointwise_backward_data)> pointwise_backward_data(
    "pointwise_backward_data");
constinit Op<decltype(paretiny::pointwise_backward_weights)> pointwise_backward_weights(
    "pointwise_backward_weights");
constinit Op<decltype(paretiny::pointwise_scratch_bytes)> pointwise_scratch_bytes(
    "pointwise_scratch_bytes");
}  // namespace twins

namespace {

void check_shape(const char* op, const PointwiseShape& shape) {
  const Shape& in = shape.input;
  check(in.n > 0 && in.h > 0 && in.w > 0 && in.c > 0 && shape.out_channels > 0, op,
        "every extent must be positive, input " + to_string(in) + ", " +
            std::to_string(shape.out_channels) + " output channels");
}

Shape bias_of(const PointwiseShape& shape) {
  return {1, 1, 1, shape.out_channels};
}

}  // namespace

void pointwise_forward(Stream& stream, const PointwiseShape& shape, ConstView x, ConstView w,
                       ConstView b, View y, const Prologue& prologue, const Epilogue& epilogue) {
  constexpr const char* op = "pointwise_forward";
  check_shape(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "w", w, shape.weights(), {DType::f32});
  if (b) check_tensor(op, "b", b, bias_of(shape), {DType::f32});
  check_tensor(op, "y", y, shape.output(), {x.dtype});
  check_fusion(op, prologue, shape.input, x.dtype);
  check_fusion(op, epilogue, shape.output(), x.dtype);
  check(epilogue.residual.data == nullptr || epilogue.residual.data != y.data, op,
        "residual aliases y");
  twins::pointwise_forward(stream, shape, x, w, b, y, prologue, epilogue);
}

void pointwise_backward_data(Stream& stream, const PointwiseShape& shape, ConstView dy, ConstView w,
                             View dx) {
  constexpr const char* op = "pointwise_backward_data";
  check_shape(op, shape);
  check_tensor(op, "dy", dy, shape.output(), {DType::f32, DType::bf16});
  check_tensor(op, "w", w, shape.weights(), {DType::f32});
  check_tensor(op, "dx", dx, shape.input, {dy.dtype});
  twins::pointwise_backward_data(stream, shape, dy, w, dx);
}

void pointwise_backward_weights(Stream& stream, const PointwiseShape& shape, ConstView x,
                                ConstView dy, View dw, View db, const Prologue& prologue) {
  constexpr const char* op = "pointwise_backward_weights";
  check_shape(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "dy", dy, shape.output(), {x.dtype});
  check_tensor(op, "dw", dw, shape.weights(), {DType::f32});
  if (db) check_tensor(op, "db", db, bias_of(shape), {DType::f32});
  check_fusion(op, prologue, shape.input, x.dtype);
  twins::pointwise_backward_weights(stream, shape, x, dy, dw, db, prologue);
}

std::size_t pointwise_scratch_bytes(Stream& stream, const PointwiseShape& shape,
                                    DType activations) {
  constexpr const char* op = "pointwise_scratch_bytes";
  check_shape(op, shape);
  check(activations == DType::f32 || activations == DType::bf16, op,
        std::string("activations are f32 or bf16, not ") + name_of(activations));
  return twins::pointwise_scratch_bytes(stream, shape, activations);
}

}  // namespace paretiny

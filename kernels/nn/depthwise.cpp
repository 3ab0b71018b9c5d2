#include "kernels/nn/depthwise.h"

#include "kernels/core/check.h"

namespace paretiny {

namespace twins {
constinit Op<decltype(paretiny::depthwise_forward)> depthwise_forward("depthwise_forward");
constinit Op<decltype(paretiny::depthwise_backward_data)> depthwise_backward_data(
    "depthwise_backward_data");
constinit Op<decltype(paretiny::depthwise_backward_weights)> depthwise_backward_weights(
    "depthwise_backward_weights");
constinit Op<decltype(paretiny::depthwise_scratch_bytes)> depthwise_scratch_bytes(
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

Shape bias_of(const DepthwiseShape& shape) {
  return {1, 1, 1, shape.input.c};
}

}  // namespace

void depthwise_forward(Stream& stream, const DepthwiseShape& shape, ConstView x, ConstView w,
                       ConstView b, View y, const Prologue& prologue, const Epilogue& epilogue) {
  constexpr const char* op = "depthwise_forward";
  check_shape(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "w", w, shape.weights(), {DType::f32});
  if (b) check_tensor(op, "b", b, bias_of(shape), {DType::f32});
  check_tensor(op, "y", y, shape.output(), {x.dtype});
  check_fusion(op, prologue, shape.input, x.dtype);
  check_fusion(op, epilogue, shape.output(), x.dtype);
  check(epilogue.residual.data == nullptr || epilogue.residual.data != y.data, op,
        "residual aliases y");
  twins::depthwise_forward(stream, shape, x, w, b, y, prologue, epilogue);
}

void depthwise_backward_data(Stream& stream, const DepthwiseShape& shape, ConstView dy, ConstView w,
                             View dx) {
  constexpr const char* op = "depthwise_backward_data";
  check_shape(op, shape);
  check_tensor(op, "dy", dy, shape.output(), {DType::f32, DType::bf16});
  check_tensor(op, "w", w, shape.weights(), {DType::f32});
  check_tensor(op, "dx", dx, shape.input, {dy.dtype});
  twins::depthwise_backward_data(stream, shape, dy, w, dx);
}

void depthwise_backward_weights(Stream& stream, const DepthwiseShape& shape, ConstView x,
                                ConstView dy, View dw, View db, const Prologue& prologue) {
  constexpr const char* op = "depthwise_backward_weights";
  check_shape(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "dy", dy, shape.output(), {x.dtype});
  check_tensor(op, "dw", dw, shape.weights(), {DType::f32});
  if (db) check_tensor(op, "db", db, bias_of(shape), {DType::f32});
  check_fusion(op, prologue, shape.input, x.dtype);
  twins::depthwise_backward_weights(stream, shape, x, dy, dw, db, prologue);
}

std::size_t depthwise_scratch_bytes(Stream& stream, const DepthwiseShape& shape,
                                    DType activations) {
  constexpr const char* op = "depthwise_scratch_bytes";
  check_shape(op, shape);
  check(activations == DType::f32 || activations == DType::bf16, op,
        std::string("activations are f32 or bf16, not ") + name_of(activations));
  return twins::depthwise_scratch_bytes(stream, shape, activations);
}

}  // namespace paretiny

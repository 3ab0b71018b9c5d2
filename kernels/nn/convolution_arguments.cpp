#include "kernels/nn/convolution_arguments.h"

#include "kernels/core/check.h"

namespace paretiny::nn {
namespace {

void check_weights(const char* op, const ConvolutionShapes& shapes, const ConstView& w,
                   DType activations) {
  const bool narrow = shapes.bf16_weights && activations == DType::bf16;
  check_tensor(op, "w", w, shapes.weights, {DType::f32, narrow ? DType::bf16 : DType::f32});
}

}  // namespace

void check_convolution(const char* op, const ConvolutionShapes& shapes,
                       const ConvolutionForward& t) {
  check_tensor(op, "x", t.x, shapes.input, {DType::f32, DType::bf16});
  check_weights(op, shapes, t.w, t.x.dtype);
  if (t.b) check_tensor(op, "b", t.b, {1, 1, 1, shapes.output.c}, {DType::f32});
  check_tensor(op, "y", t.y, shapes.output, {t.x.dtype});
  check_fusion(op, t.prologue, shapes.input, t.x.dtype);
  check_fusion(op, t.epilogue, shapes.output, t.x.dtype);
  check(t.epilogue.residual.data == nullptr || t.epilogue.residual.data != t.y.data, op,
        "residual aliases y");
}

void check_convolution(const char* op, const ConvolutionShapes& shapes, ConstView dy, ConstView w,
                       View dx) {
  check_tensor(op, "dy", dy, shapes.output, {DType::f32, DType::bf16});
  check_weights(op, shapes, w, dy.dtype);
  check_tensor(op, "dx", dx, shapes.input, {dy.dtype});
}

void check_convolution(const char* op, const ConvolutionShapes& shapes,
                       const ConvolutionWeightGradient& t) {
  check_tensor(op, "x", t.x, shapes.input, {DType::f32, DType::bf16});
  check_tensor(op, "dy", t.dy, shapes.output, {t.x.dtype});
  check_tensor(op, "dw", t.dw, shapes.weights, {DType::f32});
  if (t.db) check_tensor(op, "db", t.db, {1, 1, 1, shapes.output.c}, {DType::f32});
  check_fusion(op, t.prologue, shapes.input, t.x.dtype);
}

void check_activations(const char* op, DType activations) {
  check(activations == DType::f32 || activations == DType::bf16, op,
        std::string("activations are f32 or bf16, not ") + name_of(activations));
}

}  // namespace paretiny::nn

#include "kernels/nn/fusion.h"

#include "kernels/core/check.h"

namespace paretiny::nn {
namespace {

void check_affine(const char* op, const ConstView& scale, const ConstView& shift,
                  std::int64_t channels) {
  if (!scale && !shift) return;
  check_tensor(op, "scale", scale, {1, 1, 1, channels}, {DType::f32});
  check_tensor(op, "shift", shift, {1, 1, 1, channels}, {DType::f32});
}

}  // namespace

void check_fusion(const char* op, const Prologue& prologue, const Shape& input, DType activations) {
  check_affine(op, prologue.scale, prologue.shift, input.c);
  if (prologue.gate) {
    check_tensor(op, "gate", prologue.gate, {input.n, 1, 1, input.c}, {activations});
  }
}

void check_fusion(const char* op, const Epilogue& epilogue, const Shape& output,
                  DType activations) {
  check_affine(op, epilogue.scale, epilogue.shift, output.c);
  if (epilogue.residual) check_tensor(op, "residual", epilogue.residual, output, {activations});
  if (!epilogue.mean && !epilogue.variance) return;
  check_tensor(op, "mean", epilogue.mean, {1, 1, 1, output.c}, {DType::f32});
  check_tensor(op, "variance", epilogue.variance, {1, 1, 1, output.c}, {DType::f32});
}

}  // namespace paretiny::nn

// What convolutions of every kind read and write, and the checks that they share.
#pragma once

#include "kernels/nn/fusion.h"

namespace paretiny::nn {

/// y = epilogue(prologue(x) * w + b), shapes as the op says.
struct ConvolutionForward {
  ConstView x{}, w{};
  ConstView b{};  ///< [1, 1, 1, c_out] f32, or null: 0
  View y{};
  Prologue prologue{};
  Epilogue epilogue{};
};

/// dw, db = gradients of sum(y * dy) with respect to w and b, where y = prologue(x) * w + b.
struct ConvolutionWeightGradient {
  ConstView x{}, dy{};
  View dw{};
  View db{};  ///< or null: not wanted
  Prologue prologue{};
};

/// What a convolution is asked for. A device may prepare each of these apart, at a price.
struct ConvolutionUse {
  bool with_bias = true;     ///< forward, and the weight gradient, with one
  bool without_bias = true;  ///< and without
  bool backward = true;      ///< both gradients
};

struct ConvolutionShapes {
  Shape input, weights, output;
  bool bf16_weights = false;  ///< whether w may be bf16 where activations are
};

template <class OpShape>
ConvolutionShapes shapes_of(const OpShape& shape, bool bf16_weights = false) {
  return {shape.input, shape.weights(), shape.output(), bf16_weights};
}

// Each throws UsageError for what does not fit the shapes.

void check_convolution(const char* op, const ConvolutionShapes&, const ConvolutionForward&);
void check_convolution(const char* op, const ConvolutionShapes&, ConstView dy, ConstView w,
                       View dx);
void check_convolution(const char* op, const ConvolutionShapes&, const ConvolutionWeightGradient&);
/// Throws for activations of neither f32 nor bf16.
void check_activations(const char* op, DType activations);

}  // namespace paretiny::nn

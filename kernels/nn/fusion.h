// What a convolution does to its input on the way in and to its output on the way out, so that a
// tensor crosses memory once where a chain of ops would carry it back and forth. A device that
// gains nothing by it (DeviceInfo::fuses_layers) does it step by step, in further scratch.
#pragma once

#include "kernels/nn/activation.h"

namespace paretiny::nn {

/// Read in place of x: activation(scale[c] * x + shift[c]) * gate[n, c]. Zero padding pads what is
/// read.
struct Prologue {
  ConstView scale{}, shift{};  ///< [1, 1, 1, c] f32, or both null: 1 and 0
  Activation activation = Activation::none;
  ConstView gate{};  ///< [n, 1, 1, c] of the type of x, or null: 1

  bool empty() const { return !scale && activation == Activation::none && !gate; }
};

/// Stored in place of the product p, bias included:
/// y = activation(scale[c] * p + shift[c] + residual).
struct Epilogue {
  ConstView scale{}, shift{};  ///< [1, 1, 1, c_out] f32, or both null: 1 and 0
  ConstView residual{};        ///< shape and type of y, or null: 0; may not alias y
  Activation activation = Activation::none;
  /// Of the stored y a channel, the variance biased: [1, 1, 1, c_out] f32, or both null.
  View mean{}, variance{};

  bool empty() const { return !scale && !residual && activation == Activation::none && !mean; }
};

/// Throws UsageError for views that do not fit a convolution from `input` to `output`.
void check_fusion(const char* op, const Prologue&, const Shape& input, DType activations);
void check_fusion(const char* op, const Epilogue&, const Shape& output, DType activations);

}  // namespace paretiny::nn

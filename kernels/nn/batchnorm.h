// Batch normalisation over n, h, w with the activation that follows it, or with a residual addition
// and the activation behind that: then a pass over the tensor is saved either way.
//
// x, y and their gradients share one of f32, bf16; everything per channel is f32 [1, 1, 1, c].
// The activation's input is computed again in the backward pass from x and the statistics, so
// nothing but x has to be kept; behind an addition the slope follows from y, which must be.
#pragma once

#include "kernels/nn/activation.h"

namespace paretiny::nn {

struct BatchNormShape {
  Shape input;
  Activation activation = Activation::none;
  float epsilon = 1e-5f;
  float momentum = 0.1f;  ///< weight of the new statistics in the running ones

  Shape channels() const { return {1, 1, 1, input.c}; }
};

/// Of a training step, forward. x, addend, y: input; the others: channels.
struct BatchNormForward {
  ConstView x{}, gamma{}, beta{};
  ConstView addend{};                  ///< or null: 0; may not alias y
  View running_mean{}, running_var{};  ///< read and written
  View saved_mean{}, saved_var{};
  View y{};
};

/// Backward. x, dy, dx, y, daddend: input; the others: channels.
struct BatchNormBackward {
  ConstView x{}, dy{}, gamma{}, beta{};
  ConstView mean{}, var{};  ///< those that the forward pass normalised with
  /// Both, if that had an addend: its y, from which the slope of none, relu and relu6 follows, and
  /// the gradient of the addend, overwritten; it may alias dy.
  ConstView y{};
  View daddend{};
  View dx{}, dgamma{}, dbeta{};
};

struct BatchNormInference {
  ConstView x{}, gamma{}, beta{}, mean{}, var{};
  ConstView addend{};  ///< or null: 0; may not alias y
  View y{};
};

struct BatchNormFold {
  ConstView gamma{}, beta{}, mean{}, var{};
  View running_mean{}, running_var{};  ///< or both null
  View scale{}, shift{};
};

/// With m, v = mean and biased variance of x a channel:
/// y = activation(gamma * (x - m) / sqrt(v + epsilon) + beta + addend). saved_mean, saved_var = m,
/// v. running = (1 - momentum) * running + momentum * (m, or the unbiased variance; with a single
/// value a channel the unbiased variance does not exist and v, which is 0, takes its place).
void batchnorm_forward(Stream&, const BatchNormShape&, const BatchNormForward&);

/// Gradients through mean and var, those that batchnorm_forward saved; overwritten. dx may alias
/// dy or y, but not daddend.
void batchnorm_backward(Stream&, const BatchNormShape&, const BatchNormBackward&);

/// The same with the given statistics as constants. y may alias x.
void batchnorm_inference_forward(Stream&, const BatchNormShape&, const BatchNormInference&);
void batchnorm_inference_backward(Stream&, const BatchNormShape&, const BatchNormBackward&);

/// Batch norm as a Prologue or an Epilogue takes it (fusion.h): scale = gamma / sqrt(var +
/// epsilon), shift = beta - mean * scale. running_* become what batchnorm_forward makes of them, or
/// are null. The activation is not looked at; input gives the number of values a channel.
void batchnorm_fold(Stream&, const BatchNormShape&, const BatchNormFold&);

/// The most scratch that any of these takes from the stream's arena, in bytes.
std::size_t batchnorm_scratch_bytes(Stream&, const BatchNormShape&, DType activations);

namespace twins {
extern Op<decltype(batchnorm_forward)> batchnorm_forward;
extern Op<decltype(batchnorm_backward)> batchnorm_backward;
extern Op<decltype(batchnorm_inference_forward)> batchnorm_inference_forward;
extern Op<decltype(batchnorm_inference_backward)> batchnorm_inference_backward;
extern Op<decltype(batchnorm_fold)> batchnorm_fold;
extern Op<decltype(batchnorm_scratch_bytes)> batchnorm_scratch_bytes;
}  // namespace twins

}  // namespace paretiny::nn

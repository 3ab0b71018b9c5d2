// Element-wise activations: relu, relu6, hard_swish(x) = x * hard_sigmoid(x),
// hard_sigmoid(x) = clip(x + 3, 0, 6) / 6. At a kink the gradient is that of the flat side.
// NaN passes through every activation, so that a diverged network shows in its loss.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/host_device.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

enum class Activation : std::uint8_t { none, relu, relu6, hard_swish, hard_sigmoid };

const char* name_of(Activation activation);

/// y = x, but at least `low`, for a float or a vector of them; of two zeros either. On a GPU one
/// instruction; a comparison and a choice would be two.
template <class Real>
PARETINY_HOST_DEVICE void at_least(const Real& x, float low, Real& y) {
#ifdef __CUDA_ARCH__
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(x), "f"(low));
#else
  y = x < low ? low : x;
#endif
}

/// y = x, but at most `high`, likewise.
template <class Real>
PARETINY_HOST_DEVICE void at_most(const Real& x, float high, Real& y) {
#ifdef __CUDA_ARCH__
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(x), "f"(high));
#else
  y = x > high ? high : x;
#endif
}

template <class Real>
PARETINY_HOST_DEVICE void clip(const Real& x, float low, float high, Real& y) {
  at_least(x, low, y);
  at_most(y, high, y);
}

/// y = activate(x) for a float or a vector of them. (Vectors go by reference: how they are passed
/// by value depends on the instruction set.)
template <class Real>
PARETINY_HOST_DEVICE void activate(Activation activation, const Real& x, Real& y) {
  switch (activation) {
    case Activation::none:
      y = x;
      return;
    case Activation::relu:
      at_least(x, 0, y);
      return;
    case Activation::relu6:
      clip(x, 0, 6, y);
      return;
    case Activation::hard_sigmoid:
      clip<Real>(x + 3, 0, 6, y);
      y *= 1.0f / 6;
      return;
    case Activation::hard_swish:
      Real gate;
      clip<Real>(x + 3, 0, 6, gate);
      y = x * (gate * (1.0f / 6));
      return;
  }
}

PARETINY_HOST_DEVICE inline float activate(Activation activation, float x) {
  float y = 0;
  activate(activation, x, y);
  return y;
}

/// slope = d activate(x) / dx.
template <class Real>
PARETINY_HOST_DEVICE void activation_slope(Activation activation, const Real& x, Real& slope) {
  switch (activation) {
    case Activation::none:
      slope = Real{} + 1;
      return;
    case Activation::relu:
      slope = x > 0 ? 1.0f : 0.0f;
      return;
    case Activation::relu6:
      slope = x > 0 && x < 6 ? 1.0f : 0.0f;
      return;
    case Activation::hard_sigmoid:
      slope = x > -3 && x < 3 ? 1.0f / 6 : 0.0f;
      return;
    case Activation::hard_swish:
      slope = x * (1.0f / 3) + 0.5f;
      slope = x <= -3 ? 0.0f : slope;
      slope = x >= 3 ? 1.0f : slope;
      return;
  }
}

PARETINY_HOST_DEVICE inline float activation_slope(Activation activation, float x) {
  float slope = 0;
  activation_slope(activation, x, slope);
  return slope;
}

/// y = activation(x), any shape, f32 or bf16; y may alias x.
void activation_forward(Stream&, Activation, ConstView x, View y);

/// dx = activation'(x) * dy; dx may alias dy.
void activation_backward(Stream&, Activation, ConstView x, ConstView dy, View dx);

namespace twins {
extern Op<decltype(activation_forward)> activation_forward;
extern Op<decltype(activation_backward)> activation_backward;
}  // namespace twins

}  // namespace paretiny::nn

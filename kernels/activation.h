// Element-wise activations: relu, relu6, hard_swish(x) = x * hard_sigmoid(x),
// hard_sigmoid(x) = clip(x + 3, 0, 6) / 6. At a kink the gradient is that of the flat side.
// NaN passes through every activation, so that a diverged network shows in its loss.
#pragma once

#include "kernels/dispatch.h"
#include "kernels/host_device.h"
#include "kernels/tensor.h"

namespace paretiny {

enum class Activation : std::uint8_t { none, relu, relu6, hard_swish, hard_sigmoid };

const char* name_of(Activation activation);

PARETINY_HOST_DEVICE inline float activate(Activation activation, float x) {
  const auto clip = [](float v, float low, float high) {
    return v < low ? low : v > high ? high : v;
  };
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x < 0 ? 0 : x;
    case Activation::relu6:
      return clip(x, 0, 6);
    case Activation::hard_sigmoid:
      return clip(x + 3, 0, 6) * (1.0f / 6);
    case Activation::hard_swish:
      return x * (clip(x + 3, 0, 6) * (1.0f / 6));
  }
  return x;
}

/// d activate(x) / dx.
PARETINY_HOST_DEVICE inline float activation_slope(Activation activation, float x) {
  switch (activation) {
    case Activation::none:
      return 1;
    case Activation::relu:
      return x > 0 ? 1.0f : 0.0f;
    case Activation::relu6:
      return x > 0 && x < 6 ? 1.0f : 0.0f;
    case Activation::hard_sigmoid:
      return x > -3 && x < 3 ? 1.0f / 6 : 0.0f;
    case Activation::hard_swish:
      return x <= -3 ? 0.0f : x >= 3 ? 1.0f : x * (1.0f / 3) + 0.5f;
  }
  return 1;
}

/// y = activation(x), any shape, f32 or bf16; y may alias x.
void activation_forward(Stream&, Activation, ConstView x, View y);

/// dx = activation'(x) * dy; dx may alias dy.
void activation_backward(Stream&, Activation, ConstView x, ConstView dy, View dx);

namespace twins {
extern Op<decltype(activation_forward)> activation_forward;
extern Op<decltype(activation_backward)> activation_backward;
}  // namespace twins

}  // namespace paretiny

// Fake quantization: floats rounded to what an int8 tensor can hold, so that a network learns to
// live with it. Jacob et al.: Quantization and training of neural networks for efficient
// integer-arithmetic-only inference, CVPR 2018. f32 only: bf16 cannot tell 255 steps apart.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"
#include "kernels/int8/parameters.h"

namespace paretiny::int8 {

/// The steps from `low` to `high` that a tensor can hold, zero among them.
struct FakeSteps {
  float scale = 1;
  float low = -127;
  float high = 127;
};

inline FakeSteps fake_steps(const Quantization& q) {
  return {q.scale, static_cast<float>(-128 - q.zero_point), static_cast<float>(127 - q.zero_point)};
}

/// The steps of weights of which the largest has this magnitude; for zeros, those of 1.
PARETINY_HOST_DEVICE inline FakeSteps weight_steps(float largest) {
  return {largest < 127 * 0x1p-126f ? 1.0f : largest / 127, -127, 127};
}

/// y = x as one of the steps: the nearest, of two the even one. For a float or a vector of them;
/// NaN passes.
template <class Real>
PARETINY_HOST_DEVICE void fake_quantize(const FakeSteps& steps, const Real& x, Real& y) {
  constexpr float kWhole = 0x1.8p23f;  // floats around it are whole numbers
  Real step;
  nn::clip<Real>(x / steps.scale, steps.low, steps.high, step);
  y = ((step + kWhole) - kWhole) * steps.scale;
}

/// slope = 1 where x is nearest to one of the steps, 0 beyond their ends.
template <class Real>
PARETINY_HOST_DEVICE void fake_quantize_slope(const FakeSteps& steps, const Real& x, Real& slope) {
  const Real step = x / steps.scale;
  slope = step < steps.low - 0.5f ? 0.0f : Real{} + 1;
  slope = step > steps.high + 0.5f ? 0.0f : slope;
}

/// y = the nearest number to x that an int8 tensor with this scale and zero point holds. Any shape;
/// y may alias x. Throws UsageError unless the scale is positive.
void fake_quantize_forward(Stream&, const Quantization&, ConstView x, View y);

/// The clipped straight-through estimate: dx = dy where x lies in the range, 0 beyond; dx may alias
/// dy.
void fake_quantize_backward(Stream&, const Quantization&, ConstView x, ConstView dy, View dx);

/// Which extent of a weight tensor counts output channels.
enum class WeightChannels {
  first,  ///< [out, kh, kw, in]
  last,   ///< depthwise: [1, kh, kw, c]
};

/// y = w rounded to whole multiples, -127 .. 127, of a scale for each output channel: its largest
/// magnitude / 127. y may alias w. Straight-through: the gradient of w is that of y.
void fake_quantize_weights(Stream&, WeightChannels, ConstView w, View y);

namespace twins {
extern Op<decltype(fake_quantize_forward)> fake_quantize_forward;
extern Op<decltype(fake_quantize_backward)> fake_quantize_backward;
extern Op<decltype(fake_quantize_weights)> fake_quantize_weights;
}  // namespace twins

}  // namespace paretiny::int8

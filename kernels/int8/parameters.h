// From scales to the integers the int8 operators compute with: what the TensorFlow Lite operators
// derive when a model is loaded, to the bit. Host only; scales are positive and finite.
#pragma once

#include <cstdint>

#include "kernels/int8/fixed_point.h"
#include "kernels/nn/activation.h"

namespace paretiny::int8 {

/// real = scale * (q - zero_point), q in [-128, 127].
struct Quantization {
  float scale = 1;
  std::int32_t zero_point = 0;

  friend bool operator==(const Quantization&, const Quantization&) = default;
};

/// Bounds of an output; a fused activation narrows them.
struct Int8Range {
  std::int32_t low = -128;
  std::int32_t high = 127;

  friend bool operator==(const Int8Range&, const Int8Range&) = default;
};

/// The bounds of none, relu or relu6; throws UsageError for another activation.
Int8Range activation_range(nn::Activation, const Quantization& output);

/// Zero points and bounds of a convolution, depthwise or fully connected layer.
struct Int8LayerParameters {
  std::int32_t input_zero_point = 0;
  std::int32_t output_zero_point = 0;
  Int8Range range;
};

/// input scale * weight scale / output scale of one channel.
QuantizedMultiplier layer_multiplier(float input_scale, float weight_scale, float output_scale);
/// The same for a fully connected layer with one weight scale: the product of input and weight
/// scale is rounded to float first.
QuantizedMultiplier fully_connected_multiplier(float input_scale, float weight_scale,
                                               float output_scale);

/// y = output(input1((a - zero_point1) << 20) + input2((b - zero_point2) << 20)) + zero point.
struct Int8AddParameters {
  std::int32_t zero_point1 = 0;
  std::int32_t zero_point2 = 0;
  std::int32_t output_zero_point = 0;
  QuantizedMultiplier input1;
  QuantizedMultiplier input2;
  QuantizedMultiplier output;
  Int8Range range;
};
inline constexpr std::int32_t kInt8AddShift = 20;  ///< TensorFlow Lite's
Int8AddParameters add_parameters(const Quantization& a, const Quantization& b,
                                 const Quantization& y, nn::Activation = nn::Activation::none);

/// y = output((a - zero_point1) * (b - zero_point2)) + zero point.
struct Int8MulParameters {
  std::int32_t zero_point1 = 0;
  std::int32_t zero_point2 = 0;
  std::int32_t output_zero_point = 0;
  QuantizedMultiplier output;
  Int8Range range;
};
Int8MulParameters mul_parameters(const Quantization& a, const Quantization& b,
                                 const Quantization& y, nn::Activation = nn::Activation::none);

/// y = output(sum of x - count * input zero point) + zero point, 1 / count folded into `output`.
struct Int8MeanParameters {
  std::int32_t input_zero_point = 0;
  std::int32_t output_zero_point = 0;
  QuantizedMultiplier output;
};
Int8MeanParameters mean_parameters(const Quantization& x, const Quantization& y,
                                   std::int64_t count);

/// Differences to a row's maximum, scaled to Q5.26; those below `least_difference` give -128.
struct Int8SoftmaxParameters {
  QuantizedMultiplier input;
  std::int32_t least_difference = 0;
};
Int8SoftmaxParameters softmax_parameters(float input_scale, float beta = 1);

/// The largest |q| whose rescaled value stays within `integer_bits` integer bits of an int32.
std::int32_t input_radius(int integer_bits, std::int32_t left_shift);

// Arithmetic of one element, shared by all devices.

PARETINY_HOST_DEVICE inline std::int32_t quantized_add(std::int32_t a, std::int32_t b,
                                                       const Int8AddParameters& p) {
  const std::int32_t sum =
      multiply_by_quantized_multiplier(shift_left(a - p.zero_point1, kInt8AddShift), p.input1) +
      multiply_by_quantized_multiplier(shift_left(b - p.zero_point2, kInt8AddShift), p.input2);
  return clamp(multiply_by_quantized_multiplier(sum, p.output) + p.output_zero_point, p.range.low,
               p.range.high);
}

PARETINY_HOST_DEVICE inline std::int32_t quantized_mul(std::int32_t a, std::int32_t b,
                                                       const Int8MulParameters& p) {
  const std::int32_t product = (a - p.zero_point1) * (b - p.zero_point2);
  return clamp(multiply_by_quantized_multiplier(product, p.output) + p.output_zero_point,
               p.range.low, p.range.high);
}

// A row of softmax: exponentials of the differences to its maximum, their sum, their shares of it.

/// exp of a difference, Q0.31; 0 below the least difference.
PARETINY_HOST_DEVICE inline std::int32_t quantized_exponential(std::int32_t difference,
                                                               const Int8SoftmaxParameters& p) {
  if (difference < p.least_difference) return 0;
  return exp_of_negative(multiply_by_quantized_multiplier(difference, p.input), 5);
}

/// What an exponential adds to the row's sum, Q12.19.
PARETINY_HOST_DEVICE inline std::int32_t softmax_addend(std::int32_t exponential) {
  return rounding_divide_by_power_of_two(exponential, 12);
}

/// 256 / sum as reciprocal / 2^31 * 2^(31 - shift).
struct SoftmaxScale {
  std::int32_t reciprocal = 0;
  std::int32_t shift = 0;
};
PARETINY_HOST_DEVICE inline SoftmaxScale softmax_scale(std::int32_t sum) {
  SoftmaxScale scale{0, 35};
  auto normal = static_cast<std::uint32_t>(sum);
  for (; (normal & 0x80000000u) == 0; normal <<= 1) --scale.shift;
  scale.reciprocal = reciprocal_of_one_plus(static_cast<std::int32_t>(normal - 0x80000000u));
  return scale;
}

/// An exponential's share as an output. With a shift above 31 it is less than half a step.
PARETINY_HOST_DEVICE inline std::int8_t softmax_output(std::int32_t exponential,
                                                       SoftmaxScale scale) {
  if (scale.shift > 31) return -128;
  const std::int32_t share = doubling_high_multiply(scale.reciprocal, exponential);
  return static_cast<std::int8_t>(
      clamp(rounding_divide_by_power_of_two(share, scale.shift) - 128, -128, 127));
}

/// An accumulator as an output of a layer.
PARETINY_HOST_DEVICE inline std::int8_t requantize(std::int32_t accumulator, QuantizedMultiplier m,
                                                   std::int32_t output_zero_point,
                                                   Int8Range range) {
  return static_cast<std::int8_t>(clamp(
      multiply_by_quantized_multiplier(accumulator, m) + output_zero_point, range.low, range.high));
}

}  // namespace paretiny::int8

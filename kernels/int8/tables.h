// Element-wise functions of one int8 tensor as tables of 256 entries: entry q + 128 is the output
// of q. A table built with the operator's exact arithmetic gives the operator's exact result, on
// every device and in generated code.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/int8/parameters.h"

namespace paretiny::int8 {

using Int8Table = std::array<std::int8_t, 256>;

/// x with another scale and zero point.
Int8Table requantize_table(const Quantization& x, const Quantization& y);

/// relu or relu6 as an operator of its own: a requantization to the activation's range, the ratio
/// of the scales rounded to float first. Throws UsageError for another activation.
Int8Table relu_table(nn::Activation activation, const Quantization& x, const Quantization& y);

/// Output scale 1/256, zero point -128.
Int8Table logistic_table(const Quantization& x);

struct HardSwishParameters {
  std::int32_t input_zero_point = 0;
  std::int32_t output_zero_point = 0;
  std::int32_t output_multiplier = 0;  ///< 16 bits
  std::int32_t output_exponent = 0;
  std::int32_t reluish_multiplier = 0;  ///< 16 bits
  std::int32_t reluish_exponent = 0;
};
/// Throws UsageError where the reference's 16-bit arithmetic does not reach: x.scale >= 128 *
/// y.scale, or a scale ratio below 2^-16.
HardSwishParameters hard_swish_parameters(const Quantization& x, const Quantization& y);
Int8Table hard_swish_table(const Quantization& x, const Quantization& y);

/// relu6(x + 3) * (1/6) as the operators it is made of: an add with activation relu6 and a mul,
/// each with its constant as an int8 tensor of one element, `kHardSigmoidConstant`.
Int8Table hard_sigmoid_table(const Quantization& x, const Quantization& y);
inline constexpr std::int8_t kHardSigmoidConstant = 127;
inline constexpr Quantization kHardSigmoidThree{3.0f / 255, -128};
inline constexpr Quantization kHardSigmoidSixth{1.0f / (6 * 255), -128};
inline constexpr Quantization kHardSigmoidSum{6.0f / 255, -128};  ///< of the add's output

}  // namespace paretiny::int8

// Element-wise functions of one int8 tensor as tables of 256 entries: entry q + 128 is the output
// of q. A table built with the operator's exact arithmetic gives the operator's exact result, on
// every device and in generated code.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/int8_parameters.h"

namespace paretiny {

using Int8Table = std::array<std::int8_t, 256>;

/// x with another scale and zero point, limited to `range`: relu and relu6 are requantizations to
/// the range of the activation.
Int8Table requantize_table(const Quantization& x, const Quantization& y,
                           const Int8Range& range = {});

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

/// relu6(x + 3) * (1/6) as the operators it is made of: an add with activation relu6 (output scale
/// 6/255, zero point -128) and a mul, each with its constant as an int8 tensor of one element
/// (scale = constant / 255, zero point -128, value 127).
Int8Table hard_sigmoid_table(const Quantization& x, const Quantization& y);

}  // namespace paretiny

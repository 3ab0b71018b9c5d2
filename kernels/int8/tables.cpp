#include "kernels/int8/tables.h"

#include "base/error.h"

namespace paretiny::int8 {
namespace {

template <class Function>
Int8Table tabulate(const Function& function) {
  Int8Table table;
  for (std::int32_t q = -128; q < 128; ++q) {
    table[static_cast<std::size_t>(q + 128)] = static_cast<std::int8_t>(function(q));
  }
  return table;
}

std::int32_t logistic(std::int32_t q, QuantizedMultiplier m, std::int32_t radius) {
  if (q <= -radius) return -128;
  if (q >= radius) return 127;
  const std::int32_t y = fixed_point_logistic(multiply_by_quantized_multiplier(q, m), 4);
  return clamp(rounding_divide_by_power_of_two(y, 31 - 8) - 128, -128, 127);
}

/// x * reluish, with reluish = (clip(x / 3, -1, 1) + 1) / 2 and both factors in 16 bits.
std::int32_t hard_swish(std::int32_t q, const HardSwishParameters& p) {
  const std::int32_t x = (q - p.input_zero_point) * (1 << 7);
  const std::int32_t scaled_x = rounding_doubling_high_multiply16(x, p.output_multiplier);
  std::int32_t reluish = x;
  if (p.reluish_exponent > 0) reluish = saturating_shift_left16(reluish, p.reluish_exponent - 1);
  reluish = rounding_doubling_high_multiply16(reluish, p.reluish_multiplier);
  if (p.reluish_exponent > 0) reluish = saturating_shift_left16(reluish, 1);
  if (p.reluish_exponent < 0) {
    reluish = rounding_divide_by_power_of_two(reluish, -p.reluish_exponent);
  }
  reluish = (reluish + (1 << 15)) >> 1;
  const std::int32_t product = doubling_high_multiply16(reluish, scaled_x);
  const std::int32_t y = rounding_divide_by_power_of_two(product, -p.output_exponent);
  return clamp(y + p.output_zero_point, -128, 127);
}

}  // namespace

Int8Table requantize_table(const Quantization& x, const Quantization& y) {
  const QuantizedMultiplier m = quantize_multiplier(double{x.scale} / double{y.scale});
  return tabulate(
      [&](std::int32_t q) { return requantize(q - x.zero_point, m, y.zero_point, {}); });
}

Int8Table relu_table(nn::Activation activation, const Quantization& x, const Quantization& y) {
  if (activation != nn::Activation::relu && activation != nn::Activation::relu6) {
    throw UsageError(std::string("int8 relu table: ") + name_of(activation) +
                     " is neither relu nor relu6");
  }
  const QuantizedMultiplier m = quantize_multiplier(double{x.scale / y.scale});
  const Int8Range range = activation_range(activation, y);
  return tabulate(
      [&](std::int32_t q) { return requantize(q - x.zero_point, m, y.zero_point, range); });
}

Int8Table logistic_table(const Quantization& x) {
  const QuantizedMultiplier m = quantize_multiplier(double{x.scale} * 0x1p27);
  const std::int32_t radius = input_radius(4, m.shift);
  return tabulate([&](std::int32_t q) { return logistic(q - x.zero_point, m, radius); });
}

HardSwishParameters hard_swish_parameters(const Quantization& x, const Quantization& y) {
  const float fine_scale = x.scale / 128;
  const QuantizedMultiplier output = quantize_multiplier(double{fine_scale / y.scale});
  const QuantizedMultiplier reluish = quantize_multiplier(double{fine_scale / (3.0f / 32768)});
  if (output.shift > 0 || output.shift < -15 || reluish.shift < -15) {
    throw UsageError("int8 hard_swish: scales " + std::to_string(x.scale) + " and " +
                     std::to_string(y.scale) + " are too far apart for 16-bit arithmetic");
  }
  return {x.zero_point,
          y.zero_point,
          multiplier_to_int16(output.multiplier),
          output.shift,
          multiplier_to_int16(reluish.multiplier),
          reluish.shift};
}

Int8Table hard_swish_table(const Quantization& x, const Quantization& y) {
  const HardSwishParameters parameters = hard_swish_parameters(x, y);
  return tabulate([&](std::int32_t q) { return hard_swish(q, parameters); });
}

Int8Table hard_sigmoid_table(const Quantization& x, const Quantization& y) {
  const Int8AddParameters add =
      add_parameters(x, kHardSigmoidThree, kHardSigmoidSum, nn::Activation::relu6);
  const Int8MulParameters mul = mul_parameters(kHardSigmoidSum, kHardSigmoidSixth, y);
  return tabulate([&](std::int32_t q) {
    return quantized_mul(quantized_add(q, kHardSigmoidConstant, add), kHardSigmoidConstant, mul);
  });
}

}  // namespace paretiny::int8

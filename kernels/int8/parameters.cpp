#include "kernels/int8/parameters.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"

namespace paretiny::int8 {

Int8Range activation_range(nn::Activation activation, const Quantization& output) {
  const auto quantized = [&output](float bound) {
    const double q = output.zero_point + std::round(static_cast<double>(bound / output.scale));
    return static_cast<std::int32_t>(std::clamp(q, -128.0, 127.0));
  };
  switch (activation) {
    case nn::Activation::none:
      return {};
    case nn::Activation::relu:
      return {quantized(0), 127};
    case nn::Activation::relu6:
      return {quantized(0), quantized(6)};
    default:
      throw UsageError("int8: only none, relu and relu6 can be fused as a range; use a table");
  }
}

QuantizedMultiplier layer_multiplier(float input_scale, float weight_scale, float output_scale) {
  return quantize_multiplier(double{input_scale} * double{weight_scale} / double{output_scale});
}

QuantizedMultiplier fully_connected_multiplier(float input_scale, float weight_scale,
                                               float output_scale) {
  const float product = input_scale * weight_scale;
  return quantize_multiplier(double{product} / double{output_scale});
}

Int8AddParameters add_parameters(const Quantization& a, const Quantization& b,
                                 const Quantization& y, nn::Activation activation) {
  const double twice_largest = 2 * double{std::max(a.scale, b.scale)};
  return {a.zero_point,
          b.zero_point,
          y.zero_point,
          quantize_multiplier(double{a.scale} / twice_largest),
          quantize_multiplier(double{b.scale} / twice_largest),
          quantize_multiplier(twice_largest / ((1 << kInt8AddShift) * double{y.scale})),
          activation_range(activation, y)};
}

Int8MulParameters mul_parameters(const Quantization& a, const Quantization& b,
                                 const Quantization& y, nn::Activation activation) {
  return {a.zero_point, b.zero_point, y.zero_point,
          quantize_multiplier(double{a.scale} * double{b.scale} / double{y.scale}),
          activation_range(activation, y)};
}

Int8MeanParameters mean_parameters(const Quantization& x, const Quantization& y,
                                   std::int64_t count) {
  const QuantizedMultiplier m = quantize_multiplier(double{x.scale} / double{y.scale});
  const int log2_count = 63 - std::countl_zero(static_cast<std::uint64_t>(count));
  const int k = std::min({log2_count, 32, 31 + m.shift});
  const std::int64_t multiplier = (std::int64_t{m.multiplier} << k) / count;
  return {x.zero_point, y.zero_point, {static_cast<std::int32_t>(multiplier), m.shift - k}};
}

std::int32_t input_radius(int integer_bits, std::int32_t left_shift) {
  const double largest = std::ldexp((1 << integer_bits) - 1, 31 - integer_bits);
  return static_cast<std::int32_t>(std::floor(std::ldexp(largest, -left_shift)));
}

Int8SoftmaxParameters softmax_parameters(float input_scale, float beta) {
  const QuantizedMultiplier m =
      quantize_multiplier(std::min(double{beta} * double{input_scale} * 0x1p26, 0x1p31 - 1));
  return {m, -input_radius(5, m.shift)};
}

}  // namespace paretiny::int8

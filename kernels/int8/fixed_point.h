// Fixed-point arithmetic of the int8 operators: the double-rounding scheme of the TensorFlow Lite
// reference kernels and CMSIS-NN, to the bit. Every function is plain integer arithmetic, shared
// by all devices and the model of the generated C code.
//
// "Qm.f" is an int32 with f fractional bits: value = raw * 2^-f, m + f = 31. Q0.31 holds [-1, 1).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/core/host_device.h"

namespace paretiny::int8 {

inline constexpr std::int32_t kInt32Min = std::numeric_limits<std::int32_t>::min();
inline constexpr std::int32_t kInt32Max = std::numeric_limits<std::int32_t>::max();

/// A positive real number as multiplier / 2^31 * 2^shift, multiplier in [2^30, 2^31) or 0.
struct QuantizedMultiplier {
  std::int32_t multiplier = 0;
  std::int32_t shift = 0;  ///< positive = left

  friend bool operator==(const QuantizedMultiplier&, const QuantizedMultiplier&) = default;
};

/// The nearest QuantizedMultiplier; 0 below 2^-32. The number must be finite and below 2^31.
inline QuantizedMultiplier quantize_multiplier(double real) {
  if (real == 0) return {};
  int exponent = 0;
  auto mantissa = static_cast<std::int64_t>(std::round(std::frexp(real, &exponent) * 0x1p31));
  if (mantissa == std::int64_t{1} << 31) {
    mantissa /= 2;
    ++exponent;
  }
  if (exponent < -31) return {};
  return {static_cast<std::int32_t>(mantissa), exponent};
}

/// a * b / 2^31 to nearest, halves towards plus infinity; (-2^31)^2 saturates.
PARETINY_HOST_DEVICE inline std::int32_t doubling_high_multiply(std::int32_t a, std::int32_t b) {
  if (a == kInt32Min && b == kInt32Min) return kInt32Max;
  const std::int64_t product = std::int64_t{a} * b;
  return static_cast<std::int32_t>((product + (std::int64_t{1} << 30)) >> 31);
}

/// x / 2^exponent to nearest, halves away from zero; exponent in 0 .. 31.
PARETINY_HOST_DEVICE inline std::int32_t rounding_divide_by_power_of_two(std::int32_t x,
                                                                         std::int32_t exponent) {
  const auto mask = static_cast<std::int32_t>((std::uint32_t{1} << exponent) - 1);
  const std::int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/// x * 2^exponent, wrapping like the reference; exponent in 0 .. 31.
PARETINY_HOST_DEVICE inline std::int32_t shift_left(std::int32_t x, std::int32_t exponent) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(x) << exponent);
}

/// x * m, rounded twice: in the doubling high multiply and in the division by 2^-shift.
PARETINY_HOST_DEVICE inline std::int32_t multiply_by_quantized_multiplier(std::int32_t x,
                                                                          QuantizedMultiplier m) {
  const std::int32_t left = m.shift > 0 ? m.shift : 0;
  const std::int32_t right = m.shift > 0 ? 0 : -m.shift;
  return rounding_divide_by_power_of_two(doubling_high_multiply(shift_left(x, left), m.multiplier),
                                         right);
}

PARETINY_HOST_DEVICE inline std::int32_t clamp(std::int32_t x, std::int32_t low,
                                               std::int32_t high) {
  return x < low ? low : x > high ? high : x;
}

// 16-bit forms, for hard-swish. Arguments and results lie within int16.

PARETINY_HOST_DEVICE inline std::int32_t clamp_to_int16(std::int32_t x) {
  return clamp(x, -32768, 32767);
}

/// x * 2^exponent, saturating; exponent in 0 .. 15.
PARETINY_HOST_DEVICE inline std::int32_t saturating_shift_left16(std::int32_t x,
                                                                 std::int32_t exponent) {
  return clamp_to_int16(x * (std::int32_t{1} << exponent));
}

/// a * b / 2^15 to nearest, halves towards plus infinity; saturating.
PARETINY_HOST_DEVICE inline std::int32_t rounding_doubling_high_multiply16(std::int32_t a,
                                                                           std::int32_t b) {
  return clamp_to_int16((a * b + (1 << 14)) >> 15);
}

/// a * b / 2^15 towards zero; saturating.
PARETINY_HOST_DEVICE inline std::int32_t doubling_high_multiply16(std::int32_t a, std::int32_t b) {
  return clamp_to_int16(a * b / (1 << 15));
}

/// The high 16 bits of a 31-bit multiplier, to nearest, saturating.
PARETINY_HOST_DEVICE inline std::int32_t multiplier_to_int16(std::int32_t multiplier) {
  return multiplier >= 32767 << 16 ? 32767 : (multiplier + (1 << 15)) >> 16;
}

/// x * 2^exponent, saturating; exponent in 0 .. 31.
PARETINY_HOST_DEVICE inline std::int32_t saturating_shift_left(std::int32_t x,
                                                               std::int32_t exponent) {
  const std::int64_t wide = std::int64_t{x} * (std::int64_t{1} << exponent);
  return static_cast<std::int32_t>(wide < kInt32Min   ? kInt32Min
                                   : wide > kInt32Max ? kInt32Max
                                                      : wide);
}

/// exp(a) for a in [-1/4, 0), both Q0.31: the Taylor polynomial of degree 4 about -1/8.
PARETINY_HOST_DEVICE inline std::int32_t exp_of_small_negative(std::int32_t a) {
  constexpr std::int32_t exp_of_minus_eighth = 1895147668;  // Q0.31
  constexpr std::int32_t third = 715827883;                 // Q0.31
  const std::int32_t x = a + (1 << 28);
  const std::int32_t x2 = doubling_high_multiply(x, x);
  const std::int32_t x3 = doubling_high_multiply(x2, x);
  const std::int32_t x4 = doubling_high_multiply(x2, x2);
  const std::int32_t cubic_and_up =
      doubling_high_multiply(rounding_divide_by_power_of_two(x4, 2) + x3, third);
  const std::int32_t square_and_up = rounding_divide_by_power_of_two(cubic_and_up + x2, 1);
  return exp_of_minus_eighth + doubling_high_multiply(exp_of_minus_eighth, x + square_and_up);
}

/// exp(a), Q0.31, for a <= 0 with `integer_bits` (at most 5) integer bits.
/// a = -(remainder in quarters) + a part in [-1/4, 0): a product over the remainder's bits.
PARETINY_HOST_DEVICE inline std::int32_t exp_of_negative(std::int32_t a, int integer_bits) {
  if (a == 0) return kInt32Max;
  // exp(-2^k), Q0.31, for k = -2 .. 4.
  const std::int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308,
                                  39332535,   720401,     242};
  const int fraction_bits = 31 - integer_bits;
  const std::int32_t quarter = std::int32_t{1} << (fraction_bits - 2);
  const std::int32_t small = (a & (quarter - 1)) - quarter;
  std::int32_t result = exp_of_small_negative(saturating_shift_left(small, integer_bits));
  const std::int32_t remainder = small - a;
  for (int k = -2; k < integer_bits; ++k) {
    if ((remainder >> (fraction_bits + k)) & 1) {
      result = doubling_high_multiply(result, factors[k + 2]);
    }
  }
  return result;
}

/// 1 / (1 + a) for a in [0, 1), both Q0.31: three Newton steps on half the denominator.
PARETINY_HOST_DEVICE inline std::int32_t reciprocal_of_one_plus(std::int32_t a) {
  constexpr std::int32_t q2_48_over_17 = 1515870810;
  constexpr std::int32_t q2_minus_32_over_17 = -1010580540;
  constexpr std::int32_t q2_one = 1 << 29;
  const std::int64_t sum = std::int64_t{a} + kInt32Max;
  const auto half_denominator = static_cast<std::int32_t>((sum + 1) / 2);
  std::int32_t x = q2_48_over_17 + doubling_high_multiply(half_denominator, q2_minus_32_over_17);
  for (int step = 0; step < 3; ++step) {
    const std::int32_t error = q2_one - doubling_high_multiply(half_denominator, x);
    x += saturating_shift_left(doubling_high_multiply(x, error), 2);
  }
  return saturating_shift_left(x, 1);
}

/// 1 / (1 + exp(-a)), Q0.31, for a with `integer_bits` integer bits.
PARETINY_HOST_DEVICE inline std::int32_t fixed_point_logistic(std::int32_t a, int integer_bits) {
  if (a == 0) return std::int32_t{1} << 30;
  const std::int32_t positive =
      reciprocal_of_one_plus(exp_of_negative(a > 0 ? -a : a, integer_bits));
  return a > 0 ? positive : kInt32Max - positive;
}

}  // namespace paretiny::int8

// The normal numbers of a policy's random directions: counters, the same on every device.
#pragma once

#include "kernels/core/random.h"

namespace paretiny::bayes {

/// Numbers that one Philox block gives: two pairs by Box and Muller.
inline constexpr std::int64_t kNoisePerBlock = 4;

/// The random bits of numbers 4b .. 4b + 3 of direction j of policy p in an update: words 0 and 1
/// make the first pair, 2 and 3 the second. 32 bits each, for p, j and b too.
PARETINY_HOST_DEVICE inline PhiloxBlock policy_noise(std::uint64_t key, std::int32_t update,
                                                     std::int64_t policy, std::int64_t direction,
                                                     std::int64_t block) {
  const auto pair = [](std::int64_t high, std::int64_t low) {
    return static_cast<std::uint64_t>(high) << 32 | static_cast<std::uint64_t>(low);
  };
  return philox(key, pair(update, policy), pair(direction, block));
}

/// Uniform in (0, 1): of u, sqrt(-2 log(u)) is the radius of a pair.
PARETINY_HOST_DEVICE inline double open_unit(std::uint32_t bits) {
  return (static_cast<double>(bits) + 0.5) * 0x1p-32;
}

struct OnCircle {
  double cosine;
  double sine;
};

/// The point of the unit circle at bits / 2^32 of a turn; to rounding. Without a branch, so that a
/// loop over it becomes vector code.
PARETINY_HOST_DEVICE inline OnCircle unit_circle(std::uint32_t bits) {
  // The nearest quarter and what is left, at most an eighth of a turn either way, in radians.
  const std::uint32_t quarter = (bits + 0x20000000u) >> 30;
  const auto rest = static_cast<std::int32_t>(bits - (quarter << 30));
  const double x = rest * (6.283185307179586477 * 0x1p-32);
  const double y = x * x;
  // Taylor series, whose next terms are below 1e-16.
  double s = -1.0 / 1307674368000;
  s = std::fma(s, y, 1.0 / 6227020800);
  s = std::fma(s, y, -1.0 / 39916800);
  s = std::fma(s, y, 1.0 / 362880);
  s = std::fma(s, y, -1.0 / 5040);
  s = std::fma(s, y, 1.0 / 120);
  s = std::fma(s, y, -1.0 / 6);
  s = std::fma(s * y, x, x);
  double c = 1.0 / 20922789888000;
  c = std::fma(c, y, -1.0 / 87178291200);
  c = std::fma(c, y, 1.0 / 479001600);
  c = std::fma(c, y, -1.0 / 3628800);
  c = std::fma(c, y, 1.0 / 40320);
  c = std::fma(c, y, -1.0 / 720);
  c = std::fma(c, y, 1.0 / 24);
  c = std::fma(c, y, -0.5);
  c = std::fma(c, y, 1.0);
  // cos and sin of x + quarter * pi / 2.
  const bool odd = (quarter & 1) != 0;
  const double cosine = odd ? s : c;
  const double sine = odd ? c : s;
  return {quarter == 1 || quarter == 2 ? -cosine : cosine, quarter >= 2 ? -sine : sine};
}

}  // namespace paretiny::bayes

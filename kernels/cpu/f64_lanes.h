// Sixteen doubles side by side, with the functions that vector code needs and the library of
// mathematics has for one number only. Where a number stands among the lanes never matters.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

namespace paretiny::cpu {

inline constexpr std::int64_t kF64Lanes = 16;
using F64x16 = Eigen::Array<double, kF64Lanes, 1>;

/// The first `width` lanes; zeros in the others.
inline F64x16 load_f64(const double* from, std::int64_t width) {
  if (width >= kF64Lanes) return Eigen::Map<const F64x16>(from);
  F64x16 lanes = F64x16::Zero();
  std::copy_n(from, width, lanes.data());
  return lanes;
}
inline void store_f64(double* to, const F64x16& lanes, std::int64_t width) {
  std::copy_n(lanes.data(), std::min(width, kF64Lanes), to);
}

/// log(1 + x) for x >= 0, to the last bits of small ones too.
inline F64x16 log1p(const F64x16& x) {
  const F64x16 sum = 1 + x;
  // The second term is what rounding took from the sum.
  return sum.log() + (x - (sum - 1)) / sum;
}

/// To 1e-16 absolute.
inline F64x16 tanh(const F64x16& x) {
  const F64x16 shrunk = (-2 * x.abs()).exp();
  const F64x16 size = (1 - shrunk) / (1 + shrunk);
  return (x < 0).select(-size, size);
}

}  // namespace paretiny::cpu

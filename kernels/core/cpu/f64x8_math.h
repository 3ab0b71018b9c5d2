// Parts of vectors of doubles, and more elementary functions of them: logarithms and tanh, without
// a branch, to a unit or two in the last place.
#pragma once

#include <algorithm>

#include "kernels/core/cpu/f64x8.h"

namespace paretiny::cpu {

/// The first `count` lanes, all where there are more; zeros in the others.
inline void load_some(F64x8& lanes, const double* from, std::int64_t count) {
  if (count >= kWide) return load(lanes, from);
  double part[kWide] = {};
  std::copy_n(from, count, part);
  load(lanes, part);
}
inline void store_some(double* to, const F64x8& lanes, std::int64_t count) {
  if (count >= kWide) return store(to, lanes);
  double part[kWide];
  store(part, lanes);
  std::copy_n(part, count, to);
}

/// result = first + x (second + x (third + ...)).
inline void polynomial(const F64x8&, F64x8& result, double last) {
  result = F64x8{} + last;
}
template <class... Doubles>
void polynomial(const F64x8& x, F64x8& result, double first, Doubles... rest) {
  polynomial(x, result, rest...);
  result = result * x + first;
}

/// log(x) of a positive normal number.
inline void logarithm(const F64x8& x, F64x8& result) {
  // x = m 2^n with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m - 1) / (m + 1).
  constexpr std::int64_t root_half = 0x3FE6A09E667F3BCD, rounder = 0x4338000000000000;
  S64x8 bits;
  std::memcpy(&bits, &x, sizeof bits);
  const S64x8 power = (bits - root_half) >> 52;
  const S64x8 mantissa = bits - (power << 52), shifted = power + rounder;
  F64x8 m, n, series;
  std::memcpy(&m, &mantissa, sizeof m);
  std::memcpy(&n, &shifted, sizeof n);
  n -= 0x1.8p52;  // the number whose bits are `rounder`
  const F64x8 s = (m - 1.0) / (m + 1.0);
  const F64x8 q = s * s;
  polynomial(q, series, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17,
             2.0 / 19, 2.0 / 21);
  // log 2 in two parts, of which products of n with the first are exact.
  result = n * 0x1.62e42fefa38p-1 + ((n * 0x1.ef35793c7673p-45 + s * q * series) + 2.0 * s);
}

/// log(1 + x) for 0 <= x <= 1.
inline void logarithm_of_one_plus(const F64x8& x, F64x8& result) {
  const F64x8 s = x / (2.0 + x);
  const F64x8 q = s * s;
  F64x8 series;
  polynomial(q, series, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17,
             2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25, 2.0 / 27, 2.0 / 29, 2.0 / 31);
  result = 2.0 * s + s * q * series;
}

/// tanh(x), to 3e-16 absolute.
inline void hyperbolic_tangent(const F64x8& x, F64x8& result) {
  // Beyond 20 it is 1 to rounding.
  const F64x8 above = x < -20.0 ? F64x8{} - 20.0 : x;
  F64x8 shrunk;
  VectorMath::exponential(-2.0 * (above > 20.0 ? F64x8{} + 20.0 : above), shrunk);
  result = (1.0 - shrunk) / (1.0 + shrunk);
}

}  // namespace paretiny::cpu

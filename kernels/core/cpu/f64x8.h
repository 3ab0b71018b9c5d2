// Eight doubles side by side: one register of AVX-512, several of a lesser processor. As in
// f32x16.h, vectors are passed by reference.
#pragma once

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <cmath>
#include <cstdint>
#include <cstring>

namespace paretiny::cpu {

/// Doubles of an AVX-512 register; the compiler makes two of AVX2's of them.
inline constexpr std::int64_t kWide = 8;

using F64x8 [[gnu::vector_size(kWide * sizeof(double))]] = double;
using S64x8 [[gnu::vector_size(kWide * sizeof(double))]] = std::int64_t;
using U64x8 [[gnu::vector_size(kWide * sizeof(double))]] = std::uint64_t;
/// Where it lies in a tensor: at any double.
using UnalignedF64x8
    [[gnu::vector_size(kWide * sizeof(double)), gnu::aligned(alignof(double)), gnu::may_alias]] =
        double;

inline void load(F64x8& lanes, const double* from) {
  lanes = *reinterpret_cast<const UnalignedF64x8*>(from);
}
inline void store(double* to, const F64x8& lanes) {
  *reinterpret_cast<UnalignedF64x8*>(to) = lanes;
}

/// The lanes added in a fixed order.
inline double sum_of(const F64x8& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/// Elementary functions, good to 2 units in the last place: by range reduction and a polynomial, or
/// as said.
struct VectorMath {
  using Number = F64x8;

  static void square_root(const F64x8& x, F64x8& result) {
#ifdef __AVX512F__
    result = _mm512_maskz_sqrt_pd(0xFF, x);  // GCC 12 warns of the form without a mask
#else
    for (int i = 0; i < kWide; ++i) result[i] = std::sqrt(x[i]);
#endif
  }

  /// 1 / sqrt(x) for x from 1e-300 to 1e300. Newton's steps from 14 bits: a quarter of the time
  /// that a root and a division take.
  static void reciprocal_root(const F64x8& x, F64x8& result) {
#ifdef __AVX512F__
    F64x8 guess = _mm512_maskz_rsqrt14_pd(0xFF, x);
    const F64x8 half = x * -0.5;
    guess += guess * (half * guess * guess + 0.5);
    result = guess + guess * (half * guess * guess + 0.5);
#else
    for (int i = 0; i < kWide; ++i) result[i] = 1 / std::sqrt(x[i]);
#endif
  }

  /// 1 / x for |x| from 1e-300 to 1e300, likewise.
  static void reciprocal(const F64x8& x, F64x8& result) {
#ifdef __AVX512F__
    F64x8 guess = _mm512_maskz_rcp14_pd(0xFF, x);
    guess += guess * (1.0 - x * guess);
    result = guess + guess * (1.0 - x * guess);
#else
    result = 1.0 / x;
#endif
  }

  /// For x up to 700; exactly 0 below -708.
  static void exponential(const F64x8& x, F64x8& result) {
    // x = n ln2 + r with |r| <= ln2 / 2; ln2 in two parts, products of n with the first are exact.
    const F64x8 shifted = x * 0x1.71547652b82fep0 + kRounder;
    const F64x8 n = shifted - kRounder;
    const F64x8 r = (x - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c7673p-45;
    // Taylor's series to r^13 / 13!, odd and even powers apart.
    const F64x8 q = r * r;
    const F64x8 odd =
        (((((q * (1.0 / 6227020800) + 1.0 / 39916800) * q + 1.0 / 362880) * q + 1.0 / 5040) * q +
          1.0 / 120) *
             q +
         1.0 / 6) *
            q +
        1.0;
    const F64x8 even =
        (((((q * (1.0 / 479001600) + 1.0 / 3628800) * q + 1.0 / 40320) * q + 1.0 / 720) * q +
          1.0 / 24) *
             q +
         1.0 / 2) *
        q;
    const F64x8 power = (even + odd * r) + 1.0;
    U64x8 bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 52) + (std::uint64_t{1023} << 52);  // 2^n: n is in the low bits of `shifted`
    F64x8 scale;
    std::memcpy(&scale, &bits, sizeof scale);
    result = x < -708.0 ? F64x8{} : power * scale;
  }

  /// For |x| up to 1e9.
  static void sine(const F64x8& x, F64x8& result) {
    const F64x8 shifted = x * kInversePi + kRounder;
    const F64x8 n = shifted - kRounder;
    odd_wave(x, n, shifted, result);
  }
  static void cosine(const F64x8& x, F64x8& result) {
    // cos x = sin(x + pi/2), reduced by (n - 1/2) pi.
    const F64x8 shifted = (x * kInversePi + 0.5) + kRounder;
    const F64x8 n = (shifted - kRounder) - 0.5;
    odd_wave(x, n, shifted, result);
  }

 private:
  /// Added, it rounds to an integer and leaves that in the low bits.
  static constexpr double kRounder = 0x1.8p52;
  static constexpr double kInversePi = 0x1.45f306dc9c883p-2;

  /// sin(x - n pi) for |x - n pi| <= pi/2, negative where `shifted` is odd.
  static void odd_wave(const F64x8& x, const F64x8& n, const F64x8& shifted, F64x8& result) {
    // pi in three parts: products of n with the first two are exact for n below 2^28.
    const F64x8 r = ((x - n * 0x1.921fb5p1) - n * 0x1.110b46p-25) - n * 0x1.1a62633145c07p-53;
    const F64x8 q = r * r;
    // Taylor's series to r^21 / 21!.
    F64x8 tail = q * (1.0 / 51090942171709440000.0) - 1.0 / 121645100408832000;
    tail = tail * q + 1.0 / 355687428096000;
    tail = tail * q - 1.0 / 1307674368000;
    tail = tail * q + 1.0 / 6227020800;
    tail = tail * q - 1.0 / 39916800;
    tail = tail * q + 1.0 / 362880;
    tail = tail * q - 1.0 / 5040;
    tail = tail * q + 1.0 / 120;
    tail = tail * q - 1.0 / 6;
    const F64x8 wave = r + r * (q * tail);
    S64x8 sign, bits;
    std::memcpy(&sign, &shifted, sizeof sign);
    std::memcpy(&bits, &wave, sizeof bits);
    bits ^= sign << 63;
    std::memcpy(&result, &bits, sizeof result);
  }
};

}  // namespace paretiny::cpu

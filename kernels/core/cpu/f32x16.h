// Sixteen floats side by side: one register of AVX-512, several of a lesser processor. Loads and
// stores convert from and to the tensor's type; results come by reference because the way to pass
// such a vector by value depends on the instruction set.
#pragma once

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <cstring>

#include "kernels/core/tensor.h"

namespace paretiny::cpu {

/// Floats of an AVX-512 register; the compiler makes two of AVX2's of them.
inline constexpr std::int64_t kLanes = 16;

using F32x16 [[gnu::vector_size(kLanes * sizeof(float))]] = float;
using U32x16 [[gnu::vector_size(kLanes * sizeof(float))]] = std::uint32_t;
using U16x16 [[gnu::vector_size(kLanes * sizeof(bf16))]] = std::uint16_t;
/// Where it lies in a tensor: at any float.
using UnalignedF32x16
    [[gnu::vector_size(kLanes * sizeof(float)), gnu::aligned(alignof(float)), gnu::may_alias]] =
        float;

inline void load(F32x16& lanes, const float* from) {
  lanes = *reinterpret_cast<const UnalignedF32x16*>(from);
}

inline void load(F32x16& lanes, const bf16* from) {
#ifdef __AVX512F__
  // One instruction; GCC 12 makes four of the conversion below.
  __m256i half;
  std::memcpy(&half, from, sizeof half);
  const auto bits = reinterpret_cast<U32x16>(_mm512_maskz_cvtepu16_epi32(0xFFFF, half)) << 16;
#else
  U16x16 half;
  std::memcpy(&half, from, sizeof half);
  const U32x16 bits = __builtin_convertvector(half, U32x16) << 16;
#endif
  std::memcpy(&lanes, &bits, sizeof lanes);
}

inline void store(float* to, const F32x16& lanes) {
  *reinterpret_cast<UnalignedF32x16*>(to) = lanes;
}

/// Rounds like `to_bf16`; a number below 2^-126 may become zero.
inline void store(bf16* to, const F32x16& lanes) {
#ifdef __AVX512BF16__
  const __m256bh half = _mm512_cvtneps_pbh(lanes);
#else
  U32x16 bits;
  std::memcpy(&bits, &lanes, sizeof bits);
  const U32x16 rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
  const U32x16 kept = lanes == lanes ? rounded : bits | 0x400000u;
  const U16x16 half = __builtin_convertvector(kept >> 16, U16x16);
#endif
  std::memcpy(static_cast<void*>(to), &half, sizeof half);
}

#if defined(__AVX512BW__) && defined(__AVX512VL__)

inline __mmask16 first_lanes(std::int64_t count) {
  return static_cast<__mmask16>((1u << count) - 1);
}

/// The first `count` lanes; the others are zero.
inline void load(F32x16& lanes, const float* from, std::int64_t count) {
  if (count == kLanes) return load(lanes, from);
  lanes = _mm512_maskz_loadu_ps(first_lanes(count), from);
}

inline void load(F32x16& lanes, const bf16* from, std::int64_t count) {
  if (count == kLanes) return load(lanes, from);
  const __m256i half = _mm256_maskz_loadu_epi16(first_lanes(count), from);
  bf16 part[kLanes];
  std::memcpy(static_cast<void*>(part), &half, sizeof half);
  load(lanes, part);
}

inline void store(float* to, const F32x16& lanes, std::int64_t count) {
  if (count == kLanes) return store(to, lanes);
  _mm512_mask_storeu_ps(to, first_lanes(count), lanes);
}

inline void store(bf16* to, const F32x16& lanes, std::int64_t count) {
  if (count == kLanes) return store(to, lanes);
  bf16 part[kLanes];
  store(part, lanes);
  __m256i half;
  std::memcpy(&half, part, sizeof half);
  _mm256_mask_storeu_epi16(to, first_lanes(count), half);
}

#else

/// Copies fewer than sixteen elements, in at most four moves.
template <class T>
[[gnu::noinline]] void copy_part(T* to, const T* from, std::int64_t count) {
  const auto move = [&]<int kElements>() {
    if ((count & kElements) == 0) return;
    std::memcpy(static_cast<void*>(to), from, kElements * sizeof(T));
    to += kElements;
    from += kElements;
  };
  move.template operator()<8>();
  move.template operator()<4>();
  move.template operator()<2>();
  move.template operator()<1>();
}

/// The first `count` lanes; the others are zero.
template <class T>
void load(F32x16& lanes, const T* from, std::int64_t count) {
  if (count == kLanes) return load(lanes, from);
  T part[kLanes] = {};
  copy_part(part, from, count);
  load(lanes, part);
}

template <class T>
void store(T* to, const F32x16& lanes, std::int64_t count) {
  if (count == kLanes) return store(to, lanes);
  T part[kLanes];
  store(part, lanes);
  copy_part(to, part, count);
}

#endif

}  // namespace paretiny::cpu

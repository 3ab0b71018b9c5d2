// Sixteen floats side by side: one register of AVX-512, several of a lesser processor. Loads and
// stores convert from and to the tensor's type; results come by reference because the way to pass
// such a vector by value depends on the instruction set.
#pragma once

#include <cstring>

#include "kernels/tensor.h"

namespace paretiny::cpu {

inline constexpr std::int64_t kLanes = 16;

using F32x16 [[gnu::vector_size(kLanes * sizeof(float))]] = float;
using U32x16 [[gnu::vector_size(kLanes * sizeof(float))]] = std::uint32_t;
using U16x16 [[gnu::vector_size(kLanes * sizeof(bf16))]] = std::uint16_t;

inline void load(F32x16& lanes, const float* from) {
  std::memcpy(&lanes, from, sizeof lanes);
}

inline void load(F32x16& lanes, const bf16* from) {
  U16x16 half;
  std::memcpy(&half, from, sizeof half);
  const U32x16 bits = __builtin_convertvector(half, U32x16) << 16;
  std::memcpy(&lanes, &bits, sizeof lanes);
}

inline void store(float* to, const F32x16& lanes) {
  std::memcpy(to, &lanes, sizeof lanes);
}

/// Rounds like `to_bf16`.
inline void store(bf16* to, const F32x16& lanes) {
  U32x16 bits;
  std::memcpy(&bits, &lanes, sizeof bits);
  const U32x16 rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
  const U32x16 kept = lanes == lanes ? rounded : bits | 0x400000u;
  const U16x16 half = __builtin_convertvector(kept >> 16, U16x16);
  std::memcpy(static_cast<void*>(to), &half, sizeof half);
}

/// The first `count` lanes; the others are zero.
template <class T>
void load(F32x16& lanes, const T* from, std::int64_t count) {
  if (count == kLanes) return load(lanes, from);
  T part[kLanes] = {};
  for (std::int64_t i = 0; i < count; ++i) part[i] = from[i];
  load(lanes, part);
}

template <class T>
void store(T* to, const F32x16& lanes, std::int64_t count) {
  if (count == kLanes) return store(to, lanes);
  T part[kLanes];
  store(part, lanes);
  for (std::int64_t i = 0; i < count; ++i) to[i] = part[i];
}

}  // namespace paretiny::cpu

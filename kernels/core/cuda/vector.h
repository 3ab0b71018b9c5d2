// Elements in packs of 16 bytes, the widest access there is, and arithmetic on them in float.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/core/tensor.h"

namespace paretiny::cuda {

__device__ inline float widen(float x) {
  return x;
}
__device__ inline float widen(bf16 x) {
  return __uint_as_float(std::uint32_t{x.bits} << 16);
}

/// Rounds to nearest even; NaN stays NaN.
template <class T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
  return x;
}
template <>
__device__ inline bf16 narrow<bf16>(float x) {
  return {__bfloat16_as_ushort(__float2bfloat16_rn(x))};
}

/// Two bf16 as tensor cores take them, the first in the lower half.
__device__ inline std::uint32_t narrow_pair(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);  // one instruction
  return reinterpret_cast<const std::uint32_t&>(pair);
}
__device__ inline float widen_low(std::uint32_t pair) {
  return __uint_as_float(pair << 16);
}
__device__ inline float widen_high(std::uint32_t pair) {
  return __uint_as_float(pair & 0xFFFF0000u);
}

/// Channels that one 16-byte access holds: 4 floats or 8 bf16.
template <class T>
inline constexpr int kPack = 16 / static_cast<int>(sizeof(T));

/// kPack<T> neighbouring elements, in float.
template <class T>
struct Pack {
  float value[kPack<T>];
};

/// 16-byte aligned `from`; `to` likewise.
template <class T>
__device__ Pack<T> load_pack(const T* from) {
  const uint4 raw = *reinterpret_cast<const uint4*>(from);
  const std::uint32_t word[4] = {raw.x, raw.y, raw.z, raw.w};
  Pack<T> pack;
  for (int i = 0; i < 4; ++i) {
    if constexpr (sizeof(T) == 4) {
      pack.value[i] = __uint_as_float(word[i]);
    } else {
      pack.value[2 * i] = widen_low(word[i]);
      pack.value[2 * i + 1] = widen_high(word[i]);
    }
  }
  return pack;
}

template <class T>
__device__ void store_pack(T* to, const Pack<T>& pack) {
  std::uint32_t word[4];
  for (int i = 0; i < 4; ++i) {
    if constexpr (sizeof(T) == 4) {
      word[i] = __float_as_uint(pack.value[i]);
    } else {
      word[i] = narrow_pair(pack.value[2 * i], pack.value[2 * i + 1]);
    }
  }
  *reinterpret_cast<uint4*>(to) = {word[0], word[1], word[2], word[3]};
}

/// The first `count` elements, zeros after them; no alignment asked.
template <class T>
__device__ Pack<T> load_some(const T* from, int count) {
  Pack<T> pack;
  for (int i = 0; i < kPack<T>; ++i) pack.value[i] = i < count ? widen(from[i]) : 0.0f;
  return pack;
}

template <class T>
__device__ void store_some(T* to, const Pack<T>& pack, int count) {
  for (int i = 0; i < kPack<T>; ++i) {
    if (i < count) to[i] = narrow<T>(pack.value[i]);
  }
}

/// Whether rows of `channels` elements that start at `data` can be read in packs.
template <class T>
bool packs(const T* data, std::int64_t channels) {
  return channels % kPack<T> == 0 && reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

/// Calls f with a value of the element type: float or bf16.
template <class F>
void with_element(DType dtype, F f) {
  if (dtype == DType::bf16) {
    f(bf16{});
  } else {
    f(float{});
  }
}

}  // namespace paretiny::cuda

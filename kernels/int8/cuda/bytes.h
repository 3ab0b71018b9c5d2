// Signed bytes in 32-bit words, the lowest byte first.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {

__device__ inline int byte_of(std::uint32_t word, int k) {
  return static_cast<std::int8_t>(word >> 8 * k & 0xFF);
}

__device__ inline std::uint32_t word_of(int a, int b, int c, int d) {
  return (static_cast<std::uint32_t>(a) & 0xFF) | (static_cast<std::uint32_t>(b) & 0xFF) << 8 |
         (static_cast<std::uint32_t>(c) & 0xFF) << 16 | static_cast<std::uint32_t>(d) << 24;
}

/// A byte four times.
__device__ inline std::uint32_t repeated(int byte) {
  return (static_cast<std::uint32_t>(byte) & 0xFF) * 0x01010101u;
}

/// sum + the products of four bytes; wraps around.
__device__ inline int dot(std::uint32_t a, std::uint32_t b, int sum) {
  return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
}

/// bias - zero point * sum of the weights: with it, a sum of w * x over a window whose padding is
/// the zero point becomes the accumulator. Sums may wrap around on the way.
__device__ inline int layer_offset(int bias, int zero_point, int weights) {
  return static_cast<int>(static_cast<std::uint32_t>(bias) -
                          static_cast<std::uint32_t>(zero_point) *
                              static_cast<std::uint32_t>(weights));
}
__device__ inline int wrapping_sum(int a, int b) {
  return static_cast<int>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

/// 16 bytes, moved as one access.
struct alignas(16) Words {
  std::uint32_t word[4];
};
__device__ inline Words load_words(const std::int8_t* from) {
  const uint4 raw = *reinterpret_cast<const uint4*>(from);
  return {{raw.x, raw.y, raw.z, raw.w}};
}
__device__ inline void store_words(std::int8_t* to, const Words& words) {
  *reinterpret_cast<uint4*>(to) = {words.word[0], words.word[1], words.word[2], words.word[3]};
}

/// Whether rows of `channels` bytes that start at `data` can be read `width` bytes at a time.
inline bool reads_in(std::int64_t width, const void* data, std::int64_t channels) {
  return channels % width == 0 && reinterpret_cast<std::uintptr_t>(data) % width == 0;
}

}  // namespace paretiny::cuda

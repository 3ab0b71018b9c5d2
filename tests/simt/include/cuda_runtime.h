// CUDA's language and intrinsics as the kernels use them, for the SIMT twin.
#pragma once

#include <math.h>
#include <vector_types.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "tests/simt/machine.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

extern constinit thread_local uint3 threadIdx;
extern constinit thread_local uint3 blockIdx;
extern constinit thread_local dim3 blockDim;
extern constinit thread_local dim3 gridDim;

using SimtPlace = paretiny::simt::Place;

inline void __syncthreads(SimtPlace place = SimtPlace::current()) {
  paretiny::simt::block_barrier(place);
}

inline void __syncwarp(unsigned mask = 0xFFFFFFFFu, SimtPlace place = SimtPlace::current()) {
  paretiny::simt::ballot("__syncwarp", mask, false, place);
}

inline unsigned __ballot_sync(unsigned mask, bool predicate,
                              SimtPlace place = SimtPlace::current()) {
  return paretiny::simt::ballot("__ballot_sync", mask, predicate, place);
}
inline int __any_sync(unsigned mask, bool predicate, SimtPlace place = SimtPlace::current()) {
  return paretiny::simt::ballot("__any_sync", mask, predicate, place) != 0;
}
inline int __all_sync(unsigned mask, bool predicate, SimtPlace place = SimtPlace::current()) {
  return paretiny::simt::ballot("__all_sync", mask, predicate, place) == mask;
}

/// A shuffle from lane `source` where that lies in the caller's `width` lanes, else from itself.
template <class T>
T simt_shuffle(const char* name, unsigned mask, T value, int source, int width, SimtPlace place) {
  static_assert(std::is_arithmetic_v<T>, "shuffles pass numbers");
  const int lane = paretiny::simt::lane();
  const int first = lane / width * width;
  if (source < first || source >= first + width) source = lane;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = paretiny::simt::shuffle(name, mask, bits, source, place);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              SimtPlace place = SimtPlace::current()) {
  const int first = paretiny::simt::lane() / width * width;
  return simt_shuffle("__shfl_sync", mask, value, first + (source & (width - 1)), width, place);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance, int width = 32,
                  SimtPlace place = SimtPlace::current()) {
  const int source = paretiny::simt::lane() ^ distance;
  return simt_shuffle("__shfl_xor_sync", mask, value, source, width, place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32,
                 SimtPlace place = SimtPlace::current()) {
  const int source = paretiny::simt::lane() - static_cast<int>(distance);
  return simt_shuffle("__shfl_up_sync", mask, value, source, width, place);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32,
                   SimtPlace place = SimtPlace::current()) {
  const int source = paretiny::simt::lane() + static_cast<int>(distance);
  return simt_shuffle("__shfl_down_sync", mask, value, source, width, place);
}

// Atomics: of integers only. Sums of floats would depend on the order.
template <class T>
concept SimtAtomic = std::is_integral_v<T> && sizeof(T) >= 4;

template <SimtAtomic T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = static_cast<T>(static_cast<std::make_unsigned_t<T>>(old) +
                       static_cast<std::make_unsigned_t<T>>(value));
  return old;
}
template <SimtAtomic T>
T atomicMax(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = std::max(old, value);
  return old;
}
template <SimtAtomic T>
T atomicMin(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = std::min(old, value);
  return old;
}
template <SimtAtomic T>
T atomicOr(T* at, std::type_identity_t<T> value) {
  const T old = *at;
  *at = old | value;
  return old;
}

template <class T>
T __ldg(const T* from) {
  return *from;
}

inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}
inline float __int_as_float(int bits) {
  return std::bit_cast<float>(bits);
}
inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}

inline int __popc(unsigned bits) {
  return std::popcount(bits);
}
inline int __ffs(int bits) {
  return __builtin_ffs(bits);
}
inline int __clz(int bits) {
  return std::countl_zero(static_cast<unsigned>(bits));
}
inline int __mulhi(int a, int b) {
  return static_cast<int>(std::int64_t{a} * b >> 32);
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(std::uint64_t{a} * b >> 32);
}

/// Four of the eight bytes of a (0 .. 3) and b (4 .. 7), each chosen by a hexadecimal digit.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const std::uint64_t bytes = std::uint64_t{b} << 32 | a;
  unsigned result = 0;
  for (int k = 0; k < 4; ++k) {
    const unsigned from = selector >> 4 * k & 7;
    result |= static_cast<unsigned>(bytes >> 8 * from & 0xFF) << 8 * k;
  }
  return result;
}

/// sum + the products of four signed bytes; wraps around.
inline int __dp4a(int a, int b, int sum) {
  unsigned result = static_cast<unsigned>(sum);
  for (int shift = 0; shift < 32; shift += 8) {
    const int product = static_cast<std::int8_t>(a >> shift) * static_cast<std::int8_t>(b >> shift);
    result += static_cast<unsigned>(product);
  }
  return static_cast<int>(result);
}

inline float rsqrtf(float x) {
  return 1.0f / sqrtf(x);
}
inline float __expf(float x) {
  return expf(x);
}
inline float __logf(float x) {
  return logf(x);
}
inline float __fdividef(float x, float y) {
  return x / y;
}

template <class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B>) std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmin(static_cast<T>(a), static_cast<T>(b));
  } else {
    return std::min(static_cast<T>(a), static_cast<T>(b));
  }
}
template <class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B>) std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmax(static_cast<T>(a), static_cast<T>(b));
  } else {
    return std::max(static_cast<T>(a), static_cast<T>(b));
  }
}

// Sums over a warp or a block in a fixed order, so that a result does not change from run to run.
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

namespace paretiny::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xFFFFFFFFu;

/// Threads of a block where a kernel asks for no number of its own. Multiprocessors hold 2048
/// threads (sm_80, sm_90) or 1536 (sm_86, sm_89): whole blocks of 256 fill either.
inline constexpr int kBlockThreads = 256;

/// Every lane gets the sum over the warp; all 32 lanes must call.
template <class Number>
__device__ Number warp_sum(Number x) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    x += __shfl_xor_sync(kAllLanes, x, distance);
  }
  return x;
}

/// Every lane gets `combine` of the warp's integers, in no order that matters; all 32 lanes must
/// call.
template <class T, class F>
__device__ T warp_combine(T x, F combine) {
  static_assert(std::is_integral_v<T>);
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    x = combine(x, __shfl_xor_sync(kAllLanes, x, distance));
  }
  return x;
}

/// Every thread gets the sum over a block of up to 1024 threads in one dimension, a multiple of 32;
/// all of them must call. `partial`: 32 numbers of shared memory that nobody else uses meanwhile.
template <class Number>
__device__ Number block_sum(Number x, Number* partial) {
  const unsigned lane = threadIdx.x % kWarp;
  const unsigned warps = blockDim.x / kWarp;
  x = warp_sum(x);
  if (lane == 0) partial[threadIdx.x / kWarp] = x;
  __syncthreads();
  x = warp_sum(lane < warps ? partial[lane] : Number{0});
  __syncthreads();
  return x;
}

/// Mean and sum of squared deviations of some values, which merge without cancellation (Chan,
/// Golub, LeVeque 1983).
struct Moments {
  float count = 0;
  float mean = 0;
  float square = 0;

  __device__ void merge(const Moments& other) {
    if (other.count == 0) return;
    const float total = count + other.count;
    const float share = other.count / total;
    const float delta = other.mean - mean;
    mean += delta * share;
    square += other.square + delta * delta * (count * share);
    count = total;
  }
};

/// Of `count` > 0 values of which sum and square are those of their differences from a pivot near
/// them.
__device__ inline Moments moments_about(float pivot, float count, float sum, float square) {
  const float rest = square - sum * (sum / count);
  return {count, pivot + sum / count, rest < 0 ? 0.0f : rest};
}

}  // namespace paretiny::cuda

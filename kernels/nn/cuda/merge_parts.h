// Second passes of reductions: what the blocks of a first one left, merged for every channel in a
// fixed order.
//
// A Sum is a small struct of floats; Sum{} is that of nothing, and a.merge(b) adds b to a. It may
// be more than a sum: Moments (reduce.h).
#pragma once

#include <cstdint>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {

struct PlainSum {
  float sum = 0;
  __device__ void merge(const PlainSum& other) { sum += other.sum; }
};

inline constexpr int kMergeColumns = kWarp;  ///< neighbouring lanes read neighbouring channels
inline constexpr int kMergeRows = 16;        ///< warps that share the parts of a channel

template <class Sum>
struct MergeShared {
  Sum sums[kMergeRows][kMergeColumns];
};

/// A block kMergeColumns channels: merges partial [parts, channels] in a fixed order.
template <class Sum, class Finish>
__global__ void merge_parts_kernel(GridDependency earlier, const Sum* partial, int parts,
                                   int channels, Finish finish) {
  earlier.wait();
  auto& shared = shared_memory<MergeShared<Sum>>();
  const int column = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  const int channel = static_cast<int>(blockIdx.x) * kMergeColumns + column;
  Sum total{};
  if (channel < channels) {
#pragma unroll 4
    for (int part = row; part < parts; part += kMergeRows) {
      total.merge(partial[std::int64_t{part} * channels + channel]);
    }
  }
  shared.sums[row][column] = total;
  for (int half = kMergeRows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (row < half) shared.sums[row][column].merge(shared.sums[row + half][column]);
  }
  if (row == 0 && channel < channels) finish(channel, shared.sums[0][column]);
}

/// Merges partial [parts, channels] and calls finish(channel, sum), a functor for the device.
template <class Sum, class Finish>
void merge_parts(Stream& stream, const char* name, const Sum* partial, int parts, int channels,
                 Finish finish) {
  const int blocks = ceil_div(channels, kMergeColumns);
  launch_dependent(stream, name, merge_parts_kernel<Sum, Finish>,
                   {dim3(static_cast<unsigned>(blocks)), dim3(kMergeColumns, kMergeRows),
                    sizeof(MergeShared<Sum>)},
                   partial, parts, channels, finish);
}

/// Finish: the sum itself.
struct StoreSum {
  float* to;
  __device__ void operator()(int channel, const PlainSum& sum) const { to[channel] = sum.sum; }
};

/// Finish: the first `count` sums to one array, those after them to another, if there is one.
struct StoreSums {
  float* to;
  int count;
  float* rest;
  __device__ void operator()(int i, const PlainSum& sum) const {
    if (i < count) {
      to[i] = sum.sum;
    } else if (rest != nullptr) {
      rest[i - count] = sum.sum;
    }
  }
};

/// Finish: the mean and the biased variance.
struct StoreStatistics {
  float* mean;
  float* variance;
  __device__ void operator()(int channel, const Moments& moments) const {
    mean[channel] = moments.mean;
    variance[channel] = moments.square / moments.count;
  }
};

}  // namespace paretiny::cuda

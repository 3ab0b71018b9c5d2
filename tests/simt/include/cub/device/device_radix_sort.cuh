// The SIMT twin of CUB's radix sorts: ascending, zeros equal, NaN beyond the infinity of its sign.
#pragma once

#include "kernels/core/cuda/cub_call.h"

namespace cub {

struct DeviceRadixSort {
  static cudaError_t SortKeys(void* storage, std::size_t& bytes, const float* in, float* out,
                              std::int64_t count, int, int, cudaStream_t) {
    const auto order = [](float x) {
      const auto bits = std::bit_cast<std::int32_t>(x == 0 ? 0.0f : x);
      return bits < 0 ? bits ^ 0x7FFFFFFF : bits;
    };
    return simt_call(storage, bytes, in, count, out, count, [&] {
      std::copy_n(in, count, out);
      std::stable_sort(out, out + count, [&](float a, float b) { return order(a) < order(b); });
    });
  }
};

}  // namespace cub

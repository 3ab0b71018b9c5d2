// The SIMT twin of CUB's merge sorts.
#pragma once

#include "kernels/core/cuda/cub_call.h"

namespace cub {

struct DeviceMergeSort {
  template <class In, class Key, class Less>
  static cudaError_t StableSortKeysCopy(void* storage, std::size_t& bytes, In in, Key* out,
                                        std::int64_t count, Less less, cudaStream_t) {
    return simt_call(storage, bytes, in, count, out, count, [&] {
      for (std::int64_t i = 0; i < count; ++i) out[i] = in[i];
      std::stable_sort(out, out + count, less);
    });
  }
};

}  // namespace cub

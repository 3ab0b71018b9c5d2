// The SIMT twin of CUB's reductions: from the end, since they promise no order.
#pragma once

#include "kernels/core/cuda/cub_call.h"

namespace cub {

struct DeviceReduce {
  template <class In, class Out, class Merge, class Transform>
  static cudaError_t TransformReduce(void* storage, std::size_t& bytes, const In* in, Out* out,
                                     std::int64_t count, Merge merge, Transform transform, Out init,
                                     cudaStream_t) {
    return simt_call(storage, bytes, in, count, out, 1, [&] {
      for (std::int64_t i = count - 1; i >= 0; --i) init = merge(transform(in[i]), init);
      *out = init;
    });
  }
};

}  // namespace cub

// The SIMT twin of kernels/core/cuda/shared.h.
#pragma once

#include <cuda_runtime.h>

namespace paretiny::cuda {

template <class T>
T& shared_memory() {
  static_assert(alignof(T) <= 128);
  return *static_cast<T*>(simt::shared_memory(sizeof(T)));
}

}  // namespace paretiny::cuda

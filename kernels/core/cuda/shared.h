// Shared memory, all of it dynamic: a kernel describes what it needs as a struct, its launch passes
// the size, and there is one way to reach it.
#pragma once

#include <cuda_runtime.h>

namespace paretiny::cuda {

/// The block's shared memory as a T, uninitialised.
template <class T>
__device__ T& shared_memory() {
  extern __shared__ __align__(128) unsigned char block_memory[];
  return *reinterpret_cast<T*>(block_memory);
}

}  // namespace paretiny::cuda

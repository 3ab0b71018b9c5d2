// The SIMT twin of kernels/core/cuda/async_copy.h.
#pragma once

#include <cuda_runtime.h>

namespace paretiny::cuda {

inline void copy_async_16(void* to, const void* from, bool valid = true) {
  simt::start_copy(to, from, valid);
}

inline void commit_copies() {
  simt::commit_copies();
}

template <int kPending>
void wait_for_copies() {
  static_assert(kPending >= 0);
  simt::wait_for_copies(kPending);
}

}  // namespace paretiny::cuda

// Copies from global to shared memory that run beside arithmetic (cp.async, Ampere and later).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace paretiny::cuda {

/// Starts a copy of 16 bytes, both ends 16-byte aligned; with `valid` false, `to` becomes zeros and
/// `from` is not read (but must be some valid address).
__device__ inline void copy_async_16(void* to, const void* from, bool valid = true) {
  const auto shared = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(from), "r"(bytes)
               : "memory");
}

/// Closes the group of the copies that this thread started since the last one.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits until at most `kPending` of this thread's latest groups are under way. Other threads see
/// the data after the next barrier.
template <int kPending>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

}  // namespace paretiny::cuda

// Launching kernels. A .cu file meets CUDA through this header, shared.h, vector.h, reduce.h, mma.h
// and async_copy.h; the test machine of tests/simt has headers of its own by these and CUDA's
// names.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "kernels/core/stream.h"

namespace paretiny::cuda {

/// Throws DeviceError, DeviceLost or OutOfMemory, naming `what` and CUDA's reason.
void check_cuda(cudaError_t status, const char* what);

/// The CUDA stream behind a stream of a CUDA device, which becomes the calling thread's device.
cudaStream_t handle(Stream& stream);

/// Multiprocessors of the stream's device: what a grid of resident blocks is sized by.
int multiprocessors(Stream& stream);

/// The most shared memory, in bytes, that a block on the stream's device can have.
std::size_t shared_memory_limit(Stream& stream);

/// Lets `kernel` have all the shared memory of the stream's device, once: set to what a launch
/// needs, a smaller launch would take it from a larger one that is recorded but not yet prepared.
void allow_shared_memory(Stream& stream, const void* kernel, const char* name);

struct LaunchShape {
  dim3 blocks;
  dim3 threads;
  std::size_t shared_bytes = 0;  ///< what shared_memory() gives, at most 227 KiB on Hopper, 163 on
                                 ///< Ampere
};

/// Starts `kernel` on the stream; arguments are converted as in a call. `name` is for errors.
template <class... Parameters, class... Arguments>
void launch(Stream& stream, const char* name, void (*kernel)(Parameters...),
            const LaunchShape& shape, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = shape.blocks;
  config.blockDim = shape.threads;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = handle(stream);
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  if (shape.shared_bytes > kWithoutAsking) {
    allow_shared_memory(stream, reinterpret_cast<const void*>(kernel), name);
  }
  check_cuda(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name);
}

}  // namespace paretiny::cuda

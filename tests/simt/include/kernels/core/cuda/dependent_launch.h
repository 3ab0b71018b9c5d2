// The SIMT twin of kernels/core/cuda/dependent_launch.h: there is nothing to wait for, but every
// thread must.
#pragma once

#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {

/// Threads of the running launch that have waited.
inline thread_local std::size_t waits_of_launch = 0;

struct GridDependency {
  void wait() const { ++waits_of_launch; }
};

template <class... Parameters, class... Arguments>
void launch_dependent(Stream& stream, const char* name,
                      void (*kernel)(GridDependency, Parameters...), const LaunchShape& shape,
                      Arguments&&... arguments) {
  waits_of_launch = 0;
  launch(stream, name, kernel, shape, GridDependency{}, std::forward<Arguments>(arguments)...);
  const auto count = [](const dim3& size) { return std::size_t{size.x} * size.y * size.z; };
  const std::size_t threads = count(shape.blocks) * count(shape.threads);
  if (waits_of_launch != threads) {
    throw DeviceError(std::string(name) + ": " + std::to_string(waits_of_launch) + " of " +
                      std::to_string(threads) + " threads waited for earlier kernels");
  }
}

}  // namespace paretiny::cuda

// Kernels that may start before the one ahead of them in the stream has ended (programmatic
// dependent launch, Hopper and later): their blocks take the places that become free, and wait
// there. That hides the microseconds in which one kernel drains and the next is brought up.
//
// Such a kernel has a GridDependency as its first parameter, and every thread waits on it before
// anything else. So nothing is read or written before all earlier kernels have ended and their
// writes are seen: as the kernel ahead has itself waited for those before it, its end is theirs.
// The twin refuses a kernel of which a thread does not wait.
#pragma once

#include <cuda_runtime.h>

#include <span>
#include <tuple>

#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {

struct GridDependency {
  /// Lets the next kernel start as soon as all blocks of this one have, and waits until all earlier
  /// ones have ended.
  __device__ void wait() const {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
  }
};

/// Starts a kernel that waits, with a pointer to each of its arguments. Early where the table of
/// variants says so, in a recording, behind another kernel, and with code that has the instruction;
/// else as any.
void launch_waiting(Stream& stream, const char* name, const void* kernel, const LaunchShape& shape,
                    std::span<void*> arguments);

/// As launch of launch.h, for kernels that wait; the GridDependency is not passed.
template <class... Parameters, class... Arguments>
void launch_dependent(Stream& stream, const char* name,
                      void (*kernel)(GridDependency, Parameters...), const LaunchShape& shape,
                      Arguments&&... arguments) {
  std::tuple<GridDependency, Parameters...> values(GridDependency{},
                                                   static_cast<Parameters>(arguments)...);
  std::apply(
      [&](auto&... each) {
        void* places[] = {const_cast<void*>(static_cast<const void*>(&each))...};
        launch_waiting(stream, name, reinterpret_cast<const void*>(kernel), shape, places);
      },
      values);
}

}  // namespace paretiny::cuda

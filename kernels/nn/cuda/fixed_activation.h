// The choice of an activation outside a kernel's inner loop.
#pragma once

#include <cuda_runtime.h>

#include "kernels/nn/activation.h"

namespace paretiny::cuda {

/// Calls f.operator()<activation>(), a compile-time constant: one branch, the same for all threads.
template <class F>
__device__ void with_activation(nn::Activation activation, F f) {
  using enum nn::Activation;
  switch (activation) {
    case none:
      return f.template operator()<none>();
    case relu:
      return f.template operator()<relu>();
    case relu6:
      return f.template operator()<relu6>();
    case hard_swish:
      return f.template operator()<hard_swish>();
    case hard_sigmoid:
      return f.template operator()<hard_sigmoid>();
  }
}

}  // namespace paretiny::cuda

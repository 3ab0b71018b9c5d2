// The choice of activation, made outside the loops.
#pragma once

#include <type_traits>

#include "kernels/nn/activation.h"

namespace paretiny::cpu {

/// Calls f with the activation as a compile-time constant.
template <class F>
void with_activation(nn::Activation activation, F f) {
  using enum nn::Activation;
  switch (activation) {
    case none:
      return f(std::integral_constant<nn::Activation, none>{});
    case relu:
      return f(std::integral_constant<nn::Activation, relu>{});
    case relu6:
      return f(std::integral_constant<nn::Activation, relu6>{});
    case hard_swish:
      return f(std::integral_constant<nn::Activation, hard_swish>{});
    case hard_sigmoid:
      return f(std::integral_constant<nn::Activation, hard_sigmoid>{});
  }
}

}  // namespace paretiny::cpu

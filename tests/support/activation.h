// Activations in double precision, for the tests of activation, batch norm and addition.
#pragma once

#include <algorithm>

#include "kernels/nn/activation.h"

namespace paretiny::test {

inline constexpr nn::Activation kActivations[] = {nn::Activation::none, nn::Activation::relu,
                                                  nn::Activation::relu6, nn::Activation::hard_swish,
                                                  nn::Activation::hard_sigmoid};

inline double activate_judge(nn::Activation activation, double x) {
  const double clipped = std::clamp(x + 3, 0.0, 6.0) / 6;
  switch (activation) {
    case nn::Activation::none:
      return x;
    case nn::Activation::relu:
      return std::max(x, 0.0);
    case nn::Activation::relu6:
      return std::clamp(x, 0.0, 6.0);
    case nn::Activation::hard_swish:
      return x * clipped;
    case nn::Activation::hard_sigmoid:
      return clipped;
  }
  return x;
}

/// By central differences: good to about 1e-9 away from a kink.
inline double slope_judge(nn::Activation activation, double x) {
  const double step = 1e-6;
  return (activate_judge(activation, x + step) - activate_judge(activation, x - step)) / (2 * step);
}

}  // namespace paretiny::test

// Activations in double precision, for the tests of activation, batch norm and addition.
#pragma once

#include <algorithm>

#include "kernels/nn/activation.h"

namespace paretiny::test {

inline constexpr Activation kActivations[] = {Activation::none, Activation::relu, Activation::relu6,
                                              Activation::hard_swish, Activation::hard_sigmoid};

inline double activate_judge(Activation activation, double x) {
  const double clipped = std::clamp(x + 3, 0.0, 6.0) / 6;
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::relu6:
      return std::clamp(x, 0.0, 6.0);
    case Activation::hard_swish:
      return x * clipped;
    case Activation::hard_sigmoid:
      return clipped;
  }
  return x;
}

/// By central differences: good to about 1e-9 away from a kink.
inline double slope_judge(Activation activation, double x) {
  const double step = 1e-6;
  return (activate_judge(activation, x + step) - activate_judge(activation, x - step)) / (2 * step);
}

}  // namespace paretiny::test

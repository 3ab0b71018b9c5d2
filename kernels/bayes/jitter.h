// When a matrix counts as positive definite, and what helps one that does not: the same for every
// twin.
#pragma once

#include "kernels/core/host_device.h"

namespace paretiny::bayes {

/// A pivot of a Cholesky factorisation is rounding error unless it exceeds this part of its
/// diagonal element.
inline constexpr double kLeastPivot = 1e-13;

/// What is tried: of the mean diagonal 0, then 1e-8, 1e-7, ... 1e-2.
inline constexpr int kJitterSteps = 8;
PARETINY_HOST_DEVICE inline double jitter_factor(int step) {
  const double factors[kJitterSteps] = {0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2};
  return factors[step];
}

}  // namespace paretiny::bayes

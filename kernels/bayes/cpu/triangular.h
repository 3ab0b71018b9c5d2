// Cholesky factors and their inverses in panels, for one thread.
#pragma once

#include <limits>

#include "kernels/bayes/jitter.h"
#include "kernels/core/cpu/panels.h"

namespace paretiny::cpu {

/// The upper triangle of a becomes u with a = u^T u; the elements below the diagonal of the blocks
/// on it become 0. False where a pivot is no more than rounding error; a is then undefined. What
/// pads a must be the identity.
[[nodiscard]] bool factorise(const Panels& a);

/// inverse = (u^T)^-1, lower triangular, 0 in the 16 rows above the diagonal block of every panel.
void invert_transposed(const Panels& u, const Panels& inverse);

/// fill(factor) lays out the matrix with so much jitter; the factor that helped is returned, NaN if
/// none did.
template <class Fill>
double factorise_with_jitter(const Panels& a, Fill fill) {
  for (int step = 0; step < bayes::kJitterSteps; ++step) {
    fill(bayes::jitter_factor(step));
    if (factorise(a)) return bayes::jitter_factor(step);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace paretiny::cpu

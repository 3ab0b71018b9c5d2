// Cholesky factors and their inverses in panels, for one thread.
#pragma once

#include <limits>

#include "kernels/cpu/panels.h"

namespace paretiny::cpu {

/// The upper triangle of a becomes u with a = u^T u; the elements below the diagonal of the blocks
/// on it become 0. False where a pivot is not above the rounding errors of its row; a is then
/// undefined. What pads a must be the identity.
bool factorise(const Panels& a);

/// inverse = (u^T)^-1, lower triangular, 0 in the 16 rows above the diagonal block of every panel.
void invert_transposed(const Panels& u, const Panels& inverse);

/// The factors of the mean diagonal that are tried: 0, then 1e-8, 1e-7, ... 1e-2.
/// fill(jitter) lays out the matrix; the jitter that helped is returned, NaN if none did.
template <class Fill>
double factorise_with_jitter(const Panels& a, Fill fill) {
  for (const double jitter : {0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2}) {
    fill(jitter);
    if (factorise(a)) return jitter;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace paretiny::cpu

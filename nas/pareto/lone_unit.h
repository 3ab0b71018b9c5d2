#pragma once

#include <algorithm>
#include <cmath>

namespace paretiny::pareto {

/// A length for an objective of which only `value` is known, so that nothing has been spanned yet:
/// the larger of its size and its distance from `other`, which follow the objective's unit; 1 where
/// both are 0. > 0.
inline double lone_unit(double value, double other) {
  const double length = std::max(std::abs(value), std::abs(value - other));
  return length > 0 ? length : 1;
}

}  // namespace paretiny::pareto

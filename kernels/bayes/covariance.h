// The covariance functions, for kernels and host code alike.
#pragma once

#include "kernels/bayes/gp_posterior.h"
#include "kernels/core/host_device.h"

namespace paretiny::bayes {

/// Coordinates of a point that is not there: its covariance with anything is exactly 0.
inline constexpr double kNowhere = 1e100;

/// The least variance that a prediction has.
inline constexpr double kVarianceFloor = 1e-10;

/// Of the squared scaled distance: the covariance for output scale 1, and its slope. By a log
/// lengthscale the covariance has the derivative slope times the squared scaled difference along
/// that coordinate, by a scaled coordinate of its first point -slope times the scaled difference.
/// Math: of a Number, square_root(x, result) and exponential(x, result).
template <class Math>
PARETINY_HOST_DEVICE inline void correlate(Covariance covariance,
                                           const typename Math::Number& squared,
                                           typename Math::Number& value,
                                           typename Math::Number& slope) {
  using Number = typename Math::Number;
  if (covariance == Covariance::rbf) {
    const Number exponent = -0.5 * squared;
    Math::exponential(exponent, value);
    slope = value;
    return;
  }
  Number root, decay;
  const Number fivefold = 5.0 * squared;
  Math::square_root(fivefold, root);
  const Number exponent = -root;
  Math::exponential(exponent, decay);
  slope = 5.0 / 3.0 * (1.0 + root) * decay;
  value = (1.0 + root + 5.0 / 3.0 * squared) * decay;
}

}  // namespace paretiny::bayes

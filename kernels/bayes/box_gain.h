// Expected hypervolume improvement, the pieces that every device shares. With Y ~ N(mean, sigma^2)
// in an objective, the gain of a box is the product over objectives of gap(upper) - gap(lower),
// where gap(level) = E[(level - Y)+]. So a point needs a table of the gaps of all levels, and a box
// 2 m numbers of it. What is gained falls with every objective, so the sum over all boxes has no
// negative coefficient in any gap: however few digits a difference has, the sum has those of the
// table.
//
// Where the reference itself lies in an objective's lower tail, its gaps are told without the
// factor that they all share. Where even so too little is left of the sum, the table is made of
// logarithms and the boxes are weighed against the best of them.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/bayes/normal.h"
#include "kernels/core/host_device.h"

namespace paretiny::bayes {

/// Below this a sum of products of such gaps may have lost some of them to underflow.
inline constexpr double kLeastSum = 1e-250;
/// The logarithm of an improvement is no less.
inline constexpr double kLeastLog = -1e6;

/// What a normal belief is scaled by: 1, where sigma is 0, for then all that it scales is 0.
PARETINY_HOST_DEVICE inline double inverse_sigma(double sigma) {
  return sigma > 0 ? 1 / sigma : 1;
}

/// Distance of a level from the mean in sigmas, kept where its square is finite.
PARETINY_HOST_DEVICE inline double distance(double below, double inverse) {
  const double t = std::fabs(below) * inverse;
  return t < 1e150 ? t : 1e150;
}

/// Distance to the reference if that lies in the lower tail, else 0.
PARETINY_HOST_DEVICE inline double tail_distance(double reference, double mean, double sigma) {
  return sigma > 0 && reference < mean ? distance(mean - reference, 1 / sigma) : 0;
}

/// Exponent of the density at distance t, over that at distance `tail`.
PARETINY_HOST_DEVICE inline double exponent(double t, double tail) {
  return 0.5 * (tail - t) * (tail + t);
}

/// gap(level) over exp(-tail^2 / 2), from below = level - mean, its distance t and
/// bell = exp(exponent(t, tail)).
PARETINY_HOST_DEVICE inline double gap(double below, double sigma, double t, double bell) {
  constexpr double inverse_root_two_pi = 0.39894228040143267794;
  return (below > 0 ? below : 0) + sigma * (inverse_root_two_pi * bell * excess_ratio(t));
}

PARETINY_HOST_DEVICE inline double log_gap(double level, double mean, double variance) {
  const double below = level - mean;
  const double sigma = std::sqrt(variance);
  if (sigma == 0) return std::log(below > 0 ? below : 0);
  return std::log(sigma) + log_improvement(below / sigma).value;
}

/// Logarithm of the product of a box's upper gaps, no less than that of its gain. table: [m,
/// levels] logarithms of gaps; box: [2, m].
PARETINY_HOST_DEVICE inline double log_upper(const double* table, std::int64_t levels,
                                             const std::int32_t* box, std::int64_t m) {
  double sum = 0;
  for (std::int64_t k = 0; k < m; ++k) sum += table[k * levels + box[m + k]];
  return sum;
}

/// A box's gain times exp(-shift), from the same.
PARETINY_HOST_DEVICE inline double shifted_gain(const double* table, std::int64_t levels,
                                                const std::int32_t* box, std::int64_t m,
                                                double shift) {
  double gain = std::exp(log_upper(table, levels, box, m) - shift);
  for (std::int64_t k = 0; k < m && gain > 0; ++k) {
    const double* row = table + k * levels;
    gain *= -std::expm1(row[box[k]] - row[box[m + k]]);
  }
  return gain;
}

}  // namespace paretiny::bayes

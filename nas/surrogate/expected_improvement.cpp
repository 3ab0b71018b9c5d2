#include "nas/surrogate/expected_improvement.h"

#include <cmath>
#include <numbers>

namespace paretiny {
namespace {

/// Below this z the distribution function is taken from a continued fraction.
constexpr double kTail = -4;

double log_density(double z) {
  return -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi);
}
double density(double z) {
  return std::exp(log_density(z));
}
double distribution(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

/// K(t) with Phi(-t) / phi(t) = 1 / (t + K), for t >= 4: Laplace's continued fraction
/// 1 / (t + 2 / (t + 3 / (t + ...))), whose 60 terms are exact to rounding there.
double laplace_fraction(double t) {
  double tail = t;
  for (int k = 60; k >= 2; --k) tail = t + k / tail;
  return 1 / tail;
}

}  // namespace

double log_normal_cdf(double z) {
  if (z > 0) return std::log1p(-distribution(-z));
  if (z > kTail) return std::log(distribution(z));
  return log_density(z) - std::log(-z + laplace_fraction(-z));
}

double expected_improvement(double mean, double sigma, double best) {
  return std::exp(log_expected_improvement(mean, sigma, best).value);
}

LogExpectedImprovement log_expected_improvement(double mean, double sigma, double best) {
  const double z = (best - mean) / sigma;
  if (z > kTail) {
    // EI = sigma h with h = phi(z) + z Phi(z), h' = Phi(z).
    const double h = density(z) + z * distribution(z);
    return {std::log(sigma) + std::log(h), -distribution(z) / (sigma * h),
            density(z) / (sigma * h)};
  }
  // With t = -z: h = phi(t) - t Phi(-t) = phi(t) K / (t + K): no difference is left.
  const double t = -z;
  const double k = laplace_fraction(t);
  return {std::log(sigma) + log_density(z) + std::log(k / (t + k)), -1 / (sigma * k),
          (t + k) / (sigma * k)};
}

}  // namespace paretiny

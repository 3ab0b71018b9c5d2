// The standard normal distribution and the improvement on a normal belief, as logarithms that hold
// to the far tails (Ament et al., "Unexpected improvements to expected improvement for Bayesian
// optimization", 2023). The same code on every device: no erfc, whose forms differ.
//
// With t >= 0: Phi(-t) = phi(t) M(t), M Mills' ratio, and E[max(Y - t, 0)] = phi(t) (1 - t M(t)).
// Both factors fall as powers of t alone, M as 1 / t and 1 - t M as 1 / t^2, so that
// (1 + t) M and (1 + t)^2 (1 - t M) are smooth and bounded. They are polynomials in
// q = (t - 5) / (t + 5), which takes 0 .. infinity to -1 .. 1: the Chebyshev series of the exact
// functions there, cut where its terms are below 1e-16 and written by powers of q. No difference of
// nearly equal numbers is left anywhere.
#pragma once

#include <cmath>

#include "kernels/core/host_device.h"

namespace paretiny::bayes {

/// first + x (second + x (third + ...)).
PARETINY_HOST_DEVICE inline double polynomial(double, double last) {
  return last;
}
template <class... Doubles>
PARETINY_HOST_DEVICE double polynomial(double x, double first, Doubles... rest) {
  return std::fma(x, polynomial(x, rest...), first);
}

/// Mills' ratio Phi(-t) / phi(t), t >= 0.
PARETINY_HOST_DEVICE inline double mills_ratio(double t) {
  return polynomial(1 - 10 / (t + 5), 1.1568486282918946, -0.22948753825211315, 0.07778159886873769,
                    0.0250721793016388, -0.0661776007790963, 0.0615050458401865,
                    -0.03802659218584139, 0.01634823128102938, -0.004201290329187307,
                    1.9530638370790786e-05, 0.00045704392357953655, -0.0001343742785571135,
                    -2.480583845192319e-05, 2.270961270923768e-05, -1.7633239265736746e-07,
                    -3.277287633208865e-06, 3.2054316652589574e-07, 4.91996233147834e-07,
                    -6.588974491108954e-08, -7.758520236786343e-08, 9.092476134019147e-09,
                    1.1032071151574336e-08, -7.073898575561589e-10, -9.564832934712551e-10) /
         (1 + t);
}

/// 1 - t mills_ratio(t), t >= 0: E[max(Y - t, 0)] / phi(t) of a standard normal Y.
PARETINY_HOST_DEVICE inline double excess_ratio(double t) {
  return polynomial(1 - 10 / (t + 5), 1.2945411512431624, -0.36872296454501824,
                    -0.028030699627535318, 0.26116700784716246, -0.2735482037622689,
                    0.15402166231123107, -0.029310982484216187, -0.03186187270803922,
                    0.03474622704411568, -0.016131705895756486, 0.0023283136856683535,
                    0.0015767756175029339, -0.000852726679260871, -3.5818170996182e-05,
                    0.00014692756303243338, -1.7203931061125266e-05, -2.3355088213939513e-05,
                    4.971636920474042e-06, 3.9473272317334125e-06, -9.985214771598005e-07,
                    -6.968399656044212e-07, 1.6601511154204576e-07, 1.073022959586397e-07,
                    -2.1184998715660543e-08, -9.684045797029939e-09, 1.5294186063516205e-09) /
         ((1 + t) * (1 + t));
}

/// log of the density phi.
PARETINY_HOST_DEVICE inline double log_normal_density(double z) {
  constexpr double log_root_two_pi = 0.91893853320467274178;
  return -0.5 * z * z - log_root_two_pi;
}

/// log of the distribution function Phi.
PARETINY_HOST_DEVICE inline double log_normal_cdf(double z) {
  const double t = std::fabs(z);
  const double log_density = log_normal_density(z);
  const double ratio = mills_ratio(t);
  return z > 0 ? std::log1p(-std::exp(log_density) * ratio) : log_density + std::log(ratio);
}

/// log h(z) and its derivative, h(z) = phi(z) + z Phi(z), h' = Phi. For Y ~ N(mean, sigma^2) and
/// z = (best - mean) / sigma the expected improvement E[max(best - Y, 0)] is sigma h(z).
struct LogImprovement {
  double value = 0;
  double slope = 0;
};
PARETINY_HOST_DEVICE inline LogImprovement log_improvement(double z) {
  const double t = std::fabs(z);
  const double log_density = log_normal_density(z);
  const double excess = excess_ratio(t);
  if (z <= 0) return {log_density + std::log(excess), mills_ratio(t) / excess};
  // h(z) = z + h(-z).
  const double density = std::exp(log_density);
  const double h = z + density * excess;
  return {std::log(h), (1 - density * mills_ratio(t)) / h};
}

}  // namespace paretiny::bayes

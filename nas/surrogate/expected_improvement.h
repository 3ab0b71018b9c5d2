// Expected improvement under a normal belief, in forms that hold to the far tails (Ament et al.,
// "Unexpected improvements to expected improvement for Bayesian optimization", 2023).
#pragma once

namespace paretiny {

/// log of the standard normal distribution function.
double log_normal_cdf(double z);

/// E[max(best - Y, 0)] for Y ~ N(mean, sigma^2), sigma > 0; 0 where it underflows.
double expected_improvement(double mean, double sigma, double best);

struct LogExpectedImprovement {
  double value = 0;    ///< log of the expected improvement
  double d_mean = 0;   ///< its derivative by the mean
  double d_sigma = 0;  ///< its derivative by sigma
};

/// log E[max(best - Y, 0)] for Y ~ N(mean, sigma^2), sigma > 0, with derivatives.
LogExpectedImprovement log_expected_improvement(double mean, double sigma, double best);

}  // namespace paretiny

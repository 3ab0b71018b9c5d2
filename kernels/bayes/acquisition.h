// How promising points are under independent normal beliefs: logarithms of expectations and
// chances, which add up to the logarithm of their product. Each op adds to `reward` [1, 1, 1, q].
// Set k < objectives of the beliefs is objective k, minimised, in the units of the beliefs. All
// f64.
#pragma once

#include "kernels/bayes/beliefs.h"
#include "kernels/core/dispatch.h"

namespace paretiny::bayes {

/// Weight of the sum in the augmented Chebyshev scalarisation.
inline constexpr double kAugmentation = 0.05;
/// Below this softplus(z) = log(1 + exp(z)) is exp(z) to rounding.
inline constexpr double kFarBelow = -37;

/// Improvement of the augmented Chebyshev scalarisation s(u) = max_k u_k + 0.05 sum_k u_k of
/// u_k = (objective_k - low_k) * factor_k (Knowles, "ParEGO", 2006) below `best`.
struct Scalarisation {
  ConstView low;      ///< [1, 1, 1, objectives]
  ConstView factor;   ///< [1, 1, 1, objectives]
  ConstView normals;  ///< [1, 1, samples, objectives]: standard normal base samples, all points'
  double best = 0;
  double softness = 1e-3;  ///< width of the softplus that stands for max(0, improvement)
};

/// reward += log of the mean over the base samples of softplus(best - s(Y)), where
/// Y_k = mean_k + sqrt(variance_k) normal. Finite wherever its arguments are.
void add_log_scalarised_improvement(Stream&, const Scalarisation&, const Beliefs&, View reward);

/// reward += sum over the sets of log P(Y <= limit); a limit of infinity adds nothing.
/// limits: [1, 1, 1, sets]; variances above 0.
void add_log_within(Stream&, ConstView limits, const Beliefs&, View reward);

namespace twins {
extern Op<decltype(add_log_scalarised_improvement)> add_log_scalarised_improvement;
extern Op<decltype(add_log_within)> add_log_within;
}  // namespace twins

}  // namespace paretiny::bayes

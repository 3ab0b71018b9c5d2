// Hyperparameters of a Gaussian process by maximum a posteriori estimation.
#pragma once

#include <vector>

#include "nas/surrogate/gaussian_process.h"

namespace paretiny {

/// The priors of BoTorch since 0.12, for x in [0, 1]^d and standardised y (Hvarfner, Hellsten and
/// Nardi, "Vanilla Bayesian optimization performs great in high dimensions", 2024): lengthscale
/// LogNormal(sqrt2 + ln(d) / 2, sqrt3), at least 0.025; noise LogNormal(-4, 1), at least 1e-4;
/// output scale 1. Their logarithm, up to a constant; adds its derivatives by the log lengthscales
/// and log noise to `gradient` in the places of GaussianProcess::gradient() if not null.
double log_prior(const GpHyperparameters& hyperparameters, Eigen::VectorXd* gradient = nullptr);

/// The hyperparameters of greatest prior density in d dimensions.
GpHyperparameters prior_mode(Eigen::Index dimensions);

/// Maximises likelihood x prior over log lengthscales and log noise by L-BFGS within the priors'
/// bounds, once from each of `starts` (the last fit is a good one; prior_mode() is the usual one),
/// and returns the best. The constant mean is the likeliest one, the output scale stays as it is in
/// the start. x: [n, d] in the unit cube, y: [n] standardised.
GaussianProcess fit_gaussian_process(KernelKind kernel, const Eigen::MatrixXd& x,
                                     const Eigen::VectorXd& y,
                                     const std::vector<GpHyperparameters>& starts);

}  // namespace paretiny

// Hyperparameters of Gaussian processes by maximum a posteriori estimation, all objectives and
// starts together.
#pragma once

#include <stop_token>
#include <utility>

#include "kernels/bayes/gp_posterior.h"
#include "nas/surrogate/device_array.h"

namespace paretiny::surrogate {

/// The priors of BoTorch since 0.12, for x in [0, 1]^d and standardised y (Hvarfner, Hellsten and
/// Nardi, "Vanilla Bayesian optimization performs great in high dimensions", 2024): lengthscale
/// LogNormal(sqrt2 + ln(d) / 2, sqrt3), at least 0.025; noise variance LogNormal(-4, 1), at least
/// 1e-4; output scale 1. Their logarithm, up to a constant, at hyperparameters as in gp_posterior.h
/// [d + 2]; adds its derivatives to `gradient` [d + 2] if not null.
double log_prior(const Eigen::Ref<const Eigen::VectorXd>& hyperparameters,
                 Eigen::VectorXd* gradient = nullptr);

/// The hyperparameters of greatest prior density in d dimensions: [d + 2].
Eigen::VectorXd prior_mode(Eigen::Index dimensions);

/// Within which hyperparameters are fitted from `start`, low and high: [d + 2].
std::pair<Eigen::VectorXd, Eigen::VectorXd> hyperparameter_bounds(const Eigen::VectorXd& start);

/// Maximises likelihood x prior over log lengthscales and log noise by L-BFGS within the priors'
/// bounds, of every set from each of `starts` [starts, d + 2], and returns each set's best
/// [sets, d + 2]. The output scale stays as it is in the start. Throws Error, naming the set, where
/// no start has a covariance that is positive definite, and Interrupted.
RowMatrix fit_hyperparameters(Stream&, const bayes::GpShape&, const bayes::GpData&,
                              const RowMatrix& starts, const std::stop_token& stop = {});

}  // namespace paretiny::surrogate

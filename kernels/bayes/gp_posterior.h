// Gaussian-process regression in double precision, batched over objectives and over starts of a fit
// (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 2.1 and
// section 5.4.1).
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::bayes {

/// Of r, the distance with every coordinate divided by its lengthscale:
/// rbf exp(-r^2 / 2); matern52 (1 + sqrt5 r + 5 r^2 / 3) exp(-sqrt5 r).
enum class Covariance { matern52, rbf };

enum class PriorMean {
  zero,
  likeliest,  ///< the constant of greatest likelihood under the other hyperparameters
};

struct GpShape {
  Covariance covariance = Covariance::matern52;
  PriorMean mean = PriorMean::likeliest;
  std::int64_t sets = 0;        ///< training sets, one an objective
  std::int64_t points = 0;      ///< room of a training set
  std::int64_t dimensions = 0;  ///< d
};

/// Training sets. Set s uses its first counts[s] points (at least 1); the others are not read.
struct GpData {
  ConstView x;       ///< [sets, 1, points, d] f64
  ConstView y;       ///< [sets, 1, 1, points] f64
  ConstView counts;  ///< [1, 1, 1, sets] i32
  /// Noise variance of each point beside the one that all share, >= 0: [sets, 1, 1, points] f64, or
  /// no memory for none.
  ConstView noise{};
};

// Hyperparameters of an item are a row of d + 2: log output scale (the variance of the function),
// the d log lengthscales, log noise variance.

struct GpLikelihood {
  ConstView hyperparameters{};  ///< [items, 1, 1, d + 2] f64
  /// [1, 1, 1, items] i32, or no memory for all. Where 0, value and gradient may be anything: the
  /// CPU leaves them as they are, a GPU computes all side by side.
  ConstView wanted{};
  View value{};     ///< [1, 1, 1, items] f64
  View gradient{};  ///< [items, 1, 1, d + 2] f64
};

/// Log marginal likelihood of each item's hyperparameters and its derivatives by them. Item i
/// explains training set i / (items / sets), so items is a multiple of sets. A covariance that is
/// not positive definite is jittered as in `cholesky`; past the last jitter value and gradient are
/// NaN. With PriorMean::likeliest the mean follows (its own derivative is 0).
void gp_likelihood(Stream&, const GpShape&, const GpData&, const GpLikelihood&);

/// A process that has seen its data: what predictions read. All f64.
struct GpState {
  View scaled;        ///< [sets, 1, points, d]: x over the lengthscales; 1e100 in unused points, so
                      ///< that their covariance with anything is 0
  View inverse_root;  ///< [sets, 1, points, points]: l^-1 where the covariance is l l^T; rows and
                      ///< columns of unused points are those of the identity
  View weights;       ///< [sets, 1, 1, points]: covariance^-1 (y - mean), 0 in unused points
  View parameters;    ///< [sets, 1, 1, d + 3]: mean, output scale, noise, the inverse lengthscales
};

/// Conditions set s on its data under hyperparameters[s]; jitter as in `cholesky`, and where that
/// is NaN so are the predictions. hyperparameters: [sets, 1, 1, d + 2] f64; jitter: [1, 1, 1, sets]
/// f64.
void gp_condition(Stream&, const GpShape&, const GpData&, ConstView hyperparameters, GpState state,
                  View jitter);

struct GpPrediction {
  ConstView queries{};      ///< [1, 1, q, d] f64
  View mean{}, variance{};  ///< [1, 1, sets, q] f64
};

/// mean and variance (of the function without noise, at least 1e-10) of every set's process at q
/// points; costs sets q n (d + n / 2) multiplications for n points, O(q n) bytes of scratch in
/// bounded pieces.
void gp_posterior(Stream&, const GpShape&, const GpState& state, const GpPrediction&);

namespace twins {
extern Op<decltype(gp_likelihood)> gp_likelihood;
extern Op<decltype(gp_condition)> gp_condition;
extern Op<decltype(gp_posterior)> gp_posterior;
}  // namespace twins

}  // namespace paretiny::bayes

// Gaussian-process regression with fixed hyperparameters, in double precision (Rasmussen and
// Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 2.1 and section 5.4.1).
#pragma once

#include <Eigen/Dense>

namespace paretiny {

/// Of r, the distance with every coordinate divided by its lengthscale:
/// rbf exp(-r^2 / 2); matern52 (1 + sqrt5 r + 5 r^2 / 3) exp(-sqrt5 r).
enum class KernelKind { matern52, rbf };

struct GpHyperparameters {
  Eigen::VectorXd lengthscales;  ///< [d], > 0
  double outputscale = 1;        ///< variance of the function, > 0
  double noise = 1e-2;           ///< variance of an observation about the function, >= 0
  double mean = 0;               ///< constant prior mean
};

struct GpPosterior {
  Eigen::VectorXd mean;      ///< [q]
  Eigen::VectorXd variance;  ///< [q], of the function without noise, at least 1e-10
};

class GaussianProcess {
 public:
  enum class Mean {
    given,   ///< as in the hyperparameters
    likely,  ///< the one of greatest likelihood under the other hyperparameters
  };

  /// x: [n, d], y: [n], n >= 1. Where the covariance is not positive definite in double precision,
  /// a jitter of 1e-8, 1e-7, ... 1e-2 of the output scale is added to its diagonal. Throws
  /// UsageError for sizes that disagree or values that are not finite, Error past the last jitter.
  GaussianProcess(KernelKind kernel, GpHyperparameters hyperparameters, const Eigen::MatrixXd& x,
                  const Eigen::VectorXd& y, Mean mean = Mean::given);

  const GpHyperparameters& hyperparameters() const { return hyperparameters_; }

  /// queries: [q, d]. Costs q n (d + n) multiplications; ask for many at a time.
  GpPosterior predict(const Eigen::MatrixXd& queries) const;

  double log_marginal_likelihood() const;

  /// Derivatives of the log marginal likelihood by log outputscale, the log lengthscales and log
  /// noise, in this order: [d + 2]. With Mean::likely the mean follows (its own derivative is 0).
  Eigen::VectorXd gradient() const;

 private:
  KernelKind kernel_;
  GpHyperparameters hyperparameters_;
  Eigen::MatrixXd scaled_;   ///< x over the lengthscales, [n, d]
  Eigen::MatrixXd squared_;  ///< squared scaled distances, lower triangle of [n, n]
  Eigen::LLT<Eigen::MatrixXd> cholesky_;
  Eigen::VectorXd residual_;  ///< y - mean
  Eigen::VectorXd alpha_;     ///< covariance^-1 residual
};

}  // namespace paretiny

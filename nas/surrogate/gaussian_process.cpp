#include "nas/surrogate/gaussian_process.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "kernels/error.h"

namespace paretiny {
namespace {

constexpr double kVarianceFloor = 1e-10;
constexpr double kFirstJitter = 1e-8;
constexpr double kLastJitter = 1e-2;

/// Adds the squared distances between the rows of `rows` and one point (1 x d) to `sum`. Direct
/// differences: expanding the square would lose the digits of near neighbours.
template <class Rows, class Point, class Sum>
void add_squared_distances(const Rows& rows, const Point& point, Sum&& sum) {
  for (Eigen::Index k = 0; k < rows.cols(); ++k) {
    sum.array() += (rows.col(k).array() - point(k)).square();
  }
}

/// Squared distances to correlations, in place.
void correlate(KernelKind kernel, Eigen::Ref<Eigen::ArrayXXd> values) {
  if (kernel == KernelKind::rbf) {
    values = (-0.5 * values).exp();
  } else {
    values = (5.0 * values).sqrt();  // sqrt5 r
    values = (1.0 + values + values.square() / 3.0) * (-values).exp();
  }
}

/// d correlation / d log lengthscale_j is this times the squared scaled difference along j.
Eigen::ArrayXd radial_slope(KernelKind kernel, const Eigen::ArrayXd& squared) {
  if (kernel == KernelKind::rbf) return (-0.5 * squared).exp();
  const Eigen::ArrayXd root = (5.0 * squared).sqrt();
  return 5.0 / 3.0 * (1.0 + root) * (-root).exp();
}

void check(const GpHyperparameters& h, const Eigen::MatrixXd& x, const Eigen::VectorXd& y) {
  if (x.rows() < 1 || x.rows() != y.size() || x.cols() != h.lengthscales.size()) {
    throw UsageError(fmt::format(
        "a Gaussian process was given {} points of {} coordinates, {} targets and {} lengthscales",
        x.rows(), x.cols(), y.size(), h.lengthscales.size()));
  }
  if (!x.allFinite() || !y.allFinite()) {
    throw UsageError("a Gaussian process was given points or targets that are not finite");
  }
  if (!(h.lengthscales.array() > 0).all() || !(h.outputscale > 0) || !(h.noise >= 0) ||
      !std::isfinite(h.mean)) {
    throw UsageError("a Gaussian process needs positive scales, noise >= 0 and a finite mean");
  }
}

}  // namespace

GaussianProcess::GaussianProcess(KernelKind kernel, GpHyperparameters hyperparameters,
                                 const Eigen::MatrixXd& x, const Eigen::VectorXd& y, Mean mean)
    : kernel_(kernel), hyperparameters_(std::move(hyperparameters)) {
  GpHyperparameters& h = hyperparameters_;
  check(h, x, y);
  const Eigen::Index n = x.rows();
  scaled_ = x * h.lengthscales.cwiseInverse().asDiagonal();
  squared_ = Eigen::MatrixXd::Zero(n, n);
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(n, n);
  for (Eigen::Index j = 0; j < n; ++j) {
    auto column = squared_.col(j).tail(n - j);
    add_squared_distances(scaled_.bottomRows(n - j), scaled_.row(j), column);
    auto values = covariance.col(j).tail(n - j);
    values = column;
    correlate(kernel_, values.array());
    values *= h.outputscale;
  }
  covariance.diagonal().array() += h.noise;
  cholesky_.compute(covariance);
  double jitter = 0;
  while (cholesky_.info() != Eigen::Success) {
    const double next = jitter == 0 ? kFirstJitter : 10 * jitter;
    if (next > 1.5 * kLastJitter) {
      throw Error(
          fmt::format("the covariance of {} trials is not positive definite, even with "
                      "{} of the output scale on its diagonal; raise the noise",
                      n, jitter));
    }
    covariance.diagonal().array() += (next - jitter) * h.outputscale;
    jitter = next;
    cholesky_.compute(covariance);
  }
  if (mean == Mean::likely) {
    const Eigen::VectorXd weights = cholesky_.solve(Eigen::VectorXd::Ones(n));
    h.mean = weights.dot(y) / weights.sum();
  }
  residual_ = y.array() - h.mean;
  alpha_ = cholesky_.solve(residual_);
}

GpPosterior GaussianProcess::predict(const Eigen::MatrixXd& queries) const {
  const GpHyperparameters& h = hyperparameters_;
  if (queries.cols() != scaled_.cols()) {
    throw UsageError(
        fmt::format("a Gaussian process of {} coordinates was asked about points of {}",
                    scaled_.cols(), queries.cols()));
  }
  const Eigen::MatrixXd scaled = queries * h.lengthscales.cwiseInverse().asDiagonal();
  Eigen::MatrixXd cross = Eigen::MatrixXd::Zero(scaled_.rows(), scaled.rows());
  for (Eigen::Index i = 0; i < scaled.rows(); ++i) {
    add_squared_distances(scaled_, scaled.row(i), cross.col(i));
  }
  correlate(kernel_, cross.array());
  cross *= h.outputscale;

  GpPosterior posterior;
  posterior.mean = (cross.transpose() * alpha_).array() + h.mean;
  cholesky_.matrixL().solveInPlace(cross);
  posterior.variance =
      (h.outputscale - cross.colwise().squaredNorm().transpose().array()).max(kVarianceFloor);
  return posterior;
}

double GaussianProcess::log_marginal_likelihood() const {
  const double n = static_cast<double>(alpha_.size());
  const double half_log_determinant = cholesky_.matrixLLT().diagonal().array().log().sum();
  return -0.5 * residual_.dot(alpha_) - half_log_determinant -
         0.5 * n * std::log(2 * std::numbers::pi);
}

Eigen::VectorXd GaussianProcess::gradient() const {
  const GpHyperparameters& h = hyperparameters_;
  const Eigen::Index n = scaled_.rows();
  const Eigen::Index d = scaled_.cols();
  // The derivative by t is the sum over all pairs of weight x dK/dt, with
  // weight = (alpha alpha^T - K^-1) / 2; K^-1 = L^-T L^-1, lower triangle.
  Eigen::MatrixXd inverse_root = Eigen::MatrixXd::Identity(n, n);
  cholesky_.matrixL().solveInPlace(inverse_root);
  Eigen::MatrixXd weight = Eigen::MatrixXd::Zero(n, n);
  weight.selfadjointView<Eigen::Lower>().rankUpdate(inverse_root.transpose(), -0.5);
  weight.selfadjointView<Eigen::Lower>().rankUpdate(alpha_, 0.5);

  Eigen::VectorXd gradient = Eigen::VectorXd::Zero(d + 2);
  const double trace = weight.trace();
  gradient(0) = h.outputscale * trace;
  gradient(d + 1) = h.noise * trace;
  for (Eigen::Index j = 0; j + 1 < n; ++j) {
    const Eigen::Index below = n - j - 1;
    // Twice, for the pair and its mirror image.
    const Eigen::ArrayXd pair = 2 * h.outputscale * weight.col(j).tail(below).array();
    const Eigen::ArrayXd squared = squared_.col(j).tail(below).array();
    Eigen::ArrayXd correlation = squared;
    correlate(kernel_, correlation);
    gradient(0) += (pair * correlation).sum();
    const Eigen::ArrayXd slope = pair * radial_slope(kernel_, squared);
    for (Eigen::Index k = 0; k < d; ++k) {
      gradient(1 + k) +=
          (slope * (scaled_.col(k).tail(below).array() - scaled_(j, k)).square()).sum();
    }
  }
  return gradient;
}

}  // namespace paretiny

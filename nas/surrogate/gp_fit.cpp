#include "nas/surrogate/gp_fit.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kernels/core/stop.h"
#include "nas/surrogate/bounded_lbfgs.h"

namespace paretiny::surrogate {
namespace {

/// Bounds of the fit. Shorter scales than BoTorch's least make every point an island; longer ones
/// than 1e3 are a flat line on the unit cube.
constexpr double kShortestLengthscale = 0.025;
constexpr double kLongestLengthscale = 1e3;
/// Of standardised y: what keeps the covariance well conditioned, and more than all its variance.
constexpr double kLeastNoise = 1e-4;
constexpr double kMostNoise = 10;
/// The priors' logarithms (gp_fit.h).
constexpr double kNoiseMean = -4;
constexpr double kNoiseSpread = 1;
constexpr double kLengthscaleSpread = std::numbers::sqrt3;
constexpr BoundedLbfgs::Options kOptions{
    .evaluations = 100, .value_tolerance = 1e-6, .gradient_tolerance = 1e-5};

double lengthscale_mean(Eigen::Index dimensions) {
  return std::numbers::sqrt2 + 0.5 * std::log(static_cast<double>(dimensions));
}

/// Log density of a log-normal variable at exp(t) up to a constant, and its derivative by t.
double log_normal(double t, double mean, double spread, double& slope) {
  const double z = (t - mean) / spread;
  slope = -1 - z / spread;
  return -t - 0.5 * z * z;
}

}  // namespace

double log_prior(const Eigen::Ref<const Eigen::VectorXd>& hyperparameters,
                 Eigen::VectorXd* gradient) {
  const Eigen::Index d = hyperparameters.size() - 2;
  double slope = 0;
  double sum = log_normal(hyperparameters(d + 1), kNoiseMean, kNoiseSpread, slope);
  if (gradient != nullptr) (*gradient)(d + 1) += slope;
  for (Eigen::Index k = 1; k <= d; ++k) {
    sum += log_normal(hyperparameters(k), lengthscale_mean(d), kLengthscaleSpread, slope);
    if (gradient != nullptr) (*gradient)(k) += slope;
  }
  return sum;
}

Eigen::VectorXd prior_mode(Eigen::Index dimensions) {
  Eigen::VectorXd mode = Eigen::VectorXd::Constant(
      dimensions + 2, lengthscale_mean(dimensions) - kLengthscaleSpread * kLengthscaleSpread);
  mode(0) = 0;
  mode(dimensions + 1) = kNoiseMean - kNoiseSpread * kNoiseSpread;
  return mode;
}

std::pair<Eigen::VectorXd, Eigen::VectorXd> hyperparameter_bounds(const Eigen::VectorXd& start) {
  const Eigen::Index width = start.size();
  Eigen::VectorXd low = Eigen::VectorXd::Constant(width, std::log(kShortestLengthscale));
  Eigen::VectorXd high = Eigen::VectorXd::Constant(width, std::log(kLongestLengthscale));
  low(width - 1) = std::log(kLeastNoise);
  high(width - 1) = std::log(kMostNoise);
  low(0) = high(0) = start(0);
  return {low, high};
}

RowMatrix fit_hyperparameters(Stream& stream, const bayes::GpShape& shape,
                              const bayes::GpData& data, const RowMatrix& starts,
                              const std::stop_token& stop) {
  const Eigen::Index width = shape.dimensions + 2;
  if (starts.rows() < 1 || starts.cols() != width) {
    throw UsageError(
        fmt::format("fitting a Gaussian process of {} coordinates needs starts of {} "
                    "hyperparameters, got {} of {}",
                    shape.dimensions, width, starts.rows(), starts.cols()));
  }
  const Eigen::Index items = shape.sets * starts.rows();
  std::vector<BoundedLbfgs> optimisers;
  for (Eigen::Index i = 0; i < items; ++i) {
    const Eigen::VectorXd start = starts.row(i % starts.rows()).transpose();
    const auto [low, high] = hyperparameter_bounds(start);
    optimisers.emplace_back(start, low, high, kOptions);
  }

  const DeviceArray theta(stream, DType::f64, {items, 1, 1, width});
  const DeviceArray value(stream, DType::f64, {1, 1, 1, items});
  const DeviceArray gradient(stream, DType::f64, {items, 1, 1, width});
  const DeviceArray wanted(stream, DType::i32, {1, 1, 1, items});
  std::vector<std::int32_t> counts(static_cast<std::size_t>(shape.sets));
  stream.download(counts.data(), data.counts.data, data.counts.bytes());
  RowMatrix all = starts.replicate(shape.sets, 1);
  minimise_together(optimisers, [&](const std::vector<Eigen::Index>& which, const RowMatrix& points,
                                    Eigen::VectorXd& values, RowMatrix& gradients) {
    heed(stop);
    std::vector<std::int32_t> flags(static_cast<std::size_t>(items), 0);
    for (const Eigen::Index i : which) flags[static_cast<std::size_t>(i)] = 1;
    all(which, Eigen::all) = points;
    stream.upload(theta.view().data, all.data(), theta.view().bytes());
    stream.upload(wanted.view().data, flags.data(), wanted.view().bytes());
    bayes::gp_likelihood(
        stream, shape, data,
        {.hyperparameters = theta, .wanted = wanted, .value = value, .gradient = gradient});
    values = value.download(stream, items)(which, 0);
    gradients = gradient.download(stream, items)(which, Eigen::all);
    for (Eigen::Index row = 0; row < points.rows(); ++row) {
      // Per trial, so that tolerances mean the same for any number of them.
      const Eigen::Index set = which[static_cast<std::size_t>(row)] / starts.rows();
      const double n = counts[static_cast<std::size_t>(set)];
      Eigen::VectorXd slopes = gradients.row(row).transpose();
      values(row) = -(values(row) + log_prior(points.row(row).transpose(), &slopes)) / n;
      gradients.row(row) = -slopes.transpose() / n;
      gradients(row, 0) = 0;
    }
  });

  RowMatrix best(shape.sets, width);
  for (Eigen::Index s = 0; s < shape.sets; ++s) {
    const auto first = optimisers.begin() + s * starts.rows();
    const auto winner = std::min_element(first, first + starts.rows(),
                                         [](const BoundedLbfgs& a, const BoundedLbfgs& b) {
                                           return a.best_value() < b.best_value();
                                         });
    if (!std::isfinite(winner->best_value())) {
      throw Error(
          fmt::format("the covariance of the {} trials of surrogate {} is not positive "
                      "definite, even with a jitter on its diagonal",
                      counts[static_cast<std::size_t>(s)], s));
    }
    best.row(s) = winner->best().transpose();
  }
  return best;
}

}  // namespace paretiny::surrogate

#include "nas/surrogate/gp_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlopt.hpp>
#include <numbers>
#include <optional>

#include "kernels/error.h"

namespace paretiny {
namespace {

constexpr double kShortestLengthscale = 0.025;
constexpr double kLongestLengthscale = 1e3;
constexpr double kLeastNoise = 1e-4;
constexpr double kMostNoise = 10;
constexpr double kNoiseMean = -4;  // of log noise
constexpr double kNoiseSpread = 1;
constexpr double kLengthscaleSpread = std::numbers::sqrt3;
constexpr int kEvaluations = 100;
constexpr double kTolerance = 1e-6;  // of the log posterior density per observation

double lengthscale_mean(Eigen::Index dimensions) {
  return std::numbers::sqrt2 + 0.5 * std::log(static_cast<double>(dimensions));
}

/// Log density of a log-normal variable at exp(t) up to a constant, and its derivative by t.
double log_normal(double t, double mean, double spread, double& slope) {
  const double z = (t - mean) / spread;
  slope = -1 - z / spread;
  return -t - 0.5 * z * z;
}

/// What the optimiser sees: t = (log lengthscales, log noise).
struct Posterior {
  KernelKind kernel;
  const Eigen::MatrixXd& x;
  const Eigen::VectorXd& y;
  double outputscale;

  GaussianProcess process(const std::vector<double>& t) const {
    GpHyperparameters h;
    h.lengthscales = Eigen::Map<const Eigen::ArrayXd>(t.data(), x.cols()).exp();
    h.noise = std::exp(t.back());
    h.outputscale = outputscale;
    return GaussianProcess(kernel, std::move(h), x, y, GaussianProcess::Mean::likely);
  }

  /// Log posterior density per observation.
  static double evaluate(const std::vector<double>& t, std::vector<double>& gradient, void* self) {
    const auto& posterior = *static_cast<const Posterior*>(self);
    const double n = static_cast<double>(posterior.y.size());
    const GaussianProcess process = posterior.process(t);
    if (gradient.empty()) {
      return (process.log_marginal_likelihood() + log_prior(process.hyperparameters())) / n;
    }
    Eigen::VectorXd slopes = process.gradient();
    const double prior = log_prior(process.hyperparameters(), &slopes);
    for (std::size_t i = 0; i < t.size(); ++i) {
      gradient[i] = slopes(static_cast<Eigen::Index>(i) + 1) / n;
    }
    return (process.log_marginal_likelihood() + prior) / n;
  }
};

}  // namespace

double log_prior(const GpHyperparameters& hyperparameters, Eigen::VectorXd* gradient) {
  const Eigen::Index d = hyperparameters.lengthscales.size();
  double slope = 0;
  double sum = log_normal(std::log(hyperparameters.noise), kNoiseMean, kNoiseSpread, slope);
  if (gradient != nullptr) (*gradient)(d + 1) += slope;
  for (Eigen::Index k = 0; k < d; ++k) {
    sum += log_normal(std::log(hyperparameters.lengthscales(k)), lengthscale_mean(d),
                      kLengthscaleSpread, slope);
    if (gradient != nullptr) (*gradient)(1 + k) += slope;
  }
  return sum;
}

GpHyperparameters prior_mode(Eigen::Index dimensions) {
  GpHyperparameters h;
  const double log_lengthscale =
      lengthscale_mean(dimensions) - kLengthscaleSpread * kLengthscaleSpread;
  h.lengthscales = Eigen::VectorXd::Constant(dimensions, std::exp(log_lengthscale));
  h.noise = std::exp(kNoiseMean - kNoiseSpread * kNoiseSpread);
  return h;
}

GaussianProcess fit_gaussian_process(KernelKind kernel, const Eigen::MatrixXd& x,
                                     const Eigen::VectorXd& y,
                                     const std::vector<GpHyperparameters>& starts) {
  if (starts.empty()) throw UsageError("fitting a Gaussian process needs at least one start");
  const auto size = static_cast<std::size_t>(x.cols()) + 1;
  std::vector<double> low(size, std::log(kShortestLengthscale));
  std::vector<double> high(size, std::log(kLongestLengthscale));
  low.back() = std::log(kLeastNoise);
  high.back() = std::log(kMostNoise);

  double best_value = -std::numeric_limits<double>::infinity();
  std::optional<GaussianProcess> best;
  for (const GpHyperparameters& start : starts) {
    if (start.lengthscales.size() != x.cols()) {
      throw UsageError("a start of the fit has another number of lengthscales than x has columns");
    }
    Posterior posterior{kernel, x, y, start.outputscale};
    nlopt::opt optimiser(nlopt::LD_LBFGS, static_cast<unsigned>(size));
    optimiser.set_max_objective(Posterior::evaluate, &posterior);
    optimiser.set_lower_bounds(low);
    optimiser.set_upper_bounds(high);
    optimiser.set_maxeval(kEvaluations);
    optimiser.set_ftol_abs(kTolerance);
    std::vector<double> t;
    for (const double lengthscale : start.lengthscales) t.push_back(std::log(lengthscale));
    t.push_back(std::log(start.noise));
    for (std::size_t i = 0; i < size; ++i) t[i] = std::clamp(t[i], low[i], high[i]);
    double value = 0;
    try {
      optimiser.optimize(t, value);
    } catch (const nlopt::roundoff_limited&) {
      // As good as double precision allows: t holds the best point met.
    } catch (const std::runtime_error& error) {
      // NLopt's plain failure: the line search found no way up from t, which stands.
      if (dynamic_cast<const Error*>(&error) != nullptr) throw;
    }
    std::vector<double> none;
    value = Posterior::evaluate(t, none, &posterior);
    if (!best || value > best_value) {
      best_value = value;
      best = posterior.process(t);
    }
  }
  return *std::move(best);
}

}  // namespace paretiny

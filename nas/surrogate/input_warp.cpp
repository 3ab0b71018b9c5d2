#include "nas/surrogate/input_warp.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/bayes/covariance.h"
#include "kernels/bayes/unit_cube.h"
#include "kernels/core/stop.h"
#include "nas/surrogate/bounded_lbfgs.h"

namespace paretiny::surrogate {
namespace {

/// Of log a and log b.
constexpr double kSpread = 0.75;
constexpr double kMostBent = 2;
/// Logarithms and powers at the cube's corners are numbers.
constexpr double kMargin = 1e-9;
constexpr BoundedLbfgs::Options kFit{
    .evaluations = 60, .value_tolerance = 1e-6, .gradient_tolerance = 1e-4};

/// For `correlate`: of a whole matrix at once.
struct ArrayMath {
  using Number = Eigen::ArrayXXd;
  static void square_root(const Number& x, Number& result) { result = x.sqrt(); }
  static void exponential(const Number& x, Number& result) { result = x.exp(); }
};

/// What bayes::gp_likelihood tells with the priors, and by the points too, which no kernel gives:
/// of one set at `points`, its x where it is bent to, and hyperparameters [d + 2] as in
/// gp_posterior.h; adds derivatives by them and by the points. NaN where the covariance is not
/// positive definite.
double likelihood(const TrainingSet& set, const RowMatrix& points, const Eigen::VectorXd& theta,
                  Eigen::Ref<Eigen::VectorXd> slopes, RowMatrix& by_points) {
  const Eigen::Index n = points.rows(), d = points.cols();
  const Eigen::RowVectorXd rates = (-theta.segment(1, d)).array().exp().matrix().transpose();
  const RowMatrix scaled = points.array().rowwise() * rates.array();
  const Eigen::ArrayXd squares = scaled.rowwise().squaredNorm();
  Eigen::ArrayXXd squared = -2 * (scaled * scaled.transpose()).array();
  squared.colwise() += squares;
  squared.rowwise() += squares.transpose();
  squared = squared.max(0.0);
  Eigen::ArrayXXd covariance, slope;
  bayes::correlate<ArrayMath>(bayes::Covariance::matern52, squared, covariance, slope);
  const double noise = std::exp(theta(d + 1));
  covariance.matrix().diagonal().array() += noise;
  if (set.deviation.size() != 0) {
    covariance.matrix().diagonal().array() += set.deviation.array().square();
  }
  const Eigen::LLT<Eigen::MatrixXd> root(covariance.matrix());
  if (root.info() != Eigen::Success) return std::numeric_limits<double>::quiet_NaN();
  const Eigen::MatrixXd inverse = root.solve(Eigen::MatrixXd::Identity(n, n));
  const Eigen::VectorXd columns = inverse.rowwise().sum();
  const Eigen::VectorXd residual = set.y.array() - columns.dot(set.y) / columns.sum();
  const Eigen::VectorXd weights = inverse * residual;

  const Eigen::MatrixXd pull = weights * weights.transpose() - inverse;
  const Eigen::MatrixXd pulled = pull.array() * slope;
  const Eigen::VectorXd rows = pulled.rowwise().sum();
  const RowMatrix away = rows.asDiagonal() * scaled - pulled * scaled;
  Eigen::VectorXd own = Eigen::VectorXd::Zero(d + 2);
  const double prior = log_prior(theta, &own);
  own.segment(1, d) += scaled.cwiseProduct(away).colwise().sum().transpose();
  own(d + 1) += 0.5 * noise * pull.trace();
  slopes += own;
  by_points.array() -= away.array().rowwise() * rates.array();
  return prior - 0.5 * residual.dot(weights) - root.matrixLLT().diagonal().array().log().sum();
}

/// u -> 1 - (1 - u^a)^b of a column, and its derivatives by log a and log b.
void bend_column(Eigen::Ref<Eigen::VectorXd, 0, Eigen::InnerStride<>> u, double log_a, double log_b,
                 Eigen::Ref<Eigen::VectorXd> by_a, Eigen::Ref<Eigen::VectorXd> by_b) {
  const double a = std::exp(log_a), b = std::exp(log_b);
  const Eigen::ArrayXd log_u = u.array().max(kMargin).min(1 - kMargin).log();
  const Eigen::ArrayXd power = (a * log_u).exp();
  const Eigen::ArrayXd log_rest = (-power).log1p();
  const Eigen::ArrayXd rest = (b * log_rest).exp();
  u = 1 - rest;
  by_a = a * b * rest / (1 - power) * power * log_u;
  by_b = -b * rest * log_rest;
}

/// What a map and the hyperparameters of all sets explain together. A point of the search: the
/// hyperparameters [d + 2] set by set, then log a and log b of the coordinates that may be bent.
class Together {
 public:
  Together(const Surrogates& straight, const std::vector<Eigen::Index>& bent)
      : bent_(bent),
        d_(straight.shape().dimensions),
        width_(static_cast<Eigen::Index>(bent_.size())) {
    std::vector<Eigen::Index> heard;
    for (std::int64_t s = 0; s < straight.shape().sets; ++s) {
      const TrainingSet& set = straight.training(static_cast<std::size_t>(s));
      if (set.hyperparameters.size() != 0) continue;
      heard.push_back(s);
      sets_.push_back(&set);
      values_ += static_cast<double>(set.y.size());
    }
    const RowMatrix fitted = straight.hyperparameters()(heard, Eigen::all);
    start_ = Eigen::VectorXd::Zero(fitted.size() + 2 * width_);
    start_.head(fitted.size()) = fitted.reshaped<Eigen::RowMajor>();
  }

  /// The likeliest map, if it is worth its cost.
  InputWarp warp(const std::stop_token& stop) const {
    Eigen::VectorXd low = Eigen::VectorXd::Constant(start_.size(), -kMostBent), high = -low;
    for (Eigen::Index at = 0; at < hyperparameters(); at += d_ + 2) {
      const auto [least, most] = hyperparameter_bounds(start_.segment(at, d_ + 2));
      low.segment(at, d_ + 2) = least;
      high.segment(at, d_ + 2) = most;
    }
    BoundedLbfgs run(start_, low, high, kFit);
    while (!run.done()) {
      heed(stop);
      Eigen::VectorXd slopes = Eigen::VectorXd::Zero(start_.size());
      const double value = explained(run.point(), slopes);
      run.tell(-value / values_, -slopes / values_);
    }
    Eigen::VectorXd unused = Eigen::VectorXd::Zero(start_.size());
    const double gain = -run.best_value() * values_ - explained(start_, unused);
    if (!(gain > static_cast<double>(width_) * std::log(values_))) return {};
    Eigen::VectorXd log_a = Eigen::VectorXd::Zero(d_), log_b = log_a;
    for (Eigen::Index k = 0; k < width_; ++k) {
      log_a(bent_[static_cast<std::size_t>(k)]) = run.best()(hyperparameters() + k);
      log_b(bent_[static_cast<std::size_t>(k)]) = run.best()(hyperparameters() + width_ + k);
    }
    return {log_a, log_b};
  }

 private:
  Eigen::Index hyperparameters() const { return start_.size() - 2 * width_; }

  /// Adds the derivatives by the point to `slopes`.
  double explained(const Eigen::VectorXd& point, Eigen::VectorXd& slopes) const {
    const Eigen::VectorXd shape = point.tail(2 * width_);
    double value = -0.5 * (shape / kSpread).squaredNorm();
    slopes.tail(2 * width_) -= shape / (kSpread * kSpread);
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      const TrainingSet& set = *sets_[s];
      const Eigen::Index n = set.y.size(), at = static_cast<Eigen::Index>(s) * (d_ + 2);
      RowMatrix points = set.x;
      Eigen::MatrixXd by_a(n, width_), by_b(n, width_);
      for (Eigen::Index k = 0; k < width_; ++k) {
        bend_column(points.col(bent_[static_cast<std::size_t>(k)]), shape(k), shape(width_ + k),
                    by_a.col(k), by_b.col(k));
      }
      RowMatrix by_points = RowMatrix::Zero(n, d_);
      value +=
          likelihood(set, points, point.segment(at, d_ + 2), slopes.segment(at, d_ + 2), by_points);
      const Eigen::MatrixXd pull = by_points(Eigen::all, bent_);
      slopes.segment(hyperparameters(), width_) +=
          pull.cwiseProduct(by_a).colwise().sum().transpose();
      slopes.tail(width_) += pull.cwiseProduct(by_b).colwise().sum().transpose();
    }
    return value;
  }

  std::vector<const TrainingSet*> sets_;
  std::vector<Eigen::Index> bent_;
  Eigen::Index d_, width_;
  double values_ = 0;  ///< measured ones, of all sets
  Eigen::VectorXd start_;
};

}  // namespace

InputWarp::InputWarp(Eigen::VectorXd log_a, Eigen::VectorXd log_b)
    : log_a_(std::move(log_a)), log_b_(std::move(log_b)) {}

bool InputWarp::bends(Eigen::Index coordinate) const {
  return log_a_.size() != 0 && (log_a_(coordinate) != 0 || log_b_(coordinate) != 0);
}

void InputWarp::bend(std::vector<double>& x) const {
  for (Eigen::Index k = 0; k < log_a_.size(); ++k) {
    if (!bends(k)) continue;
    double& u = x[static_cast<std::size_t>(k)];
    const double rest = 1 - std::pow(bayes::clamped(u, 0, 1), std::exp(log_a_(k)));
    u = bayes::on_grid(1 - std::pow(rest, std::exp(log_b_(k))));
  }
}

void InputWarp::unbend(std::vector<double>& x) const {
  for (Eigen::Index k = 0; k < log_a_.size(); ++k) {
    if (!bends(k)) continue;
    double& u = x[static_cast<std::size_t>(k)];
    const double rest = std::pow(1 - bayes::clamped(u, 0, 1), std::exp(-log_b_(k)));
    u = bayes::on_grid(std::pow(1 - rest, std::exp(-log_a_(k))));
  }
}

InputWarp fitted_warp(const Surrogates& straight, const std::vector<bool>& free,
                      const std::stop_token& stop) {
  std::vector<Eigen::Index> bent;
  for (std::size_t k = 0; k < free.size(); ++k) {
    if (free[k]) bent.push_back(static_cast<Eigen::Index>(k));
  }
  if (bent.empty()) return {};
  return Together(straight, bent).warp(stop);
}

}  // namespace paretiny::surrogate

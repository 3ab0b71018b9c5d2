#include "nas/surrogate/bounded_lbfgs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace paretiny::surrogate {
namespace {

/// Steps remembered for the curvature: 5 to 20 serve alike (Nocedal and Wright, section 7.2).
constexpr std::size_t kPairs = 10;
/// How often a step is shortened, to a half at most, before it is given up: what is left of it is
/// nothing.
constexpr int kBacktracks = 20;
constexpr double kSufficient = 1e-4;  // share of the promised decrease a step must bring
/// Pairs of less curvature than this (a cosine) would spoil the model.
constexpr double kLeastCurvature = 1e-10;

}  // namespace

BoundedLbfgs::BoundedLbfgs(const Eigen::VectorXd& start, Eigen::VectorXd low, Eigen::VectorXd high,
                           Options options)
    : low_(std::move(low)),
      high_(std::move(high)),
      options_(options),
      x_(start.cwiseMax(low_).cwiseMin(high_)),
      trial_(x_),
      value_(std::numeric_limits<double>::infinity()) {}

bool BoundedLbfgs::held(Eigen::Index i) const {
  return (x_(i) <= low_(i) && gradient_(i) > 0) || (x_(i) >= high_(i) && gradient_(i) < 0);
}

void BoundedLbfgs::tell(double value, const Eigen::Ref<const Eigen::VectorXd>& gradient) {
  if (done_) return;
  ++evaluations_;
  const bool finite = std::isfinite(value) && gradient.allFinite();
  if (evaluations_ == 1) {
    if (!finite) {
      done_ = true;
      return;
    }
    value_ = value;
    gradient_ = gradient;
    set_direction();
    return;
  }
  const double promised = gradient_.dot(trial_ - x_);
  if (finite && value <= value_ + kSufficient * promised) {
    accept(value, gradient);
    return;
  }
  if (++backtracks_ > kBacktracks || evaluations_ >= options_.evaluations) {
    done_ = true;
    return;
  }
  // The minimum of the parabola through both values and the slope, within a tenth and a half.
  double shrink = 0.25;
  if (finite && promised < 0) {
    shrink = std::clamp(-promised / (2 * (value - value_ - promised)), 0.1, 0.5);
  }
  set_trial(length_ * shrink);
}

void BoundedLbfgs::accept(double value, const Eigen::Ref<const Eigen::VectorXd>& gradient) {
  Pair pair{trial_ - x_, gradient - gradient_};
  if (pair.step.dot(pair.change) > kLeastCurvature * pair.step.norm() * pair.change.norm()) {
    pairs_.push_back(std::move(pair));
    if (pairs_.size() > kPairs) pairs_.pop_front();
  }
  const double gain = value_ - value;
  x_ = trial_;
  value_ = value;
  gradient_ = gradient;
  done_ = evaluations_ >= options_.evaluations ||
          gain <= options_.value_tolerance * std::max(1.0, std::abs(value));
  if (!done_) set_direction();
}

void BoundedLbfgs::set_direction() {
  const Eigen::Index d = x_.size();
  Eigen::ArrayXd free(d);
  for (Eigen::Index i = 0; i < d; ++i) free(i) = held(i) ? 0 : 1;
  Eigen::VectorXd q = gradient_.array() * free;
  if (q.size() == 0 || q.cwiseAbs().maxCoeff() <= options_.gradient_tolerance) {
    done_ = true;
    return;
  }
  // The two loops, of pairs as the free coordinates see them.
  std::vector<std::pair<double, double>> factors(pairs_.size(), {0, 0});  // 1 / s^T y, alpha
  double scale = 0;
  for (std::size_t k = pairs_.size(); k-- > 0;) {
    const auto step = (pairs_[k].step.array() * free).matrix();
    const double curvature = step.dot(pairs_[k].change);
    if (!(curvature > 0)) continue;
    if (scale == 0) scale = curvature / (pairs_[k].change.array() * free).matrix().squaredNorm();
    factors[k].first = 1 / curvature;
    factors[k].second = step.dot(q) / curvature;
    q -= factors[k].second * (pairs_[k].change.array() * free).matrix();
  }
  // Without a pair, a first step of length 1 at most.
  q *= scale > 0 ? scale : std::min(1.0, 1 / q.norm());
  for (std::size_t k = 0; k < pairs_.size(); ++k) {
    if (factors[k].first == 0) continue;
    const double beta = factors[k].first * (pairs_[k].change.array() * free).matrix().dot(q);
    q += (factors[k].second - beta) * (pairs_[k].step.array() * free).matrix();
  }
  direction_ = -q;
  if (!(direction_.dot(gradient_) < 0)) {
    direction_ = -(gradient_.array() * free).matrix();
    direction_ *= std::min(1.0, 1 / direction_.norm());
    pairs_.clear();
  }
  backtracks_ = 0;
  set_trial(1);
}

void BoundedLbfgs::set_trial(double length) {
  length_ = length;
  trial_ = (x_ + length * direction_).cwiseMax(low_).cwiseMin(high_);
  if (trial_ == x_) done_ = true;
}

void minimise_together(std::vector<BoundedLbfgs>& optimisers,
                       const std::function<void(const std::vector<Eigen::Index>&, const RowMatrix&,
                                                Eigen::VectorXd&, RowMatrix&)>& evaluate) {
  std::vector<Eigen::Index> which;
  for (;;) {
    which.clear();
    for (std::size_t i = 0; i < optimisers.size(); ++i) {
      if (!optimisers[i].done()) which.push_back(static_cast<Eigen::Index>(i));
    }
    if (which.empty()) return;
    const auto count = static_cast<Eigen::Index>(which.size());
    RowMatrix points(count, optimisers[0].point().size());
    for (Eigen::Index row = 0; row < count; ++row) {
      const auto i = static_cast<std::size_t>(which[static_cast<std::size_t>(row)]);
      points.row(row) = optimisers[i].point().transpose();
    }
    Eigen::VectorXd values(count);
    RowMatrix gradients(count, points.cols());
    evaluate(which, points, values, gradients);
    for (Eigen::Index row = 0; row < count; ++row) {
      const auto i = static_cast<std::size_t>(which[static_cast<std::size_t>(row)]);
      optimisers[i].tell(values(row), gradients.row(row).transpose());
    }
  }
}

}  // namespace paretiny::surrogate

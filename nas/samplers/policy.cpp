#include "nas/samplers/policy.h"

namespace paretiny {
namespace {

/// Floor of the variance: a coordinate that never moved is not blown up.
constexpr double kLeastVariance = 1e-6;

}  // namespace

Eigen::VectorXd PolicyShape::move(const Eigen::Ref<const Eigen::VectorXd>& weights,
                                  const Eigen::VectorXd& observation) const {
  const double* at = weights.data();
  const Eigen::Map<const Eigen::MatrixXd> w1(at, hidden, dimensions);
  at += w1.size();
  const Eigen::Map<const Eigen::VectorXd> b1(at, hidden);
  at += b1.size();
  const Eigen::Map<const Eigen::MatrixXd> w2(at, dimensions, hidden);
  at += w2.size();
  const Eigen::Map<const Eigen::VectorXd> b2(at, dimensions);
  const Eigen::VectorXd units = (w1 * observation + b1).array().tanh();
  return bound * (w2 * units + b2).array().tanh();
}

void StateNormaliser::add(const Eigen::VectorXd& state) {
  count_ += 1;
  sum_ += state.array();
  squares_ += state.array().square();
}

void StateNormaliser::add(const StateNormaliser& other) {
  count_ += other.count_;
  sum_ += other.sum_;
  squares_ += other.squares_;
}

Eigen::VectorXd StateNormaliser::operator()(const Eigen::VectorXd& state) const {
  if (count_ < 2) return state;
  const Eigen::ArrayXd mean = sum_ / count_;
  return (state.array() - mean) / (squares_ / count_ - mean.square()).max(kLeastVariance).sqrt();
}

}  // namespace paretiny

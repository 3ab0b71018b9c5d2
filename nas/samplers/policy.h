// The policies of ARS-MOBOpt: small networks that answer a point of the unit cube with a move.
#pragma once

#include <Eigen/Dense>

namespace paretiny {

/// One hidden layer: move = bound tanh(W2 tanh(W1 s + b1) + b2). A policy is its weights in one
/// vector, (W1, b1, W2, b2), matrices by columns.
struct PolicyShape {
  Eigen::Index dimensions = 0;
  Eigen::Index hidden = 0;
  double bound = 0;  ///< largest move along one coordinate

  Eigen::Index weights() const { return (dimensions + 1) * hidden + (hidden + 1) * dimensions; }

  Eigen::VectorXd move(const Eigen::Ref<const Eigen::VectorXd>& weights,
                       const Eigen::VectorXd& observation) const;
};

/// Mean and spread of the states a policy has met, for its observations (ARS V2).
class StateNormaliser {
 public:
  explicit StateNormaliser(Eigen::Index dimensions)
      : sum_(Eigen::ArrayXd::Zero(dimensions)), squares_(Eigen::ArrayXd::Zero(dimensions)) {}

  void add(const Eigen::VectorXd& state);
  void add(const StateNormaliser& other);

  /// (state - mean) / standard deviation; the state as it is while fewer than two are known.
  Eigen::VectorXd operator()(const Eigen::VectorXd& state) const;

 private:
  double count_ = 0;
  Eigen::ArrayXd sum_;
  Eigen::ArrayXd squares_;
};

}  // namespace paretiny

// One objective's surrogate: a Gaussian process on standardised values.
#pragma once

#include "nas/surrogate/gp_fit.h"

namespace paretiny {

class Surrogate {
 public:
  /// Fits Matern-5/2 to values y [n] at points x [n, d] of the unit cube, n >= 1. Values that do
  /// not vary are only centred.
  Surrogate(const Eigen::MatrixXd& x, const Eigen::VectorXd& y);

  struct Belief {
    Eigen::ArrayXd mean;       ///< [q]
    Eigen::ArrayXd deviation;  ///< [q], standard deviation of the function without noise, > 0
  };
  /// queries: [q, d].
  Belief predict(const Eigen::MatrixXd& queries) const;

  const GaussianProcess& process() const { return process_; }

 private:
  double centre_;
  double scale_;
  GaussianProcess process_;
};

}  // namespace paretiny

// Inputs that no one scale of length fits everywhere, such as what is divided by or spans decades:
// each coordinate of the unit cube is bent, alike for all surrogates.
#pragma once

#include <stop_token>
#include <vector>

#include "nas/surrogate/surrogates.h"

namespace paretiny::surrogate {

/// A rising map of each coordinate of the unit cube onto itself: Kumaraswamy's distribution
/// function, u -> 1 - (1 - u^a)^b, with its own a and b (Snoek et al., "Input warping for Bayesian
/// optimization of non-stationary functions", 2014). Positions lie on the grid that reals have
/// (unit_cube.h), both ways.
class InputWarp {
 public:
  InputWarp() = default;  ///< the identity
  /// [d] each; where both are 0 the coordinate stays as it is.
  InputWarp(Eigen::VectorXd log_a, Eigen::VectorXd log_b);

  bool identity() const { return log_a_.size() == 0; }
  bool bends(Eigen::Index coordinate) const;
  const Eigen::VectorXd& log_a() const { return log_a_; }  ///< [d], or [0] of the identity
  const Eigen::VectorXd& log_b() const { return log_b_; }
  /// x: [d].
  void bend(std::vector<double>& x) const;
  void unbend(std::vector<double>& x) const;

 private:
  Eigen::VectorXd log_a_, log_b_;
};

/// The map under which Matern-5/2 explains best what `straight` learnt from: that of greatest
/// likelihood times priors, for log a and log b normal with a deviation of 0.75, for
/// hyperparameters those of gp_fit.h. The identity unless it explains more by what its parameters
/// cost, half the logarithm of the number of values for each (Schwarz, "Estimating the dimension of
/// a model", 1978). Sets with hyperparameters of their own have no say. `free`: [d], the
/// coordinates that may be bent. Throws Interrupted.
InputWarp fitted_warp(const Surrogates& straight, const std::vector<bool>& free,
                      const std::stop_token& stop = {});

}  // namespace paretiny::surrogate

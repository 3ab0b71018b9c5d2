// Minimisation within bounds by L-BFGS, turned inside out: the optimiser says where it wants value
// and gradient, its caller evaluates many optimisers' wishes at once.
#pragma once

#include <Eigen/Dense>
#include <deque>
#include <functional>
#include <vector>

#include "nas/surrogate/device_array.h"

namespace paretiny::surrogate {

/// L-BFGS (Nocedal, 1980) over the coordinates that no bound holds, with backtracking along the
/// projected direction (Bertsekas, "Projected Newton methods for optimization problems with simple
/// constraints", 1982).
class BoundedLbfgs {
 public:
  struct Options {
    int evaluations = 100;             ///< at most
    double value_tolerance = 1e-9;     ///< ends when a step gains less than this times max(1, |f|)
    double gradient_tolerance = 1e-6;  ///< ends when no free derivative is larger
  };

  /// Starts at `start`, clamped to low .. high: [d].
  BoundedLbfgs(const Eigen::VectorXd& start, Eigen::VectorXd low, Eigen::VectorXd high,
               Options options);

  bool done() const { return done_; }
  /// Where value and gradient are wanted; when done, the best point.
  const Eigen::VectorXd& point() const { return done_ ? x_ : trial_; }
  /// Value and gradient at point(); a value that is not finite is taken for a point too far.
  void tell(double value, const Eigen::Ref<const Eigen::VectorXd>& gradient);

  /// The best point so far and its value, infinite before the first finite one.
  const Eigen::VectorXd& best() const { return x_; }
  double best_value() const { return value_; }

 private:
  struct Pair {
    Eigen::VectorXd step, change;  ///< of the point and of the gradient
  };

  void accept(double value, const Eigen::Ref<const Eigen::VectorXd>& gradient);
  void set_direction();
  void set_trial(double length);
  /// Whether a bound holds coordinate i against the gradient.
  bool held(Eigen::Index i) const;

  Eigen::VectorXd low_, high_;
  Options options_;
  Eigen::VectorXd x_, gradient_, direction_, trial_;
  std::deque<Pair> pairs_;
  double value_;
  double length_ = 1;
  int evaluations_ = 0;
  int backtracks_ = 0;
  bool done_ = false;
};

/// Runs all of `optimisers` to their ends. evaluate(which, points, values, gradients) is given
/// those not yet done, by number and ascending, with a point of each, one a row [which, d], and
/// fills values [which] and gradients [which, d].
void minimise_together(
    std::vector<BoundedLbfgs>& optimisers,
    const std::function<void(const std::vector<Eigen::Index>& which, const RowMatrix& points,
                             Eigen::VectorXd& values, RowMatrix& gradients)>& evaluate);

}  // namespace paretiny::surrogate

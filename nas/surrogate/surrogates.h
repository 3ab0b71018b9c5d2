// The surrogates of a search: one Gaussian process a measured quantity, fitted together.
#pragma once

#include <vector>

#include "nas/surrogate/gp_fit.h"

namespace paretiny::surrogate {

/// What was measured of one quantity. x: [n, d] in the unit cube, y: [n], n >= 1, finite.
struct TrainingSet {
  RowMatrix x;
  Eigen::VectorXd y;
  /// Hyperparameters [d + 2] to take instead of fitted ones, unless empty.
  Eigen::VectorXd hyperparameters{};
  /// Standard deviations [n] of values that are believed, not measured; 0 for those measured.
  /// Empty where all are.
  Eigen::VectorXd deviation{};
};

/// Values in the processes' own units: standardised, (value - centre) / scale.
struct Standard {
  double centre = 0;
  double scale = 1;

  double of(double value) const { return (value - centre) / scale; }
  double back(double standardised) const { return centre + scale * standardised; }
};

class Surrogates {
 public:
  struct Belief {
    RowMatrix mean;       ///< [sets, q]
    RowMatrix deviation;  ///< [sets, q], standard deviation of the functions without noise, > 0
  };

  /// Fits Matern-5/2 to every set, from the mode of the priors; values that do not vary are only
  /// centred. Points of `pending` [p, d] then enter every set at their expected values, with the
  /// hyperparameters as they are (the "kriging believer" of Ginsbourger et al., 2010). At least one
  /// set; all of one dimension. Throws UsageError for sets that are empty, differ or are not
  /// finite, and Interrupted.
  Surrogates(Stream& stream, const std::vector<TrainingSet>& sets, const RowMatrix& pending = {},
             const std::stop_token& stop = {});

  Stream& stream() const { return stream_; }
  const bayes::GpShape& shape() const { return shape_; }
  const bayes::GpState& state() const { return state_; }
  const Standard& standard(std::size_t set) const { return standards_[set]; }
  /// Hyperparameters of every set, [sets, d + 2].
  const RowMatrix& hyperparameters() const { return hyperparameters_; }
  /// The training set as the process sees it: with what is pending, standardised.
  const TrainingSet& training(std::size_t set) const { return training_[set]; }

  /// Mean and deviation, in the values' units. queries: [q, d].
  Belief predict(const RowMatrix& queries) const;

 private:
  struct Uploaded {
    DeviceArray x, y, counts, noise;
  };
  bayes::GpData upload(Uploaded& to);
  void condition(const bayes::GpData& data);

  Stream& stream_;
  bayes::GpShape shape_;
  std::vector<Standard> standards_;
  std::vector<TrainingSet> training_;
  RowMatrix hyperparameters_;
  DeviceArray scaled_, inverse_root_, weights_, parameters_;
  bayes::GpState state_;
};

}  // namespace paretiny::surrogate

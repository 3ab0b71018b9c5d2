// How a running trial will end, learnt from trials that ended: a prediction and a lower bound.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "nas/stopping/curve.h"
#include "nas/stopping/ridge.h"

namespace paretiny::stopping {

/// The course of a trial and where it lies.
struct Course {
  std::int64_t number = 0;
  std::vector<double> x;  ///< position in the unit cube, of one length for all trials
  Curve curve;
  double earliest = 0;  ///< no decision before this fraction: pruning has not ended, say
};

/// An objective that is not known before a trial ends.
struct OpenObjective {
  std::size_t index = 0;  ///< among the objectives
  /// What it cannot fall below: 0 for an error. Where there is such a limit, values are looked at
  /// by the root of their distance to it, in which shares vary evenly.
  double lowest = -std::numeric_limits<double>::infinity();
};

struct Prediction {
  double value = 0;
  double deviation = 0;  ///< standard deviation of the true value around it, > 0
  double lower = 0;      ///< the bound; `lowest` of the objective while there are too few trials
};

/// One open objective's final value. Trials that no verdict could have ended are split in two by
/// (seed, numbers), pair by pair; one half and all other ended trials fit a ridge regression at
/// each decision point, the other half calibrates the bound by split conformal prediction
/// (Papadopoulos et al., "Inductive confidence machines for regression", 2002; Lei et al.,
/// "Distribution-free predictive inference for regression", 2018). A trial's score is the largest
/// of (predicted - final) / deviation over all of its decision points, so that with probability
/// 1 - alpha a trial ends at or above all the bounds that it is given, whatever the regression is
/// worth, if it is exchangeable with those that calibrate.
class FinalValue {
 public:
  /// A trial that ended by itself.
  struct Example {
    const Course* course = nullptr;
    double value = 0;     ///< not finite for one that diverged: then it broke no bound
    bool exempt = false;  ///< no verdict could have ended it
  };
  struct Options {
    std::size_t open = 0;  ///< which value of the curves' points
    double lowest = -std::numeric_limits<double>::infinity();
    std::vector<double> fractions;  ///< ascending, of the decision points
    double alpha = 0.1;
    std::uint64_t seed = 0;
  };

  /// Examples by ascending number.
  FinalValue(const std::vector<Example>& examples, Options options);

  /// Whether bounds say anything: there are enough trials to calibrate them.
  bool bounded() const { return quantile_ < std::numeric_limits<double>::infinity(); }
  /// Fewest exempt examples with which they do.
  static std::size_t fewest(double alpha);

  /// At point `at` of the curve, which is where decision `decision` falls. None when too few trials
  /// teach it, or a number that it needs is missing.
  std::optional<Prediction> predict(const Course& course, std::size_t decision,
                                    std::size_t at) const;

 private:
  double inward(double value) const;
  double outward(double inner) const;
  /// Predicted value and its deviation, inward.
  std::optional<std::pair<double, double>> inner(const Course& course, std::size_t decision,
                                                 std::size_t at) const;
  std::optional<Ridge> learn(const std::vector<Example>& examples, std::size_t decision) const;
  double score(const Example& example) const;

  Options options_;
  std::vector<std::optional<Ridge>> models_;  // of each decision
  double quantile_ = std::numeric_limits<double>::infinity();
};

}  // namespace paretiny::stopping

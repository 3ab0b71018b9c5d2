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

/// One open objective's final value. A ridge regression at each decision point is fitted to all
/// ended trials; the bound is the jackknife+ of Barber, Candes, Ramdas and Tibshirani ("Predictive
/// inference with the jackknife+", 2021) over the trials that no verdict could have ended. Each of
/// these is scored by regressions fitted without it, by the largest of (predicted - final) /
/// deviation over all of its decision points, and bounds a new trial by what those same regressions
/// predict less as many deviations; of these bounds the floor(alpha (n + 1))-th smallest counts. So
/// a trial that is exchangeable with those that calibrate ends at or above all the bounds that it
/// is given with probability 1 - 2 alpha at least, whatever the regression is worth, and close to
/// 1 - alpha where no single trial decides what it says.
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
    std::uint64_t seed = 0;  ///< draws which calibrate where there are more than are needed
  };

  /// Examples by ascending number.
  FinalValue(const std::vector<Example>& examples, Options options);

  /// Whether bounds say anything: there are enough trials to calibrate them.
  bool bounded() const { return left_out_.size() >= fewest(options_.alpha); }
  /// Fewest exempt examples with which they do.
  static std::size_t fewest(double alpha);
  /// Whether these would be enough, without learning from them.
  static bool enough(const std::vector<Example>& examples, double alpha);

  /// At point `at` of the curve, which is where decision `decision` falls. None when too few trials
  /// teach it, or a number that it needs is missing.
  std::optional<Prediction> predict(const Course& course, std::size_t decision,
                                    std::size_t at) const;

 private:
  using Models = std::vector<std::optional<Ridge>>;  ///< of each decision

  double inward(double value) const;
  double outward(double inner) const;
  Models learn(const std::vector<Example>& examples) const;
  std::optional<Ridge> learn(const std::vector<Example>& examples, std::size_t decision) const;
  /// Predicted value and its deviation, inward.
  std::optional<std::pair<double, double>> inner(const std::optional<Ridge>& model,
                                                 const Course& course, std::size_t at) const;
  double score(const Models& models, const Example& example) const;
  /// The bound, inward.
  double lower(const Course& course, std::size_t decision, std::size_t at) const;

  /// A trial that calibrates.
  struct LeftOut {
    Models models;  ///< fitted without it
    double score;   ///< of it, >= 0
  };

  Options options_;
  Models models_;
  std::vector<LeftOut> left_out_;
};

}  // namespace paretiny::stopping

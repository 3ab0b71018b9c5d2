// What was seen of a trial while it ran.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace paretiny::stopping {

/// After an epoch, or after a step of a black box.
struct CurvePoint {
  double fraction = 0;         ///< of the trial's own epochs that are done, in (0, 1]
  std::vector<double> values;  ///< of the open objectives, NaN where not measured
  /// What may help to tell how it ends, such as training loss, training error, sparsity: in one
  /// order for all trials of a study; NaN where not known.
  std::vector<double> hints{};
};

/// By ascending fraction; after the last epoch it is 1.
using Curve = std::vector<CurvePoint>;

/// For each of the ascending `fractions` the first point that has reached it: where a decision
/// falls. None while it is not reached, where that is before `earliest` or at the end, when nothing
/// is left to be saved, and where the next fraction falls on the same point.
std::vector<std::optional<std::size_t>> decision_points(const Curve& curve,
                                                        const std::vector<double>& fractions,
                                                        double earliest);

/// What a prediction of open objective `open` looks at, at point `at` of a curve: the value, its
/// change since half the way, the best so far less the value, the fraction, the hints, the trial's
/// position in the unit cube. Always in this order; NaN where not known.
std::vector<double> curve_features(const Curve& curve, std::size_t at, std::size_t open,
                                   const std::vector<double>& x);

}  // namespace paretiny::stopping

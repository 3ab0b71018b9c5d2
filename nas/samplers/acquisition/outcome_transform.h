// Objectives and constraints in the units that samplers compute in: whatever units a problem has,
// samplers see the same numbers, and a heavy tail does not flatten what matters.
#pragma once

#include <vector>

#include "nas/samplers/sampler.h"

namespace paretiny::samplers {

/// How far values beyond the limit, or the reference, still differ; d is how far they are beyond,
/// in ranges.
enum class Beyond {
  linear,       ///< as they are; no tail is looked for either
  logarithmic,  ///< d counts as ln(1 + d)
  /// d counts as c tanh(ln(1 + d) / c), c twice the median of ln(1 + d) and 1/2 at least: what is
  /// as far beyond as most are can be told apart, and the farthest do not set the scale of the rest
  bounded,
};

/// A rising map of one objective. Its range, from the least value measured to the reference,
/// becomes [0, 1]. Unless it is linear, values with a heavy tail enter as ln(1 + v / s), s of the
/// largest likelihood (the shifted logarithm of Box and Cox, 1964).
class ObjectiveTransform {
 public:
  ObjectiveTransform() = default;  ///< the identity
  /// `values`: finite ones that were measured, at least one. `reference` is above the least of
  /// them; `limit` is infinity for none.
  ObjectiveTransform(const std::vector<double>& values, double reference, double limit,
                     Beyond beyond);

  /// Infinity and NaN stay.
  double operator()(double value) const;
  double slope(double value) const;
  /// What a transformed value is of the range: 0 for the least measured, 1 for the reference.
  /// Values beyond the limit or the reference stay beyond it.
  double share(double transformed) const;
  double share_slope(double transformed) const;

 private:
  double share_of(double value) const;
  double tempered(double share) const;

  double least_ = 0;
  double range_ = 1;
  double knee_ = 1e300;  ///< a share, where the logarithm begins
  double most_ = 0;      ///< c, what beyond the knee counts at most; 0 for no bound
  double spread_ = 0;    ///< s, as a share; 0 for no heavy tail
  double unit_ = 1;      ///< the logarithm of a share of 1, which counts as 1
};

/// A problem and its history in such units.
struct Transformed {
  SamplerProblem problem;
  std::vector<Observation> history;
  std::vector<ObjectiveTransform> objectives;
  bool inferred = false;  ///< whether the reference is
};

/// Constraints keep their zero: they are divided by the largest; with a heavy tail both sides enter
/// as ln(1 + |c| / median) (the "bilog" of Eriksson and Poloczek, 2021). A reference that no trial
/// has reached yet gives way to one inferred from the trials. The problem's `known` objectives
/// follow. Values beyond are bounded once more trials than there are parameters lie below the
/// reference, logarithmic before: what leads there is then all that is known. All but constraints'
/// tails is linear unless `fit` is true.
Transformed transformed(const SamplerProblem& problem, const std::vector<Observation>& history,
                        bool fit);

/// A reference below which trials lie, when `reference` is below them all, else `reference`: a
/// tenth of their extent beyond the worst of the Pareto set, in each objective at least
/// `reference`. `points`: objectives of trials inside all limits.
std::vector<double> reachable_reference(const std::vector<std::vector<double>>& points,
                                        std::vector<double> reference);

}  // namespace paretiny::samplers

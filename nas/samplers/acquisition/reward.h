// What a walk through the unit cube is rewarded by: the logarithm of how promising a point is, as
// ops on a stream.
#pragma once

#include "nas/samplers/acquisition/device_boxes.h"
#include "nas/samplers/acquisition/knowledge.h"

namespace paretiny::samplers {

enum class Improvement {
  scalarised,   ///< of ParEGO's augmented Chebyshev scalarisation, Monte Carlo (Knowles, 2006)
  hypervolume,  ///< of the hypervolume, in closed form
};

/// log of (expected improvement x probability of staying inside the limits, failure's among them).
/// While no finished trial meets the limits, that probability alone.
class Reward {
 public:
  /// The reference is one more limit on each objective. The scalarisation has objectives scaled to
  /// [0, 1] between the Pareto set's least and the reference, weights uniform on the simplex, new
  /// each trial, and `samples` base samples common to all points; its improvement is over the best
  /// of the Pareto set's members below the reference, and while there are none, the chances count
  /// alone. What the surrogates hold as pending counts as members. The surrogates must outlive the
  /// reward.
  Reward(const SamplerProblem& problem, const Knowledge& knowledge,
         const surrogate::Surrogates& surrogates, Improvement improvement, std::size_t samples,
         std::uint64_t trial);

  /// Gives the stream the ops that write the rewards [1, 1, 1, q] of queries [1, 1, q, d], all
  /// finite; they may be recorded. mean, variance: [1, 1, sets, q] for what is believed there.
  void operator()(ConstView queries, View mean, View variance, View rewards) const;

  /// Rewards of points [q, d]: [q].
  Eigen::VectorXd at(const surrogate::RowMatrix& points) const;

  const surrogate::Surrogates& surrogates() const { return surrogates_; }

 private:
  void set_scalarisation(const pareto::Points& front, const std::vector<double>& reference,
                         std::size_t samples, std::uint64_t seed, std::uint64_t trial);
  void set_boxes(const pareto::Points& front, const std::vector<double>& reference);

  const surrogate::Surrogates& surrogates_;
  bool improves_ = false;  ///< whether there is a Pareto set to improve on
  Improvement improvement_;
  surrogate::DeviceArray low_, factor_, normals_;
  double best_ = 0;
  DeviceBoxes boxes_;
  surrogate::DeviceArray limits_;
  bool limited_ = false;
};

}  // namespace paretiny::samplers

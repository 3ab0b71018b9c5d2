// What the search believes after a history, and how promising that makes a point.
#pragma once

#include <optional>
#include <vector>

#include "nas/pareto/pareto.h"
#include "nas/samplers/sampler.h"
#include "nas/surrogate/surrogate.h"

namespace paretiny {

/// log of (expected improvement x probability of staying inside the limits x chance of not
/// failing):
///  - Each objective has a surrogate on every trial where it is finite, infeasible ones included.
///    Values above the limit 1 enter as 1 + ln(value), so that a gross overrun does not flatten the
///    surrogate below the limit.
///  - Improvement is that of ParEGO's augmented Chebyshev scalarisation, max_k w_k u_k +
///    0.05 sum_k w_k u_k, of objectives u scaled to [0, 1] over the Pareto set, with weights
///    uniform on the simplex, new each trial (Knowles, 2006), over the best finished trial inside
///    the limits. Its expectation is a mean over base samples common to all points. Improvement is
///    smoothed as softplus, so that its logarithm stays finite and ordered where all samples fall
///    short.
///  - The limits count as prod_k P(objective_k <= 1); alone, while no finished trial meets them.
///  - The chance of not failing is a kernel average over finished, infeasible and failed trials,
///    with a tenth of a success taken for granted everywhere.
class Acquisition {
 public:
  Acquisition(const SamplerProblem& problem, const std::vector<Observation>& history,
              std::uint64_t trial, std::size_t samples);

  /// Whether anything is known that a model can be made of.
  bool informed() const { return anchors_.rows() > 0; }

  /// The best positions so far, [a, d]: the Pareto set of the finished trials, those inside the
  /// limits before those outside; while there are none, the infeasible trials of least violation.
  const Eigen::MatrixXd& anchors() const { return anchors_; }

  /// points: snapped, [p, d]. Returns [p]; finite.
  Eigen::ArrayXd operator()(const Eigen::MatrixXd& points) const;

 private:
  struct Scalarisation {
    Eigen::ArrayXd low;     ///< [m]
    Eigen::ArrayXd factor;  ///< weight over range, [m]
    double best = 0;
    Eigen::ArrayXXd normal;  ///< base samples [samples, m]

    double operator()(const Eigen::ArrayXd& objectives) const;
  };

  void set_scalarisation(const Points& front, std::uint64_t seed, std::uint64_t trial,
                         std::size_t samples);
  double log_improvement(const Eigen::ArrayXd& mean, const Eigen::ArrayXd& deviation) const;
  double log_survival(const Eigen::RowVectorXd& point) const;

  std::vector<std::optional<Surrogate>> surrogates_;  ///< [m]; none where never measured
  std::optional<Scalarisation> scalarisation_;
  Eigen::MatrixXd anchors_;
  Eigen::MatrixXd survived_;
  Eigen::MatrixXd failed_;
};

}  // namespace paretiny

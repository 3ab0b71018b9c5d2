// What TuRBO and MORBO share: a box about a centre, candidates that differ from a point of it in a
// few coordinates, and one joint draw of all surrogates over them.
#pragma once

#include <vector>

#include "kernels/core/random.h"
#include "nas/samplers/acquisition/knowledge.h"
#include "nas/space/sobol.h"

namespace paretiny::samplers {

/// A trust region's edge and how it fares (Eriksson et al., "Scalable global optimization via local
/// Bayesian optimization", 2019).
struct TrustRegionRules {
  double first = 0.8, longest = 1.6, shortest = 0.0078125;
  std::size_t successes = 3;  ///< in a row, to double it
  std::size_t failures = 4;   ///< in a row, to halve it
};

class TrustRegion {
 public:
  explicit TrustRegion(const TrustRegionRules& rules) : rules_(rules), length_(rules.first) {}

  double length() const { return length_; }
  /// Whether it has shrunk below its shortest edge.
  bool spent() const { return length_ < rules_.shortest; }
  void count(bool success);

 private:
  TrustRegionRules rules_;
  double length_;
  std::size_t successes_ = 0;
  std::size_t failures_ = 0;
};

/// `count` candidates, snapped: each is a row of `bases` [b, d], in turn, with coordinates replaced
/// by those of a scrambled Sobol point in the box low .. high [d], each with the given probability
/// and one at least.
surrogate::RowMatrix perturbed(const space::Space& space, const surrogate::RowMatrix& bases,
                               const Eigen::RowVectorXd& low, const Eigen::RowVectorXd& high,
                               std::size_t count, double probability, Random& random);

/// One joint draw of every quantity over `candidates` [c, d], in the values' units, and how much
/// each candidate violates in it.
struct ThompsonDraw {
  surrogate::RowMatrix values;  ///< [quantities, c]
  Eigen::VectorXd violation;    ///< [c], sum over limits of the excess in standard deviations
};
ThompsonDraw thompson_draw(const std::vector<Quantity>& quantities,
                           const surrogate::Surrogates& surrogates,
                           const surrogate::RowMatrix& candidates, std::uint64_t key);

/// Candidates from the best on: those that violate nothing by `score` (larger first), then the
/// others by their violation.
std::vector<std::vector<double>> by_score(const surrogate::RowMatrix& candidates,
                                          const Eigen::VectorXd& violation,
                                          const Eigen::VectorXd& score);

}  // namespace paretiny::samplers

// Acquisition functions that average a gain over joint draws of all objectives and constraints:
// noisy expected improvement of a scalarisation (qParEGO) and of the hypervolume (qNEHVI), in
// logarithms (Ament et al., "Unexpected improvements to expected improvement", 2023).
#pragma once

#include <memory>
#include <stop_token>

#include "nas/samplers/acquisition/knowledge.h"
#include "nas/samplers/acquisition/outcome_transform.h"
#include "nas/surrogate/posterior_paths.h"

namespace paretiny::samplers {

/// max(0, t) made smooth, (t + sqrt(t^2 + 4 width^2)) / 2 (Barron, "Squareplus", 2021): its tail
/// falls as 1 / t, so that its logarithm still has a slope far from any gain.
inline double squareplus(double t, double width) {
  const double root = std::sqrt(t * t + 4 * width * width);
  // Without cancellation on the left.
  return t > 0 ? (t + root) / 2 : 2 * width * width / (root - t);
}
inline double squareplus_slope(double t, double width) {
  const double root = std::sqrt(t * t + 4 * width * width);
  return t > 0 ? (1 + t / root) / 2 : 2 * width * width / (root * (root - t));
}

/// What candidates gain over what is known, in one draw of all quantities.
class PathGain {
 public:
  virtual ~PathGain() = default;
  /// log of the gain of objectives [m, q], standardised, in draw `path`: [q], > -infinity; its
  /// derivatives [m, q] unless null.
  virtual Eigen::VectorXd operator()(std::size_t path, const surrogate::RowMatrix& objectives,
                                     surrogate::RowMatrix* slopes) const = 0;
};

class PathAcquisition {
 public:
  /// `gain` may be null: then only the chance of meeting the limits counts.
  PathAcquisition(const Knowledge& knowledge, const surrogate::PosteriorPaths& paths,
                  const surrogate::Surrogates& surrogates, std::unique_ptr<PathGain> gain);

  /// log of the mean over the draws of gain x chance of meeting every limit: [p]; the gradients
  /// [p, d] unless null. Where `certain` [objectives, p] is given and not NaN, all draws of that
  /// objective have its value.
  Eigen::VectorXd operator()(const surrogate::RowMatrix& points, surrogate::RowMatrix* gradients,
                             const surrogate::RowMatrix* certain = nullptr) const;

 private:
  /// Of each of q points in each draw, from all sets' values [sets q, draws]: [q, draws];
  /// derivatives [sets q, draws] unless null.
  surrogate::RowMatrix logs_of(const surrogate::RowMatrix& values, Eigen::Index q,
                               surrogate::RowMatrix* slopes) const;

  const surrogate::PosteriorPaths& paths_;
  const surrogate::Surrogates& surrogates_;
  std::unique_ptr<PathGain> gain_;
  Eigen::Index objectives_ = 0;  ///< sets that are objectives, the first ones
  std::vector<double> limits_;   ///< of each set, standardised
  std::vector<Quantity> quantities_;
};

/// Trials that a candidate must beat: complete ones inside the limits and those pending. [b, d].
surrogate::RowMatrix baseline(const Knowledge& knowledge);

/// Improvement of the augmented Chebyshev scalarisation with `weights` [m] of objectives scaled to
/// [0, 1] over the complete trials, over the best of the baseline in the same draw.
std::unique_ptr<PathGain> scalarised_gain(const Knowledge& knowledge,
                                          const surrogate::Surrogates& surrogates,
                                          const surrogate::PosteriorPaths& paths,
                                          const std::vector<double>& weights);

/// Improvement of the hypervolume below `reference` over the baseline's in the same draw, of
/// objectives taken back to shares of their ranges by `transforms` [m]. Throws Interrupted.
std::unique_ptr<PathGain> hypervolume_gain(const Knowledge& knowledge,
                                           const surrogate::Surrogates& surrogates,
                                           const surrogate::PosteriorPaths& paths,
                                           const std::vector<ObjectiveTransform>& transforms,
                                           const std::vector<double>& reference,
                                           const std::stop_token& stop = {});

}  // namespace paretiny::samplers

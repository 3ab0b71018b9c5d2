// What surrogates make of a study: how well they predict what was measured, and what they think
// matters.
#pragma once

#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::report {

/// One surrogate, of an objective or a constraint, in the units that samplers compute in
/// (nas/samplers/acquisition/outcome_transform.h).
struct SurrogateFit {
  std::string name;
  std::vector<double> measured;
  std::vector<double> predicted;  ///< by the others, each without itself
  double r2 = 0;                  ///< of the predictions
  /// By parameter of the space: the shortest of its coordinates, as a share of its range.
  std::vector<std::pair<std::string, double>> lengthscales;
};

/// Fewer measurements than these say nothing about a surrogate; more than those take too long.
inline constexpr std::size_t kLeastFitted = 8;
inline constexpr std::size_t kMostFitted = 300;

/// Surrogates of all that has kLeastFitted measurements; of many, kMostFitted are taken, evenly.
/// Empty where the study's space cannot be read any more.
std::vector<SurrogateFit> surrogate_fits(const study::StudyHeader& header,
                                         const std::vector<study::Trial>& trials);

/// The report's section of it.
std::string surrogates_section(const std::vector<SurrogateFit>& fits);

}  // namespace paretiny::report

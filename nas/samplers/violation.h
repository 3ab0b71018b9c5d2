// How far a trial is from meeting what a problem demands.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "nas/samplers/sampler.h"

namespace paretiny::samplers {

/// By how much a value is beyond its limit, as a share of the limit; as it is for a limit of 0.
inline double excess_share(double excess, double limit) {
  return limit == 0 ? excess : excess / std::abs(limit);
}

/// Sum over what was measured of how far objectives are above their limits and constraints above 0,
/// in the problem's units (outcome_transform.h makes them comparable): 0 where nothing is violated.
inline double violation_of(const SamplerProblem& problem, const Observation& observation) {
  double sum = 0;
  for (std::size_t k = 0; k < problem.limits.size() && k < observation.objectives.size(); ++k) {
    const double limit = problem.limits[k];
    const double excess = observation.objectives[k] - limit;
    if (std::isfinite(limit) && excess > 0) sum += excess;
  }
  for (const double constraint : observation.constraints) {
    if (constraint > 0) sum += constraint;
  }
  return sum;
}

/// Below the reference in every objective.
inline bool is_below(const std::vector<double>& point, const std::vector<double>& reference) {
  return std::equal(point.begin(), point.end(), reference.begin(), std::less<>());
}

}  // namespace paretiny::samplers

// How far a trial is from meeting what a problem demands.
#pragma once

#include <cmath>

#include "nas/samplers/sampler.h"

namespace paretiny::samplers {

/// By how much a value is beyond its limit, as a share of the limit; as it is for a limit of 0.
inline double excess_share(double excess, double limit) {
  return limit == 0 ? excess : excess / std::abs(limit);
}

/// Sum over what was measured of (objective - limit) / |limit| where above its limit (the
/// difference itself for a limit of 0) and of constraints above 0: 0 where nothing is violated.
inline double violation_of(const SamplerProblem& problem, const Observation& observation) {
  double sum = 0;
  for (std::size_t k = 0; k < problem.limits.size() && k < observation.objectives.size(); ++k) {
    const double limit = problem.limits[k];
    const double excess = observation.objectives[k] - limit;
    if (std::isfinite(limit) && excess > 0) sum += excess_share(excess, limit);
  }
  for (const double constraint : observation.constraints) {
    if (constraint > 0) sum += constraint;
  }
  return sum;
}

}  // namespace paretiny::samplers

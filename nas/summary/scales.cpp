#include "nas/summary/scales.h"

#include <algorithm>

#include "nas/pareto/pareto.h"

namespace paretiny::summary {
namespace {

/// What bounds the hypervolume, where it is not taken from the trials.
std::optional<double> reference_of(const study::Objective& objective) {
  return objective.reference ? objective.reference : objective.limit;
}

/// All objectives are known, whether the trial keeps its bounds or not. The scale of a hypervolume
/// that only knew trials inside the bounds would shut out what lies beyond the first of them.
bool is_measured(const study::Trial& trial) {
  return (trial.state == study::TrialState::done || trial.state == study::TrialState::infeasible) &&
         pareto::all_finite(trial.objectives);
}

}  // namespace

std::vector<double> objective_origins(const std::vector<study::Objective>& objectives,
                                      const std::vector<study::Trial>& trials) {
  std::vector<double> origins;
  for (std::size_t m = 0; m < objectives.size(); ++m) {
    double origin = 0;
    for (const study::Trial& trial : trials) {
      if (is_measured(trial)) origin = std::min(origin, trial.objectives[m]);
    }
    // Nothing is below such a reference yet; any origin below it will do.
    const std::optional<double> reference = reference_of(objectives[m]);
    if (reference && *reference <= origin) origin = *reference - 1;
    origins.push_back(origin);
  }
  return origins;
}

std::vector<double> objective_scales(const std::vector<study::Objective>& objectives,
                                     const std::vector<study::Trial>& trials) {
  const std::vector<double> origins = objective_origins(objectives, trials);
  std::vector<double> scales;
  for (std::size_t m = 0; m < objectives.size(); ++m) {
    double worst = origins[m];
    for (const study::Trial& trial : trials) {
      if (is_measured(trial)) worst = std::max(worst, trial.objectives[m]);
    }
    const double range = worst - origins[m];
    const double unlimited = objectives[m].name == "error" || range == 0 ? 1.0 : 1.1 * range;
    const std::optional<double> reference = reference_of(objectives[m]);
    scales.push_back(reference ? *reference - origins[m] : unlimited);
  }
  return scales;
}

std::vector<double> objective_reference(const std::vector<study::Objective>& objectives,
                                        const std::vector<study::Trial>& trials) {
  std::vector<double> reference = objective_origins(objectives, trials);
  const std::vector<double> scales = objective_scales(objectives, trials);
  for (std::size_t m = 0; m < reference.size(); ++m) reference[m] += scales[m];
  return reference;
}

bool is_feasible(const std::vector<study::Objective>& objectives, const study::Trial& trial) {
  if (trial.state != study::TrialState::done) return false;
  for (std::size_t m = 0; m < objectives.size(); ++m) {
    if (objectives[m].limit && trial.objectives[m] > *objectives[m].limit) return false;
  }
  return true;
}

}  // namespace paretiny::summary

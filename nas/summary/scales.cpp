#include "nas/summary/scales.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "nas/pareto/lone_unit.h"
#include "nas/pareto/pareto.h"

namespace paretiny::summary {
namespace {

/// What bounds the hypervolume, where it is not taken from the trials.
std::optional<double> reference_of(const study::Objective& objective) {
  std::optional<double> reference = objective.reference ? objective.reference : objective.limit;
  if (reference) reference = minimised(objective, *reference);
  return reference;
}

/// All objectives are known, whether the trial keeps its bounds or not. The scale of a hypervolume
/// that only knew trials inside the bounds would shut out what lies beyond the first of them.
bool is_measured(const study::Trial& trial) {
  return (trial.state == study::TrialState::done || trial.state == study::TrialState::infeasible) &&
         pareto::all_finite(trial.objectives);
}

/// The least and the largest of an objective that were measured; (infinity, -infinity) for nothing.
std::pair<double, double> measured_range(const std::vector<study::Objective>& objectives,
                                         const std::vector<study::Trial>& trials, std::size_t m) {
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (const study::Trial& trial : trials) {
    if (!is_measured(trial)) continue;
    const double value = minimised(objectives[m], trial.objectives[m]);
    least = std::min(least, value);
    most = std::max(most, value);
  }
  return {least, most};
}

/// The two's distance, or a length for what spans none.
double unit_length(double low, double high) {
  return high > low ? high - low : pareto::lone_unit(low, low);
}

}  // namespace

std::vector<double> objective_origins(const std::vector<study::Objective>& objectives,
                                      const std::vector<study::Trial>& trials) {
  std::vector<double> origins;
  for (std::size_t m = 0; m < objectives.size(); ++m) {
    const auto [least, most] = measured_range(objectives, trials, m);
    double origin = least;
    if (objectives[m].measure != study::Measure::number || least > most)
      origin = std::min(0.0, least);
    // Nothing is below such a reference yet; an origin below it will do that knows no units.
    const std::optional<double> reference = reference_of(objectives[m]);
    if (reference && *reference <= origin) {
      origin = *reference - unit_length(*reference, std::max(most, *reference));
    }
    origins.push_back(origin);
  }
  return origins;
}

std::vector<double> objective_scales(const std::vector<study::Objective>& objectives,
                                     const std::vector<study::Trial>& trials) {
  const std::vector<double> origins = objective_origins(objectives, trials);
  std::vector<double> scales;
  for (std::size_t m = 0; m < objectives.size(); ++m) {
    const std::optional<double> reference = reference_of(objectives[m]);
    const double worst = std::max(origins[m], measured_range(objectives, trials, m).second);
    if (reference) {
      scales.push_back(*reference - origins[m]);
    } else if (objectives[m].measure == study::Measure::share) {
      scales.push_back(1);
    } else {
      scales.push_back(worst > origins[m] ? 1.1 * (worst - origins[m])
                                          : unit_length(origins[m], worst));
    }
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

bool reference_reached(const std::vector<study::Objective>& objectives,
                       const std::vector<study::Trial>& trials) {
  return std::any_of(trials.begin(), trials.end(), [&](const study::Trial& trial) {
    if (!is_feasible(objectives, trial)) return false;
    for (std::size_t m = 0; m < objectives.size(); ++m) {
      const study::Objective& objective = objectives[m];
      if (objective.reference &&
          minimised(objective, trial.objectives[m]) >= minimised(objective, *objective.reference)) {
        return false;
      }
    }
    return true;
  });
}

std::string reference_note(const std::vector<study::Objective>& objectives,
                           const std::vector<study::Trial>& trials) {
  std::string given;
  bool higher = false;
  for (const study::Objective& objective : objectives) {
    if (!objective.reference) continue;
    higher = higher || objective.maximize;
    given +=
        fmt::format("{}{} {}", given.empty() ? "" : ", ", objective.name, *objective.reference);
  }
  if (given.empty()) return "";
  const bool any = std::any_of(trials.begin(), trials.end(), [&](const study::Trial& trial) {
    return is_feasible(objectives, trial);
  });
  if (!any || reference_reached(objectives, trials)) return "";
  return fmt::format(
      "no trial is {} the reference ({}) yet: until one is, the search goes by "
      "what its trials reach",
      higher ? "better than" : "below", given);
}

bool is_feasible(const std::vector<study::Objective>& objectives, const study::Trial& trial) {
  if (trial.state != study::TrialState::done) return false;
  for (std::size_t m = 0; m < objectives.size(); ++m) {
    const study::Objective& objective = objectives[m];
    if (objective.limit &&
        minimised(objective, trial.objectives[m]) > minimised(objective, *objective.limit)) {
      return false;
    }
  }
  return true;
}

}  // namespace paretiny::summary

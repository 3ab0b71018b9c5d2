#include "nas/summary/summary.h"

#include <algorithm>
#include <cmath>

#include "nas/pareto/hypervolume.h"
#include "nas/summary/scales.h"

namespace paretiny::summary {
namespace {

/// Hypervolume after each trial. A trial that is not feasible, or is dominated by the front so far,
/// adds nothing and costs nothing.
std::vector<double> hypervolume_series(const std::vector<study::Objective>& objectives,
                                       const std::vector<study::Trial>& trials,
                                       const std::vector<double>& origins,
                                       const std::vector<double>& scales) {
  const std::vector<double> reference(objectives.size(), 1.0);
  pareto::Points front;
  std::vector<double> series;
  for (const study::Trial& trial : trials) {
    double volume = series.empty() ? 0.0 : series.back();
    if (is_feasible(objectives, trial)) {
      std::vector<double> point = study::minimised(objectives, trial.objectives);
      for (std::size_t m = 0; m < point.size(); ++m) point[m] = (point[m] - origins[m]) / scales[m];
      if (pareto::extend_front(front, point)) volume = pareto::hypervolume(front, reference);
    }
    series.push_back(volume);
  }
  return series;
}

}  // namespace

StudySummary summarise(const std::vector<study::Objective>& objectives,
                       const std::vector<study::Trial>& trials) {
  StudySummary summary;
  summary.origins = objective_origins(objectives, trials);
  summary.scales = objective_scales(objectives, trials);
  summary.hypervolume = hypervolume_series(objectives, trials, summary.origins, summary.scales);
  summary.count.fill(0);

  std::vector<std::size_t> feasible;
  pareto::Points points;
  std::string first;
  std::string last;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const study::Trial& trial = trials[i];
    ++summary.count[static_cast<std::size_t>(trial.state)];
    const double seconds = study::seconds_between(trial.started, trial.finished);
    if (trial.lease_until == 0 && std::isfinite(seconds)) {
      summary.computing += std::max(0.0, seconds);
      if (first.empty() || trial.started < first) first = trial.started;
      last = std::max(last, trial.finished);
    }
    if (is_feasible(objectives, trial)) {
      feasible.push_back(i);
      points.push_back(study::minimised(objectives, trial.objectives));
    }
  }
  if (!first.empty()) summary.elapsed = std::max(0.0, study::seconds_between(first, last));

  for (const std::size_t member : pareto::non_dominated(points)) {
    summary.front.push_back(feasible[member]);
  }
  std::stable_sort(summary.front.begin(), summary.front.end(), [&](std::size_t a, std::size_t b) {
    return study::minimised(objectives, trials[a].objectives) <
           study::minimised(objectives, trials[b].objectives);
  });
  const auto error = std::find_if(
      objectives.begin(), objectives.end(),
      [](const study::Objective& objective) { return objective.measure == study::Measure::share; });
  if (error != objectives.end() && !summary.front.empty()) {
    const auto column = static_cast<std::size_t>(error - objectives.begin());
    summary.best = *std::min_element(
        summary.front.begin(), summary.front.end(), [&](std::size_t a, std::size_t b) {
          return trials[a].objectives[column] < trials[b].objectives[column];
        });
  }
  return summary;
}

}  // namespace paretiny::summary

#include "nas/reproduce/comparison.h"

#include <algorithm>
#include <limits>
#include <map>

#include "nas/summary/summary.h"

namespace paretiny::reproduce {
namespace {

RunFindings findings_of(const ComparisonRun& run, std::vector<study::Objective> objectives,
                        const std::vector<study::Trial>& trials, std::int64_t wanted) {
  // The scale of one run has to be that of all: a problem's begins at 0, not at what a run found.
  for (study::Objective& objective : objectives) {
    if (objective.measure == study::Measure::number) objective.measure = study::Measure::size;
  }
  // One after another: what is still under way is the last.
  const auto ended = std::ranges::find_if_not(trials, study::has_ended);
  const std::vector<study::Trial> known(trials.begin(), ended);
  const summary::StudySummary summary = summary::summarise(objectives, known);
  RunFindings found;
  found.run = run;
  found.complete = static_cast<std::int64_t>(known.size()) >= wanted;
  found.hypervolume = summary.hypervolume;
  found.count = summary.count;
  for (const std::size_t index : summary.front) found.front.push_back(known[index]);
  for (const study::Trial& trial : known) {
    const auto seconds = trial.metrics.find("training_seconds");
    if (seconds != trial.metrics.end()) found.training += seconds->second;
  }
  return found;
}

compare::SamplerRun sampler_run(const RunFindings& found) {
  compare::SamplerRun run{found.run.sampler, found.run.seed, {}};
  for (const double volume : found.hypervolume) {
    run.trials.push_back({volume, std::numeric_limits<double>::quiet_NaN()});
  }
  return run;
}

}  // namespace

Comparison read_comparison(const ComparisonFolder& folder) {
  Comparison comparison;
  comparison.recipe = folder.recipe();
  std::set<std::uint64_t> candidates;
  for (const ComparisonRun& run : folder.begun()) {
    // What a creation that was cut short has left is none yet.
    const auto study = study::find_study(folder.study(run));
    if (!study) continue;
    const study::StudyHeader& header = study->header();
    const std::vector<study::Trial>& trials = study->trials();
    comparison.objectives = header.objectives;
    comparison.commits.insert(header.commit);
    comparison.devices.insert(header.device);
    for (const study::Trial& trial : trials) {
      if (!trial.metrics.contains("training_seconds")) continue;
      ++comparison.trained;
      candidates.insert(trial.architecture);
    }
    RunFindings found = findings_of(run, header.objectives, trials, comparison.recipe.trials);
    if (!found.hypervolume.empty()) comparison.runs.push_back(std::move(found));
  }
  comparison.trainings = candidates.size();
  return comparison;
}

problems::Problem named_problem(const Comparison& comparison) {
  problems::Problem problem;
  problem.name = comparison.recipe.task + ", budget " + comparison.recipe.budget;
  return problem;
}

compare::Results complete_results(const Comparison& comparison, const problems::Problem& problem) {
  compare::Results results(problem);
  for (const RunFindings& found : comparison.runs) {
    if (found.complete) results.set(sampler_run(found));
  }
  return results;
}

compare::Results drawn_results(const Comparison& comparison, const problems::Problem& problem) {
  std::map<std::string, const RunFindings*> longest;
  for (const RunFindings& found : comparison.runs) {
    const RunFindings*& best = longest[found.run.sampler];
    if (best == nullptr || found.hypervolume.size() > best->hypervolume.size()) best = &found;
  }
  compare::Results results(problem);
  for (const RunFindings& found : comparison.runs) {
    const RunFindings* best = longest[found.run.sampler];
    if (best->complete ? found.complete : best == &found) results.set(sampler_run(found));
  }
  return results;
}

}  // namespace paretiny::reproduce

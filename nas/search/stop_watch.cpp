#include "nas/search/stop_watch.h"

#include <fmt/core.h>

#include "nas/pareto/pareto.h"
#include "nas/summary/scales.h"

namespace paretiny::search {

std::string record_run(study::Study& study, const std::map<std::string, std::string>& settings) {
  const std::vector<study::RunRecord> runs = study.runs();
  if (!study.add_run(settings) || runs.empty()) return "";
  const std::map<std::string, std::string>& before = runs.back().settings;
  std::map<std::string, std::string> all = settings;
  all.insert(before.begin(), before.end());
  const auto value = [](const std::map<std::string, std::string>& of, const std::string& key) {
    const auto found = of.find(key);
    return found == of.end() ? std::string("none") : found->second;
  };
  std::string changes;
  for (const auto& [key, unused] : all) {
    const std::string then = value(before, key), now = value(settings, key);
    if (then == now || key == kJobsSetting) continue;
    changes += fmt::format("{}{} is {}, it was {}", changes.empty() ? "" : ", ", key, now, then);
  }
  if (changes.empty()) return "";
  return fmt::format(
      "this run has other settings than the one before ({}): the study's trials do not follow from "
      "its seed alone any more",
      changes);
}

const stopping::Curve& StopRecords::curve_of(const study::Trial& trial) {
  Kept& kept = curves_[trial.number];
  // A stopped trial may have been run to its end since.
  if (kept.finished.empty() || kept.finished != trial.finished) {
    kept = {trial.finished, subject_.curve(trial)};
  }
  return kept.curve;
}

stopping::Course StopRecords::course(const study::Trial& trial, stopping::Curve curve) const {
  return {trial.number, subject_.space->encode(trial.values), std::move(curve),
          subject_.earliest ? subject_.earliest(trial) : 0.0};
}

stopping::StopHistory StopRecords::history(const std::vector<study::Trial>& trials,
                                           std::int64_t before) {
  stopping::StopHistory history;
  history.open = subject_.open;
  history.seed = subject_.seed;
  std::vector<study::Trial> known;
  for (const study::Trial& trial : trials) {
    if (trial.number < before && study::has_ended(trial)) known.push_back(trial);
  }
  history.reference = summary::objective_reference(subject_.objectives, known);
  for (const study::Trial& trial : known) {
    const stopping::Curve& curve = curve_of(trial);
    const bool stopped = trial.state == study::TrialState::stopped;
    // Without a curve only what is measured counts: a candidate that is too large is never trained.
    const bool measured = !stopped && pareto::all_finite(trial.objectives);
    if (curve.empty() && !measured) continue;
    history.trials.push_back({course(trial, curve), trial.objectives, trial.verdict, !stopped,
                              summary::is_feasible(subject_.objectives, trial)});
  }
  return history;
}

stopping::StopTrial StopRecords::begin(const study::Trial& trial, std::vector<double> known) const {
  return {course(trial, {}), std::move(known), trial.verdict, false, true};
}

StopWatch::StopWatch(stopping::StopSpec spec, stopping::StopHistory history,
                     stopping::StopTrial trial)
    : spec_(std::move(spec)), history_(std::move(history)), trial_(std::move(trial)) {
  const bool wanted = trial_.verdict && trial_.verdict->reason == stopping::StopReason::wanted;
  if (!wanted) trial_.verdict = stopping::enlist(spec_, history_, trial_.course.number);
}

const stopping::StopVerdict& StopWatch::add(stopping::CurvePoint point) {
  trial_.course.curve.push_back(std::move(point));
  trial_.verdict = stopping::judge(spec_, history_, trial_);
  return *trial_.verdict;
}

std::string StopWatch::reason(const std::vector<std::string>& names) const {
  return stopping::explain(*trial_.verdict, history_, names);
}

}  // namespace paretiny::search

// Replays finished studies under a rule of stopping: which of their trials it would have ended,
// when, and what that would have cost. The trials stay those that the sampler asked for without the
// rule.
//
//     stopping_replay [--method hypervolume|asha] [--alpha 0.1] [--delta 0.001] STUDY...
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "nas/experiment/experiment.h"
#include "nas/pareto/hypervolume.h"
#include "nas/stopping/stopping.h"
#include "nas/study/study.h"
#include "nas/summary/scales.h"

namespace paretiny {
namespace {

stopping::StopTrial as_ended(const experiment::Experiment& experiment, study::Study& study,
                             const study::Trial& trial, const std::vector<double>& scales) {
  stopping::StopTrial ended;
  ended.course.number = trial.number;
  ended.course.x = experiment.space.encode(trial.values);
  const std::vector<study::EpochRecord> epochs = study.epochs(trial.number);
  for (const study::EpochRecord& epoch : epochs) {
    ended.course.curve.push_back(
        {static_cast<double>(epoch.epoch) / static_cast<double>(epochs.size()),
         {1 - epoch.accuracy},
         {epoch.loss, epoch.sparsity}});
  }
  ended.objectives = trial.objectives;
  for (std::size_t k = 1; k < scales.size(); ++k) ended.objectives[k] /= scales[k];
  ended.finished = true;
  ended.feasible = trial.state == study::TrialState::done;
  return ended;
}

struct Replay {
  std::size_t trials = 0, stopped = 0, wrong = 0;
  double epochs = 0, all_epochs = 0;
  double least_epochs = 0;  ///< had every final error been known at the first decision
  double hypervolume = 0, full_hypervolume = 0;
  double error = 0, persistence = 0;  ///< mean absolute, of predictions and of the value so far
  std::size_t predictions = 0, below = 0;
  stopping::StopCount count;
};

/// Epochs of a trial whose end is known when the first decision falls. full: feasible ones so far.
std::size_t epochs_if_known(const stopping::StopSpec& spec, const std::vector<double>& reference,
                            const pareto::Points& full, const stopping::StopTrial& whole) {
  const double gain = pareto::hypervolume_gain(full, whole.objectives, reference);
  if (whole.feasible && gain > spec.delta * pareto::hypervolume(full, reference)) {
    return whole.course.curve.size();
  }
  for (const auto& at :
       stopping::decision_points(whole.course.curve, spec.fractions, whole.course.earliest)) {
    if (at) return *at + 1;
  }
  return whole.course.curve.size();
}

Replay replay(const stopping::StopSpec& spec, const std::vector<stopping::StopTrial>& trials,
              stopping::StopHistory history) {
  Replay result;
  pareto::Points full, kept;
  for (const stopping::StopTrial& whole : trials) {
    stopping::StopTrial running = whole;
    running.finished = false;
    running.course.curve.clear();
    running.objectives[0] = std::nan("");
    running.verdict = stopping::enlist(spec, history, whole.course.number);
    bool below = false;
    for (const stopping::CurvePoint& point : whole.course.curve) {
      running.course.curve.push_back(point);
      running.verdict = stopping::judge(spec, history, running);
      const stopping::StopVerdict& verdict = *running.verdict;
      if (!verdict.predicted.empty() && verdict.fraction == point.fraction) {
        ++result.predictions;
        result.error += std::abs(verdict.predicted[0] - whole.objectives[0]);
        result.persistence += std::abs(point.values[0] - whole.objectives[0]);
        below = below || whole.objectives[0] < verdict.bound[0];
      }
      if (verdict.choice == stopping::StopChoice::stop) break;
    }
    ++result.trials;
    result.below += below ? 1 : 0;
    result.epochs += static_cast<double>(running.course.curve.size());
    result.all_epochs += static_cast<double>(whole.course.curve.size());
    result.least_epochs +=
        static_cast<double>(epochs_if_known(spec, history.reference, full, whole));
    if (whole.feasible) full.push_back(whole.objectives);
    if (running.verdict->choice == stopping::StopChoice::stop) {
      ++result.stopped;
    } else {
      running.finished = true;
      running.objectives = whole.objectives;
      if (whole.feasible) kept.push_back(whole.objectives);
    }
    history.trials.push_back(running);
  }
  // Stops that cost more than delta of what the whole study reached.
  const double all = pareto::hypervolume(full, history.reference);
  const std::vector<double> gains = pareto::hypervolume_contributions(full, history.reference);
  std::size_t at = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!trials[i].feasible) continue;
    const bool stopped = history.trials[i].verdict->choice == stopping::StopChoice::stop;
    result.wrong += stopped && gains[at] > spec.delta * all ? 1 : 0;
    ++at;
  }
  result.full_hypervolume = all;
  result.hypervolume = pareto::hypervolume(kept, history.reference);
  result.count = stopping::count_stops(spec, history);
  return result;
}

void run(const stopping::StopSpec& spec, const std::string& path, std::uint64_t seed) {
  const std::unique_ptr<study::Study> study = study::open_study(path);
  const experiment::Experiment experiment =
      experiment::experiment_of_study(study->header().experiment, path);
  const std::vector<study::Trial> all = study->trials();
  const std::vector<double> scales = summary::objective_scales(study->header().objectives, all);
  stopping::StopHistory history;
  history.open = {{0, 0.0}};
  history.reference.assign(scales.size(), 1.0);
  history.reference[0] = scales[0];
  history.seed = seed;
  std::vector<stopping::StopTrial> trials;
  for (const study::Trial& trial : all) {
    if (trial.objectives.empty() || std::isnan(trial.objectives[0])) continue;
    trials.push_back(as_ended(experiment, *study, trial, scales));
  }
  const Replay r = replay(spec, trials, history);
  const auto n = static_cast<double>(std::max<std::size_t>(1, r.predictions));
  fmt::print(
      "{}: {} trials, {} stopped ({} wrong), epochs {:.1f} % (at least {:.1f} %), hypervolume "
      "{:.5f} of {:.5f} "
      "({:+.3f} %), "
      "MAE {:.4f} (so far {:.4f}), {} of {} below a bound, ran on {} ({} broken, {} wrong)\n",
      path, r.trials, r.stopped, r.wrong, 100 * r.epochs / r.all_epochs,
      100 * r.least_epochs / r.all_epochs, r.hypervolume, r.full_hypervolume,
      100 * (r.hypervolume / r.full_hypervolume - 1), r.error / n, r.persistence / n, r.below,
      r.trials, r.count.ran_on, r.count.broken, r.count.wrong);
}

}  // namespace
}  // namespace paretiny

int main(int argc, char** argv) {
  using namespace paretiny;
  CLI::App app("Replays finished studies under a rule of stopping");
  std::string method = "hypervolume";
  stopping::StopSpec spec;
  std::vector<std::string> studies;
  std::uint64_t seed = 1;
  app.add_option("--method", method)->check(CLI::IsMember({"hypervolume", "asha"}));
  app.add_option("--alpha", spec.alpha);
  app.add_option("--delta", spec.delta);
  app.add_option("--run-on", spec.run_on);
  app.add_option("--eta", spec.eta);
  app.add_option("--fractions", spec.fractions)->delimiter(',');
  app.add_option("--seed", seed);
  app.add_option("studies", studies)->required();
  CLI11_PARSE(app, argc, argv);
  spec.method = method == "asha" ? stopping::StopMethod::asha : stopping::StopMethod::hypervolume;
  for (const std::string& study : studies) run(spec, study, seed);
  return 0;
}

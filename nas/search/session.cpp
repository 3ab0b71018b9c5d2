#include "nas/search/session.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/phase.h"
#include "base/version.h"
#include "kernels/core/random.h"
#include "nas/experiment/constraints.h"
#include "nas/search/limits.h"
#include "nas/study/damage.h"
#include "nas/study/study_json.h"
#include "nas/summary/scales.h"

namespace paretiny::search {

using samplers::Outcome;
using study::TrialState;

namespace {

Outcome outcome_of(TrialState state) {
  switch (state) {
    case TrialState::done:
      return Outcome::finished;
    case TrialState::infeasible:
      return Outcome::infeasible;
    case TrialState::failed:
    case TrialState::abandoned:
      return Outcome::failed;
    case TrialState::stopped:
      return Outcome::stopped;
    case TrialState::waiting:
    case TrialState::running:
      return Outcome::pending;
  }
  return Outcome::pending;
}

/// A black box has its own ways to be random.
std::uint64_t trial_seed(const StudySpec& spec, std::uint64_t number, std::uint64_t architecture) {
  if (spec.kind == study::StudyKind::black_box) return spec.seed;
  Random seeds = spec.training_seed ? Random(*spec.training_seed, "training seed", architecture)
                                    : Random(spec.seed, "trial seed", number);
  return seeds.below(std::uint64_t{1} << 53);
}

samplers::SamplerProblem sampler_problem(const StudySpec& spec,
                                         const std::vector<study::Trial>& trials) {
  samplers::SamplerProblem problem;
  problem.space = spec.space;
  problem.objectives = spec.objectives.size();
  problem.reference = summary::objective_reference(spec.objectives, trials);
  for (const study::Objective& objective : spec.objectives) {
    problem.limits.push_back(objective.limit ? minimised(objective, *objective.limit)
                                             : std::numeric_limits<double>::infinity());
  }
  problem.constraints = experiment::bounds_of(spec.constraints);
  problem.seed = spec.seed;
  problem.initial = spec.initial;
  return problem;
}

/// A stopped trial as its last verdict has it: predicted, with what that may be off by. Where
/// nothing could be predicted it stays pending.
void tell_prediction(samplers::Observation& seen, const stopping::StopVerdict& verdict) {
  seen.objectives = verdict.predicted;
  seen.deviations = verdict.deviation;
  if (seen.objectives.empty()) seen.outcome = Outcome::pending;
}

}  // namespace

std::uint64_t values_hash(const space::Values& values) {
  return random_key(0, study::dump(study::values_to_json(values)));
}

study::StudyHeader header_of(const StudySpec& spec, Device device) {
  samplers::SamplerProblem problem = sampler_problem(spec, {});
  problem.device = device;
  samplers::make_sampler(spec.sampler, std::move(problem),
                         spec.options);  // refuses what it does not have
  study::StudyHeader header;
  header.kind = spec.kind;
  header.name = spec.name;
  header.space = spec.space.describe();
  header.objectives = spec.objectives;
  header.constraints = spec.constraints;
  header.task = spec.task;
  header.data = spec.data;
  header.seed = spec.seed;
  header.sampler = spec.sampler;
  header.experiment = spec.text;
  header.version = program_version();
  header.commit = program_commit();
  header.device = to_string(device);
  return header;
}

Verdict verdict(const study::StudyHeader& header, const std::vector<double>& values,
                const std::map<std::string, double>& metrics) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    const std::string& name = header.objectives[k].name;
    if (!std::isfinite(values[k])) {
      return {TrialState::failed, fmt::format("objective '{}' is not finite", name)};
    }
    if (std::abs(values[k]) > space::kMostReal) {
      return {TrialState::failed,
              fmt::format("objective '{}' is {}, beyond {}", name, values[k], space::kMostReal)};
    }
  }
  std::string broken = broken_limit(header.objectives, values);
  if (broken.empty()) broken = experiment::broken_bound(header.constraints, metrics);
  return {broken.empty() ? TrialState::done : TrialState::infeasible, broken};
}

Session::Session(study::Study& study, study::Location store, const StudySpec& spec, Device device,
                 Foresight foresight, std::stop_token stop, bool explain)
    : study_(study),
      store_(std::move(store)),
      spec_(spec),
      device_(device),
      foresight_(std::move(foresight)),
      stop_(std::move(stop)),
      explain_(explain) {
  observations(study_.trials());
}

samplers::Observation Session::observation(const study::Trial& trial,
                                           const std::vector<double>& position) const {
  samplers::Observation seen{position, outcome_of(trial.state)};
  if (seen.outcome == Outcome::finished || seen.outcome == Outcome::infeasible) {
    seen.objectives = minimised(spec_.objectives, trial.objectives);
    seen.constraints = experiment::misses(spec_.constraints, trial.metrics);
  }
  if (seen.outcome == Outcome::stopped) tell_prediction(seen, *trial.verdict);
  return seen;
}

const std::vector<samplers::Observation>& Session::observations(
    const std::vector<study::Trial>& trials) {
  while (positions_.size() < trials.size()) {
    const study::Trial& trial = trials[positions_.size()];
    try {
      positions_.push_back(spec_.space.encode(trial.values));
    } catch (const UsageError& error) {
      study::throw_damaged(store_, fmt::format("trial {}: {}", trial.number, error.what()));
    }
  }
  observations_.resize(std::min(observations_.size(), trials.size()));
  told_states_.resize(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const TrialState state = trials[i].state;
    const bool there = i < observations_.size();
    // A stopped trial may be run on, and its prediction may change.
    if (there && told_states_[i] == state && state != TrialState::stopped) continue;
    samplers::Observation seen = observation(trials[i], positions_[i]);
    if (there) {
      observations_[i] = std::move(seen);
    } else {
      observations_.push_back(std::move(seen));
    }
    told_states_[i] = state;
  }
  return observations_;
}

void Session::prepare(const std::vector<study::Trial>& trials) {
  samplers::SamplerProblem problem = sampler_problem(spec_, trials);
  if (sampler_ && problem.reference == reference_) return;
  reference_ = problem.reference;
  problem.device = device_;
  problem.stop = stop_;
  problem.explain = explain_;
  if (foresight_.architecture) {
    problem.duplicate = [this](const space::Values& values) {
      return seen_.contains(foresight_.architecture(values));
    };
  }
  problem.known = foresight_.known;
  sampler_ = samplers::make_sampler(spec_.sampler, std::move(problem), spec_.options);
}

Suggestion Session::ask(const std::vector<study::Trial>& known) {
  prepare(known);
  for (; seen_trials_ < known.size(); ++seen_trials_) {
    seen_.insert(known[seen_trials_].architecture);
  }
  Suggestion next;
  {
    const Phase phase("ask");
    next.values = spec_.space.decode(sampler_->ask(observations(known), known.size()));
  }
  next.architecture =
      foresight_.architecture ? foresight_.architecture(next.values) : values_hash(next.values);
  next.origin = sampler_->origin();
  next.seed = trial_seed(spec_, known.size(), next.architecture);
  return next;
}

std::optional<study::Trial> Session::add(std::int64_t number, const Suggestion& suggestion,
                                         const study::Lease& lease) {
  return study_.add_trial(number, suggestion.values, suggestion.architecture, suggestion.seed,
                          lease);
}

}  // namespace paretiny::search

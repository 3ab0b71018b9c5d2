#include "nas/search/session.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "kernels/core/random.h"
#include "nas/experiment/constraints.h"
#include "nas/search/limits.h"
#include "nas/search/version.h"
#include "nas/study/damage.h"
#include "nas/study/study_json.h"
#include "nas/summary/scales.h"

namespace paretiny {
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

/// What one unit of each objective is, as the sampler is told them. A search's begin at 0: over
/// their scales, references and limits are 1. A black box's are told as they are.
std::vector<double> units_of(const StudySpec& spec, const std::vector<Trial>& trials) {
  if (spec.kind == StudyKind::search) return objective_scales(spec.objectives, trials);
  return std::vector<double>(spec.objectives.size(), 1.0);
}

std::uint64_t hash_of(const Values& values) {
  return random_key(0, dump(values_to_json(values)));
}

/// A black box has its own ways to be random.
std::uint64_t trial_seed(const StudySpec& spec, std::uint64_t number, std::uint64_t architecture) {
  if (spec.kind == StudyKind::black_box) return spec.seed;
  Random seeds = spec.training_seed ? Random(*spec.training_seed, "training seed", architecture)
                                    : Random(spec.seed, "trial seed", number);
  return seeds.below(std::uint64_t{1} << 53);
}

/// The problem of a sampler that is told objectives over `units`.
SamplerProblem sampler_problem(const StudySpec& spec, const std::vector<Trial>& trials,
                               const std::vector<double>& units) {
  SamplerProblem problem;
  problem.space = spec.space;
  problem.objectives = spec.objectives.size();
  problem.reference = objective_reference(spec.objectives, trials);
  for (std::size_t k = 0; k < problem.objectives; ++k) {
    const double none = std::numeric_limits<double>::infinity();
    problem.reference[k] /= units[k];
    problem.limits.push_back(spec.objectives[k].limit.value_or(none) / units[k]);
  }
  problem.constraints = bounds_of(spec.constraints);
  problem.seed = spec.seed;
  problem.initial = spec.initial;
  return problem;
}

/// A stopped trial as its last verdict has it: predicted, with what that may be off by. Where
/// nothing could be predicted it stays pending.
void tell_prediction(Observation& seen, const StopVerdict& verdict) {
  seen.objectives = verdict.predicted;
  seen.deviations = verdict.deviation;
  if (seen.objectives.empty()) seen.outcome = Outcome::pending;
}

}  // namespace

StudyHeader header_of(const StudySpec& spec, Device device) {
  SamplerProblem problem = sampler_problem(spec, {}, units_of(spec, {}));
  problem.device = device;
  make_sampler(spec.sampler, std::move(problem), spec.options);  // refuses what it does not have
  StudyHeader header;
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

Verdict verdict(const StudyHeader& header, const std::vector<double>& values,
                const std::map<std::string, double>& metrics) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    const std::string& name = header.objectives[k].name;
    if (!std::isfinite(values[k])) {
      return {TrialState::failed, fmt::format("objective '{}' is not finite", name)};
    }
    if (std::abs(values[k]) > kMostReal) {
      return {TrialState::failed,
              fmt::format("objective '{}' is {}, beyond {}", name, values[k], kMostReal)};
    }
  }
  std::string broken = broken_limit(header.objectives, values);
  if (broken.empty()) broken = broken_bound(header.constraints, metrics);
  return {broken.empty() ? TrialState::done : TrialState::infeasible, broken};
}

Session::Session(Study& study, std::filesystem::path store, const StudySpec& spec, Device device,
                 Foresight foresight, std::stop_token stop)
    : study_(study),
      store_(std::move(store)),
      spec_(spec),
      device_(device),
      foresight_(std::move(foresight)),
      stop_(std::move(stop)),
      units_(spec.objectives.size(), 1.0) {
  observations(study_.trials());
}

Observation Session::observation(const Trial& trial, const std::vector<double>& position) const {
  Observation seen{position, outcome_of(trial.state)};
  if (seen.outcome == Outcome::finished || seen.outcome == Outcome::infeasible) {
    seen.objectives = trial.objectives;
    for (std::size_t k = 0; k < units_.size(); ++k) seen.objectives[k] /= units_[k];
    seen.constraints = misses(spec_.constraints, trial.metrics);
  }
  if (seen.outcome == Outcome::stopped) tell_prediction(seen, *trial.verdict);
  for (std::size_t k = 0; k < seen.deviations.size(); ++k) {
    seen.objectives[k] /= units_[k];
    seen.deviations[k] /= units_[k];
  }
  return seen;
}

const std::vector<Observation>& Session::observations(const std::vector<Trial>& trials) {
  while (positions_.size() < trials.size()) {
    const Trial& trial = trials[positions_.size()];
    try {
      positions_.push_back(spec_.space.encode(trial.values));
    } catch (const UsageError& error) {
      throw_damaged(store_, fmt::format("trial {}: {}", trial.number, error.what()));
    }
  }
  if (told_units_ != units_) observations_.clear();
  told_units_ = units_;
  observations_.resize(std::min(observations_.size(), trials.size()));
  told_states_.resize(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const TrialState state = trials[i].state;
    const bool there = i < observations_.size();
    // A stopped trial may be run on, and its prediction may change.
    if (there && told_states_[i] == state && state != TrialState::stopped) continue;
    Observation seen = observation(trials[i], positions_[i]);
    if (there) {
      observations_[i] = std::move(seen);
    } else {
      observations_.push_back(std::move(seen));
    }
    told_states_[i] = state;
  }
  return observations_;
}

void Session::prepare(const std::vector<Trial>& trials) {
  units_ = units_of(spec_, trials);
  SamplerProblem problem = sampler_problem(spec_, trials, units_);
  if (sampler_ && problem.reference == reference_) return;
  reference_ = problem.reference;
  problem.device = device_;
  problem.stop = stop_;
  if (foresight_.architecture) {
    problem.duplicate = [this](const Values& values) {
      return seen_.contains(foresight_.architecture(values));
    };
  }
  if (foresight_.known) {
    problem.known = [this](const Values& values) {
      std::vector<double> known = foresight_.known(values);
      for (std::size_t k = 0; k < known.size(); ++k) known[k] /= units_[k];
      return known;
    };
  }
  sampler_ = make_sampler(spec_.sampler, std::move(problem), spec_.options);
}

Suggestion Session::ask(const std::vector<Trial>& known) {
  prepare(known);
  for (; seen_trials_ < known.size(); ++seen_trials_) {
    seen_.insert(known[seen_trials_].architecture);
  }
  Suggestion next;
  next.values = spec_.space.decode(sampler_->ask(observations(known), known.size()));
  next.architecture =
      foresight_.architecture ? foresight_.architecture(next.values) : hash_of(next.values);
  next.seed = trial_seed(spec_, known.size(), next.architecture);
  return next;
}

std::optional<Trial> Session::add(std::int64_t number, const Suggestion& suggestion,
                                  const Lease& lease) {
  return study_.add_trial(number, suggestion.values, suggestion.architecture, suggestion.seed,
                          lease);
}

}  // namespace paretiny

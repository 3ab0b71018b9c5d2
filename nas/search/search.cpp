#include "nas/search/search.h"

#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "engine/data/fingerprint.h"
#include "engine/deploy/formats/model_file.h"
#include "kernels/core/random.h"
#include "nas/experiment/table_reader.h"
#include "nas/report/summary.h"
#include "nas/search/limits.h"
#include "nas/search/session.h"

namespace paretiny {
namespace {

/// Longer than any epoch should take; a dead worker of this machine is noticed at once anyway.
constexpr std::chrono::milliseconds kLease = std::chrono::minutes(30);

/// Objectives are told over their scales, so that the reference and the limits are 1.
SamplerProblem sampler_problem(const Experiment& experiment) {
  SamplerProblem problem;
  problem.space = experiment.space;
  for (const Objective& objective : search_objectives(experiment)) {
    problem.limits.push_back(objective.limit ? 1.0 : std::numeric_limits<double>::infinity());
  }
  problem.objectives = problem.limits.size();
  problem.reference.assign(problem.objectives, 1.0);
  problem.seed = experiment.seed;
  problem.initial = static_cast<std::size_t>(experiment.initial);
  return problem;
}

/// Thrown where a trial turns out to be another worker's by now.
struct LostTrial : std::exception {};

class Searcher {
 public:
  Searcher(const Experiment& experiment, Dataset dataset, Study& study, Stream& stream,
           SearchObserver& observer, std::stop_token stop)
      : experiment_(experiment),
        dataset_(std::move(dataset)),
        study_(study),
        stream_(stream),
        observer_(observer),
        objectives_(search_objectives(experiment)),
        data_(stream, dataset_),
        session_(study, experiment.store, experiment.space, {process_owner(), kLease}),
        stop_(std::move(stop)) {
    release_values(dataset_);
    SamplerProblem problem = sampler_problem(experiment);
    problem.device = stream.device();
    problem.stop = stop_;
    problem.duplicate = [this](const Values& values) {
      return seen_.contains(outline(values).hash);
    };
    problem.known = [this](const Values& values) { return known_objectives(values); };
    sampler_ = make_sampler(experiment.sampler, std::move(problem), experiment.sampler_options);
  }

  bool run(std::int64_t trials) {
    while (!stop_.stop_requested()) {
      std::optional<Trial> trial = session_.take();
      if (!trial) {
        try {
          trial = add(trials);
        } catch (const SpaceExhausted& error) {
          observer_.space_exhausted(error.what());
          return true;
        } catch (const Interrupted&) {
          return false;
        }
        if (!trial) return true;
      }
      if (!work(*trial)) return false;
    }
    return false;
  }

 private:
  /// What follows from values without training.
  struct Outline {
    std::uint64_t hash;
    std::vector<double> objectives;  ///< of free_objectives; empty where no network can be built
  };

  /// Worked out once: a sampler asks about the same values more than once.
  const Outline& outline(const Values& values) {
    std::string text;
    for (const auto& [name, value] : values) text += name + "=" + to_string(value) + "\n";
    const auto known = outlines_.find(text);
    if (known != outlines_.end()) return known->second;
    Outline made;
    try {
      const Sketch plan = sketch(experiment_.candidate(values), dataset_, experiment_.core);
      made = {plan.hash, free_objectives(experiment_, plan.footprint)};
    } catch (const UsageError&) {
      // It cannot be built: found out, and recorded, when its turn comes.
      made = {random_key(0, text), {}};
    }
    return outlines_.emplace(std::move(text), std::move(made)).first->second;
  }

  /// The objectives known before training as the sampler sees them; empty for values that make no
  /// network.
  std::vector<double> known_objectives(const Values& values) {
    std::vector<double> known = outline(values).objectives;
    for (std::size_t k = 0; k < known.size(); ++k) known[k] /= scales_[k];
    return known;
  }

  std::optional<Trial> add(std::int64_t most) {
    return session_.add(most, [this](const std::vector<Trial>& known) { return ask(known); });
  }

  Suggestion ask(const std::vector<Trial>& trials) {
    seen_.clear();
    for (const Trial& trial : trials) seen_.insert(trial.architecture);
    const auto number = static_cast<std::uint64_t>(trials.size());
    scales_ = objective_scales(objectives_, trials);
    const Values values =
        experiment_.space.decode(sampler_->ask(session_.observations(trials, scales_), number));
    Random seeds(experiment_.seed, "trial seed", number);
    return {values, outline(values).hash, seeds.below(std::uint64_t{1} << 53)};
  }

  /// Brings a claimed trial to its end; false when asked to stop before that.
  bool work(const Trial& trial) {
    try {
      const Sketch plan = sketch(experiment_.candidate(trial.values), dataset_, experiment_.core);
      observer_.trial_started(trial, plan);
      std::vector<double> values = free_objectives(experiment_, plan.footprint);
      std::string broken = broken_limit(objectives_, values);
      std::map<std::string, double> metrics = metrics_of(plan);
      std::vector<std::uint8_t> model;
      if (broken.empty()) {
        const CandidateResult result = evaluate_candidate(
            stream_, data_, plan, trial.seed,
            [&](const EpochReport& report) { record(trial, report); }, stop_);
        values[0] = 1 - result.int8_accuracy;
        broken = broken_limit(objectives_, values);
        metrics = metrics_of(plan, result);
        model = to_bytes(deployed_model(fmt::format("{}, trial {}", experiment_.name, trial.number),
                                        result.int8, dataset_));
      }
      require_held(study_.conclude(trial.number, session_.owner(),
                                   broken.empty() ? TrialState::done : TrialState::infeasible,
                                   {values, metrics, broken, std::move(model)}));
    } catch (const LostTrial&) {
      observer_.trial_lost(trial);
      return true;
    } catch (const Interrupted&) {
      if (!study_.release(trial.number, session_.owner())) observer_.trial_lost(trial);
      return false;
    } catch (const StoreError&) {
      throw;
    } catch (const DeviceLost& error) {
      fail(trial, error.what());
      throw DeviceLost(fmt::format(
          "trial {} failed: {}; the other trials are kept, and the same command goes on with them",
          trial.number, error.what()));
    } catch (const DeviceError& error) {
      fail(trial, error.what());
      throw;  // the next candidate would fare no better
    } catch (const Error& error) {
      if (!fail(trial, error.what())) return true;
    } catch (const std::bad_alloc&) {
      if (!fail(trial, "out of memory")) return true;
    }
    const std::vector<Trial>& trials = study_.trials();
    observer_.trial_ended(trials, trials[static_cast<std::size_t>(trial.number)]);
    return true;
  }

  /// Records the failure, or tells the observer that the trial is lost: false.
  bool fail(const Trial& trial, const std::string& reason) {
    if (study_.fail(trial.number, session_.owner(), reason)) return true;
    observer_.trial_lost(trial);
    return false;
  }

  static void require_held(bool held) {
    if (!held) throw LostTrial();
  }

  void record(const Trial& trial, const EpochReport& report) {
    const double accuracy =
        std::isnan(report.validation_accuracy) ? report.train_accuracy : report.validation_accuracy;
    require_held(
        study_.add_epoch(trial.number, session_.owner(),
                         {static_cast<int>(report.epoch), report.loss, accuracy, report.sparsity}));
    require_held(study_.renew(trial.number, session_.lease()));
    observer_.epoch_done(trial, report);
  }

  const Experiment& experiment_;
  Dataset dataset_;
  Study& study_;
  Stream& stream_;
  SearchObserver& observer_;
  const std::vector<Objective> objectives_;
  const ResidentDataset data_;
  Session session_;
  const std::stop_token stop_;
  std::unique_ptr<Sampler> sampler_;
  std::set<std::uint64_t> seen_;
  std::map<std::string, Outline> outlines_;  ///< by the text of values
  std::vector<double> scales_;  ///< of the objectives, as they were last told to the sampler
};

}  // namespace

std::vector<Objective> search_objectives(const Experiment& experiment) {
  const Constraints& constraints = experiment.constraints;
  const auto objective = [](const char* name, const char* unit, const std::optional<Limit>& limit) {
    Objective result{name, unit, std::nullopt, ""};
    if (limit) {
      result.limit = limit->value;
      result.limit_text = limit->text;
    }
    return result;
  };
  std::vector<Objective> objectives = {
      objective("error", "", constraints.error), objective("rom", "B", constraints.rom),
      objective("ram", "B", constraints.ram), objective("flops", "FLOPs", constraints.flops)};
  if (experiment.instructions) {
    objectives.push_back(objective("instructions", "", constraints.instructions));
  }
  return objectives;
}

StudyHeader study_header(const Experiment& experiment, const Dataset& dataset, Device device) {
  if (experiment.space.parameters().empty()) {
    throw UsageError(
        "the experiment has no space to search: add tables such as "
        "[space.training.learning_rate] with low and high");
  }
  // Refuses options that it does not have.
  make_sampler(experiment.sampler, sampler_problem(experiment), experiment.sampler_options);
  StudyHeader header;
  header.name = experiment.name;
  header.space = experiment.space.describe();
  header.objectives = search_objectives(experiment);
  header.task = experiment.task;
  // What is made anew is a matter of the task.
  if (experiment.dataset.format != "synthetic") header.data = fingerprint(dataset);
  header.seed = experiment.seed;
  header.sampler = experiment.sampler;
  header.experiment = experiment.text;
  sign(header, device);
  return header;
}

bool run_search(const Experiment& experiment, Dataset dataset, Study& study, Stream& stream,
                std::int64_t trials, SearchObserver& observer, std::stop_token stop) {
  return Searcher(experiment, std::move(dataset), study, stream, observer, std::move(stop))
      .run(trials);
}

}  // namespace paretiny

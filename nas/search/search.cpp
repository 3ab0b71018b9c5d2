#include "nas/search/search.h"

#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <map>

#include "engine/data/fingerprint.h"
#include "engine/deploy/formats/model_file.h"
#include "kernels/core/random.h"
#include "nas/search/limits.h"
#include "nas/search/session.h"

namespace paretiny {
namespace {

/// Longer than any epoch should take; a dead worker of this machine is noticed at once anyway.
constexpr std::chrono::milliseconds kLease = std::chrono::minutes(30);

/// What a study of this experiment is of; `data` identifies the samples.
StudySpec spec_of(const Experiment& experiment, std::string data = {}) {
  StudySpec spec;
  spec.name = experiment.name;
  spec.space = experiment.space;
  spec.objectives = search_objectives(experiment);
  spec.sampler = experiment.sampler;
  spec.options = experiment.sampler_options;
  spec.seed = experiment.seed;
  spec.initial = static_cast<std::size_t>(experiment.initial);
  spec.task = experiment.task;
  spec.data = std::move(data);
  spec.text = experiment.text;
  return spec;
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
        spec_(spec_of(experiment)),
        data_(stream, dataset_),
        session_(study, experiment.store, spec_, {process_owner(), kLease}, stream.device(),
                 {[this](const Values& values) { return outline(values).hash; },
                  [this](const Values& values) { return outline(values).objectives; }},
                 stop),
        stop_(std::move(stop)) {
    release_values(dataset_);
  }

  bool run(std::int64_t trials) {
    while (!stop_.stop_requested()) {
      std::optional<Trial> trial = session_.take();
      if (!trial) {
        try {
          trial = session_.add(trials);
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

  /// Brings a claimed trial to its end; false when asked to stop before that.
  bool work(const Trial& trial) {
    try {
      const Sketch plan = sketch(experiment_.candidate(trial.values), dataset_, experiment_.core);
      observer_.trial_started(trial, plan);
      std::vector<double> values = free_objectives(experiment_, plan.footprint);
      Verdict ended{TrialState::infeasible, broken_limit(spec_.objectives, values)};
      std::map<std::string, double> metrics = metrics_of(plan);
      std::vector<std::uint8_t> model;
      if (ended.reason.empty()) {
        const CandidateResult result = evaluate_candidate(
            stream_, data_, plan, trial.seed,
            [&](const EpochReport& report) { record(trial, report); }, stop_);
        values[0] = 1 - result.int8_accuracy;
        metrics = metrics_of(plan, result);
        ended = verdict(study_.header(), values, metrics);
        model = to_bytes(deployed_model(fmt::format("{}, trial {}", experiment_.name, trial.number),
                                        result.int8, dataset_));
      }
      require_held(study_.conclude(trial.number, session_.owner(), ended.end,
                                   {values, metrics, ended.reason, std::move(model)}));
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
  const StudySpec spec_;
  const ResidentDataset data_;
  std::map<std::string, Outline> outlines_;  ///< by the text of values
  Session session_;
  const std::stop_token stop_;
};

}  // namespace

std::vector<Objective> search_objectives(const Experiment& experiment) {
  const Limits& limits = experiment.limits;
  const auto objective = [](const char* name, const char* unit, const std::optional<Limit>& limit) {
    Objective result{name, unit, std::nullopt, ""};
    if (limit) {
      result.limit = limit->value;
      result.limit_text = limit->text;
    }
    return result;
  };
  std::vector<Objective> objectives = {
      objective("error", "", limits.error), objective("rom", "B", limits.rom),
      objective("ram", "B", limits.ram), objective("flops", "FLOPs", limits.flops)};
  if (experiment.instructions) {
    objectives.push_back(objective("instructions", "", limits.instructions));
  }
  return objectives;
}

StudyHeader study_header(const Experiment& experiment, const Dataset& dataset, Device device) {
  if (experiment.space.parameters().empty()) {
    throw UsageError(
        "the experiment has no space to search: add tables such as "
        "[space.training.learning_rate] with low and high");
  }
  // What is made anew is a matter of the task.
  const bool made = experiment.dataset.format == "synthetic";
  return header_of(spec_of(experiment, made ? "" : fingerprint(dataset)), device);
}

bool run_search(const Experiment& experiment, Dataset dataset, Study& study, Stream& stream,
                std::int64_t trials, SearchObserver& observer, std::stop_token stop) {
  return Searcher(experiment, std::move(dataset), study, stream, observer, std::move(stop))
      .run(trials);
}

}  // namespace paretiny

// The loop: ask, build, measure what is free, train what fits, tell. Several candidates train side
// by side, each in a worker; one thread has the study, asks and tells.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "nas/experiment/experiment.h"
#include "nas/jobs/memory_budget.h"
#include "nas/search/evaluation/candidate.h"
#include "nas/study/study.h"

namespace paretiny::search {

class EvaluationStore;
class WorkKeeper;

/// The objectives of a search, in the order the study keeps them: error, rom, ram, flops and, where
/// the experiment asks for it, instructions.
std::vector<study::Objective> search_objectives(const experiment::Experiment& experiment);

/// The header a study of this experiment, on these samples, must have. Throws UsageError when its
/// space is empty or its sampler has no such options.
study::StudyHeader study_header(const experiment::Experiment& experiment,
                                const data::Dataset& dataset, Device device);

/// Where the file names no sampler, an existing study goes on with the one it was made with. Throws
/// StoreError for a store that cannot be read.
void keep_sampler(experiment::Experiment& experiment);

/// How a search is run, where it matters to nothing that it finds.
struct SearchSetup {
  /// Workers are on each in turn; samplers compute on the first.
  std::vector<Device> devices{Device{}};
  /// A worker's own, made in its thread; `Stream::create(device)` where there is none.
  std::function<std::unique_ptr<Stream>(Device)> make_stream{};
  /// Bytes that the candidates on one device may plan together; what it has free, where nothing is
  /// said.
  std::optional<std::size_t> memory{};
  /// A trial is another's when its worker gave no sign of life for so long. (When the process is
  /// gone, workers of the same machine notice at once.)
  std::chrono::milliseconds lease = std::chrono::minutes(30);
  /// Evaluations that are shared with other searches; must stay. A search finds the same with and
  /// without them. They are left alone where a rule may stop trials early.
  const EvaluationStore* evaluations = nullptr;
  /// What several searches of this process share in place of `memory`, on one device; must stay.
  jobs::MemoryBudget* budget = nullptr;
  /// Of a worker among others: it stays until every trial has ended, whoever works on it, and takes
  /// those that others leave. Where the order counts (no `async`), it asks when trials before have
  /// ended, whoever works on them.
  bool among_others = false;
  /// How often such a one looks for something to do; the same of a trial to wait for.
  std::chrono::milliseconds look = std::chrono::seconds(1);
  /// Takes what the study cannot be told once its server is gone for good; must stay.
  const WorkKeeper* keeper = nullptr;
};

/// Candidates at a time: the experiment's jobs, or as many as the devices can well serve; at least
/// one a device.
int jobs_of(const experiment::Experiment& experiment, const std::vector<Device>& devices);

/// How many trials later a result is known for sure: trial k is asked with the results of all
/// trials up to k - lag, those between count as pending (order.h). 1 for one job.
std::int64_t lag_of(const experiment::Experiment& experiment, int jobs);

/// Told what happens, in the searching thread.
class SearchObserver {
 public:
  virtual ~SearchObserver() = default;
  /// What the study holds before anything is done.
  virtual void search_started(const std::vector<study::Trial>& /*trials*/) {}
  virtual void trial_started(const study::Trial& /*trial*/, const Sketch& /*sketch*/) {}
  virtual void epoch_done(const study::Trial& /*trial*/, const train::EpochReport& /*report*/) {}
  /// `trials` is the whole study after the change.
  virtual void trial_ended(const std::vector<study::Trial>& /*trials*/,
                           const study::Trial& /*ended*/) {}
  /// The search ends before its last trial; `what` is a sentence without its full stop.
  virtual void space_exhausted(const std::string& /*what*/) {}
  /// Something that has to be known of the search, in a sentence without its full stop.
  virtual void note(const std::string& /*what*/) {}
  /// The lease of `trial` ran out and another worker has taken it: this one has stopped.
  virtual void trial_lost(const study::Trial& /*trial*/) {}
};

/// Runs trials until the study holds `trials` of them, or every candidate that the space has, and
/// none is left to do: as many side by side as the experiment has jobs. A candidate that breaks a
/// size limit is recorded infeasible and never trained; one that fails, as with a loss that is not
/// finite or on a device that is too small, is recorded failed and the others go on. On a stop
/// request running trials are given back with a checkpoint each, to go on from there, and false is
/// returned.
/// Throws StoreError, with what a keeper could take kept there; DeviceError with the trial that met
/// it recorded as failed and the others given back; DeviceLost with all running trials recorded as
/// failed.
[[nodiscard]] bool run_search(const experiment::Experiment& experiment, data::Dataset dataset,
                              study::Study& study, const SearchSetup& setup, std::int64_t trials,
                              SearchObserver& observer, std::stop_token stop);

/// Runs the stopped trial `number` to its end, from its beginning or the checkpoint that an earlier
/// run of this left; false on a stop request before that. Throws UsageError for a trial that was
/// not stopped, and what run_search throws.
[[nodiscard]] bool finish_trial(const experiment::Experiment& experiment, data::Dataset dataset,
                                study::Study& study, const SearchSetup& setup, std::int64_t number,
                                SearchObserver& observer, std::stop_token stop);

}  // namespace paretiny::search

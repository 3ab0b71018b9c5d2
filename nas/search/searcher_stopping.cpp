// What a search does about trials that are ended early, or run to their ends on demand.
#include "nas/search/limits.h"
#include "nas/search/order.h"
#include "nas/search/searcher.h"
#include "nas/stopping/settings.h"

namespace paretiny::search {

namespace {

/// The share of the epochs after which nothing is removed any more.
double end_of_pruning(const compress::PruningSpec& pruning) {
  switch (pruning.schedule) {
    case compress::PruningSchedule::none:
      return 0;
    case compress::PruningSchedule::one_shot:
      return pruning.begin;
    case compress::PruningSchedule::agp:
      return pruning.end;
  }
  return 0;
}

}  // namespace

StopRecords::Subject stop_subject(const StudySpec& spec, const experiment::Experiment& experiment,
                                  study::Study& study,
                                  const std::unique_ptr<const data::ResidentDataset>& data) {
  StopRecords::Subject subject{&spec.space, spec.objectives, {{0, 0.0}}, spec.seed};
  subject.curve = [&](const study::Trial& trial) {
    stopping::Curve curve;
    const std::vector<study::EpochRecord> records = study.epochs(trial.number);
    if (records.empty()) return curve;
    const std::int64_t epochs = experiment.candidate(trial.values).training.epochs;
    for (const study::EpochRecord& record : records) {
      curve.push_back(curve_point(record, epochs, data->validation.size > 0));
    }
    return curve;
  };
  // Errors as they are compare only once pruning has ended; predictions know the sparsity.
  if (experiment.stop.method == stopping::StopMethod::asha) {
    subject.earliest = [&](const study::Trial& trial) {
      return end_of_pruning(experiment.candidate(trial.values).pruning);
    };
  }
  return subject;
}

TrialProgress::Plan Searcher::progress_plan(const Worker& worker, const Running& running) {
  return {
      worker.lease,
      running.plan.spec.training.epochs,
      sites_.front()->data->validation.size > 0,
      experiment_.stop.method != stopping::StopMethod::off,
      [this, &running] { return watch(running); },
      std::chrono::duration<double, std::ratio<60>>(experiment_.checkpoint),
      [this](const std::string& what) { observer_.note(what); },
      checkpoint_keeper(worker, running),
      [this](const std::function<void()>& message) { inbox_.call(message, closed_.get_token()); }};
}

StopWatch Searcher::watch(const Running& running) {
  const std::int64_t number = running.trial.number;
  stopping::StopTrial begun =
      records_.begin(running.trial, free_objectives(experiment_, running.plan.footprint));
  // Without a rule nothing is learnt from the others, so their curves need not be read.
  if (experiment_.stop.method == stopping::StopMethod::off) {
    return {experiment_.stop, records_.history({}, number), std::move(begun)};
  }
  const std::vector<study::Trial>& all = study_.trials();
  std::vector<study::Trial> known(all.begin(), all.begin() + number);
  if (!experiment_.async) {
    const std::int64_t lag = lag_of(experiment_, static_cast<int>(workers_.size()));
    known = *known_to_next(known, lag, [](const study::Trial&) { return false; });
  }
  return {experiment_.stop, records_.history(known, number), std::move(begun)};
}

void Searcher::announce() {
  std::map<std::string, std::string> settings = stopping::settings_of(experiment_.stop);
  // With the same lag any number of jobs asks for the same trials.
  const std::int64_t lag = lag_of(experiment_, static_cast<int>(workers_.size()));
  settings[kJobsSetting] = std::to_string(workers_.size());
  settings["lag"] = experiment_.async ? "none: async" : std::to_string(lag);
  const std::string note = record_run(study_, settings);
  if (!note.empty()) observer_.note(note);
  if (experiment_.stop.method == stopping::StopMethod::off ||
      sites_.front()->data->validation.size > 0)
    return;
  observer_.note(
      "no trial is stopped early: that needs a validation split, which dataset.validation makes");
}

bool Searcher::finish(std::int64_t number) {
  const std::stop_callback link(stop_, [this] { ends_.request_stop(); });
  Worker& worker = *workers_.front();
  const study::Trial trial = study_.reopen(number, worker.lease);
  observer_.search_started(study_.trials());
  begin(worker, trial);
  while (any_running() && !stop_.stop_requested() && !failure_) {
    inbox_.serve(setup_.lease / 4, stop_);
    keep_leases();
  }
  give_back();
  return study_.trials()[static_cast<std::size_t>(number)].state != study::TrialState::waiting;
}

void Searcher::stop_early(const Worker& worker, const Running& running) {
  std::vector<std::string> names;
  for (const study::Objective& objective : spec_.objectives) names.push_back(objective.name);
  const TrialProgress& progress = *running.progress;
  std::map<std::string, double> metrics = metrics_of(running.plan);
  metrics["epochs"] = static_cast<double>(progress.epochs());
  conclude(worker, running.trial, study::TrialState::stopped,
           {free_objectives(experiment_, running.plan.footprint),
            metrics,
            progress.watch().reason(names),
            {},
            progress.watch().verdict()});
}

}  // namespace paretiny::search

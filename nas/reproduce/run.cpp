#include "nas/reproduce/run.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>

#include "engine/workers.h"
#include "kernels/core/device.h"
#include "kernels/core/threads.h"
#include "nas/jobs/memory_budget.h"
#include "nas/reproduce/problem_study.h"
#include "nas/search/evaluation/evaluation_store.h"

namespace paretiny::reproduce {
namespace {

/// What all runs of a comparison share.
class ComparisonRunner {
 public:
  ComparisonRunner(const ComparisonFolder& folder, const ComparisonSetup& setup,
                   ComparisonObserver& observer, std::stop_token stop)
      : folder_(folder), setup_(setup), observer_(observer), stop_(std::move(stop)) {
    if (!folder.recipe().problem.empty()) return;
    evaluations_.emplace(folder.evaluations());
    dataset_ = data::load_dataset(experiment_of({}).dataset);
    observer_.data_loaded(*dataset_);
    if (setup.jobs == 1) return;
    for (const Device device : setup.devices) {
      budgets_.emplace_back(backend(device.kind).available(device.index));
    }
  }

  /// Runs on the device at this place of the setup's. False on a stop request before its end.
  bool run(const ComparisonRun& run, std::size_t place) {
    return folder_.recipe().problem.empty() ? search(run, place) : solve(run, place);
  }

 private:
  /// The folder's experiment; with an empty run, for what is the same in all of them.
  experiment::Experiment experiment_of(const ComparisonRun& run) const {
    const Recipe& recipe = folder_.recipe();
    std::vector<std::string> set = recipe.set;
    if (!run.sampler.empty()) {
      set.push_back("study.sampler=\"" + run.sampler + "\"");
      set.push_back("study.seed=" + std::to_string(run.seed));
    }
    experiment::Experiment experiment = experiment::load_experiment(folder_.experiment(), set);
    experiment.name = recipe.task + " " + to_string(run);
    experiment.store = folder_.study(run);
    experiment.trials = recipe.trials;
    experiment.dataset.path = setup_.data.string();
    experiment.jobs = 1;
    experiment.lag = 1;
    return experiment;
  }

  bool search(const ComparisonRun& run, std::size_t place) {
    const Device device = setup_.devices[place];
    const experiment::Experiment experiment = experiment_of(run);
    const auto study = study::create_or_open_study(
        experiment.store, search::study_header(experiment, *dataset_, device));
    const auto watcher = started(run, *study);
    search::SearchObserver silent;
    search::SearchSetup setup{{device}};
    setup.evaluations = &*evaluations_;
    setup.budget = budgets_.empty() ? nullptr : &budgets_[place];
    const bool done = has_all(*study) ||
                      search::run_search(experiment, *dataset_, *study, setup, experiment.trials,
                                         watcher ? *watcher : silent, stop_);
    return ended(run, *study, done);
  }

  bool solve(const ComparisonRun& run, std::size_t place) {
    const std::filesystem::path store = folder_.study(run);
    const ProblemStudy problem(folder_.recipe().problem, run.sampler, run.seed,
                               setup_.devices[place]);
    const auto study = study::create_or_open_study(store, problem.header());
    const auto watcher = started(run, *study);
    return ended(run, *study, problem.run(*study, store, folder_.recipe().trials, stop_));
  }

  bool has_all(study::Study& study) const {
    const std::vector<study::Trial>& trials = study.trials();
    return static_cast<std::int64_t>(trials.size()) >= folder_.recipe().trials &&
           std::ranges::all_of(trials, study::has_ended);
  }

  std::unique_ptr<search::SearchObserver> started(const ComparisonRun& run, study::Study& study) {
    const std::lock_guard lock(mutex_);
    return observer_.run_started(run, study);
  }

  bool ended(const ComparisonRun& run, study::Study& study, bool done) {
    const std::lock_guard lock(mutex_);
    if (done) observer_.run_ended(run, study);
    return done;
  }

  const ComparisonFolder& folder_;
  const ComparisonSetup& setup_;
  ComparisonObserver& observer_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::optional<search::EvaluationStore> evaluations_;
  std::optional<data::Dataset> dataset_;
  std::deque<jobs::MemoryBudget> budgets_;  ///< of each device; none for one run at a time
};

}  // namespace

std::vector<ComparisonRun> runs_of(const std::vector<std::string>& samplers,
                                   std::uint64_t first_seed, std::uint64_t last_seed) {
  std::vector<ComparisonRun> runs;
  for (std::uint64_t seed = first_seed; seed <= last_seed; ++seed) {
    for (const std::string& sampler : samplers) {
      const ComparisonRun run{sampler, seed};
      if (std::ranges::find(runs, run) == runs.end()) runs.push_back(run);
    }
  }
  return runs;
}

bool run_comparison(const ComparisonFolder& folder, const std::vector<ComparisonRun>& runs,
                    const ComparisonSetup& setup, ComparisonObserver& observer,
                    std::stop_token stop) {
  std::stop_source halt;
  const std::stop_callback asked(stop, [&halt] { halt.request_stop(); });
  ComparisonRunner runner(folder, setup, observer, halt.get_token());
  std::mutex mutex;
  std::size_t next = 0;
  std::size_t done = 0;
  std::exception_ptr failure;
  std::atomic<std::size_t> workers = 0;
  const auto work = [&] {
    const std::size_t place = workers++ % setup.devices.size();
    if (setup.jobs > 1) set_thread_count(1);  // of this thread alone
    while (!halt.stop_requested()) {
      std::size_t mine = 0;
      {
        const std::lock_guard lock(mutex);
        if (next == runs.size()) return;
        mine = next++;
      }
      try {
        const bool ended = runner.run(runs[mine], place);
        const std::lock_guard lock(mutex);
        if (ended) ++done;
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        halt.request_stop();
      }
    }
  };
  const auto count = std::min(runs.size(), static_cast<std::size_t>(setup.jobs));
  for (std::jthread& worker : start_workers(count, work)) worker.join();
  if (failure) std::rethrow_exception(failure);
  return done == runs.size();
}

}  // namespace paretiny::reproduce

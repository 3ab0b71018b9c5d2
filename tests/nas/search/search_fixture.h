// Searches of a tiny experiment, watched.
#pragma once

#include <map>
#include <set>

#include "base/error.h"
#include "kernels/core/cpu/cpu_stream.h"
#include "nas/search/search.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::test {

/// Counts, and asks to stop where it was told to.
struct Watcher : search::SearchObserver {
  std::map<std::int64_t, int> epochs;
  std::vector<std::int64_t> ended;
  std::vector<std::int64_t> lost;
  std::string exhausted;
  std::int64_t stop_in_trial = -1;
  std::stop_source source;
  std::set<std::int64_t> running;
  std::size_t most_running = 0;  ///< at one time

  void trial_started(const study::Trial& trial, const search::Sketch&) override {
    running.insert(trial.number);
    most_running = std::max(most_running, running.size());
  }
  void epoch_done(const study::Trial& trial, const train::EpochReport& report) override {
    ++epochs[trial.number];
    if (trial.number == stop_in_trial && report.epoch < report.epochs) source.request_stop();
  }
  void trial_ended(const std::vector<study::Trial>& trials, const study::Trial& trial) override {
    EXPECT_EQ(trials.at(static_cast<std::size_t>(trial.number)).state, trial.state);
    ended.push_back(trial.number);
    running.erase(trial.number);
  }
  void space_exhausted(const std::string& what) override { exhausted = what; }
  void trial_lost(const study::Trial& trial) override {
    lost.push_back(trial.number);
    running.erase(trial.number);
  }
};

/// The CPU, with something done before every step.
class SteppedStream : public cpu::CpuStream {
 public:
  explicit SteppedStream(std::function<void()> before) : before_(std::move(before)) {}

  std::unique_ptr<Recording> record(std::function<void()> work) override {
    return cpu::CpuStream::record([this, work = std::move(work)] {
      before_();
      work();
    });
  }

 private:
  const std::function<void()> before_;
};

class SearchTest : public FolderTest {
 protected:
  experiment::Experiment load(const std::vector<std::string>& overrides = {}) {
    return experiment::load_experiment(file(tiny_experiment() + tiny_space()), overrides);
  }

  std::unique_ptr<study::Study> study(const experiment::Experiment& experiment,
                                      const std::string& name) {
    return study::create_or_open_study(folder_ / name, header_of(experiment));
  }
  study::StudyHeader header_of(const experiment::Experiment& experiment) {
    return search::study_header(experiment, data::load_dataset(experiment.dataset),
                                setup_.devices.front());
  }

  bool search(const experiment::Experiment& experiment, study::Study& into, std::int64_t trials,
              Watcher& watcher) {
    return search::run_search(experiment, data::load_dataset(experiment.dataset), into, setup_,
                              trials, watcher, watcher.source.get_token());
  }

  std::vector<study::Trial> trials_of(const experiment::Experiment& experiment,
                                      const std::string& name, std::int64_t trials) {
    const auto kept = study(experiment, name);
    Watcher watcher;
    EXPECT_TRUE(search(experiment, *kept, trials, watcher));
    return kept->trials();
  }

  search::SearchSetup setup_;
};

}  // namespace paretiny::test

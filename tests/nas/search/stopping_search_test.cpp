// Searches that stop trials early, and trials that go on from a checkpoint.
#include <algorithm>

#include "base/error.h"
#include "nas/search/search.h"
#include "nas/study/sqlite/sqlite_study.h"
#include "nas/summary/summary.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::search {

using experiment::Experiment;

namespace {

class Watcher : public SearchObserver {
 public:
  void epoch_done(const study::Trial& trial, const train::EpochReport& report) override {
    epochs.emplace_back(trial.number, report.epoch);
    if (trial.number == interrupt_trial && report.epoch == interrupt_epoch) source.request_stop();
  }
  void note(const std::string& what) override { notes.push_back(what); }

  std::int64_t interrupt_trial = -1, interrupt_epoch = -1;
  std::stop_source source;
  std::vector<std::pair<std::int64_t, std::int64_t>> epochs;
  std::vector<std::string> notes;
};

class StoppingSearchTest : public test::FolderTest {
 protected:
  Experiment load(std::vector<std::string> overrides = {}) {
    overrides.insert(overrides.begin(),
                     {"training.epochs=8", "constraints.rom=1 MB", "study.initial=4"});
    return experiment::load_experiment(file(test::tiny_experiment() + test::tiny_space()),
                                       overrides);
  }
  /// Stops about every second trial.
  Experiment halving(std::vector<std::string> overrides = {}) {
    overrides.insert(overrides.begin(), {"study.stop=asha", "study.stop_eta=3",
                                         "study.stop_run_on=0", "pruning.schedule=none"});
    return load(overrides);
  }
  std::unique_ptr<study::Study> study(const Experiment& experiment, const std::string& name) {
    return study::create_or_open_study(
        folder_ / name, study_header(experiment, data::load_dataset(experiment.dataset), Device{}));
  }
  bool search(const Experiment& experiment, study::Study& study, std::int64_t trials,
              Watcher& watcher) {
    return run_search(experiment, data::load_dataset(experiment.dataset), study, SearchSetup{},
                      trials, watcher, watcher.source.get_token());
  }
  /// A study of `trials` trials, with nothing in its way.
  std::unique_ptr<study::Study> whole(const Experiment& experiment, const std::string& name,
                                      std::int64_t trials) {
    auto kept = study(experiment, name);
    Watcher watcher;
    EXPECT_TRUE(search(experiment, *kept, trials, watcher));
    EXPECT_TRUE(watcher.notes.empty());
    return kept;
  }
};

void expect_same(study::Study& a, study::Study& b) {
  test::expect_equal(a.trials(), b.trials());
  for (const study::Trial& trial : a.trials()) {
    EXPECT_EQ(a.model(trial.number), b.model(trial.number)) << "trial " << trial.number;
    const auto left = a.epochs(trial.number), right = b.epochs(trial.number);
    ASSERT_EQ(left.size(), right.size()) << "trial " << trial.number;
    for (std::size_t i = 0; i < left.size(); ++i) {
      EXPECT_EQ(left[i].loss, right[i].loss);
      EXPECT_EQ(left[i].accuracy, right[i].accuracy);
    }
  }
}

std::int64_t first_stopped(study::Study& study) {
  for (const study::Trial& trial : study.trials()) {
    if (trial.state == study::TrialState::stopped) return trial.number;
  }
  ADD_FAILURE() << "nothing was stopped, so this test shows nothing";
  return 0;
}

TEST_F(StoppingSearchTest, StoppedTrialsAreOnNoFrontAndKnownToTheSampler) {
  for (const char* sampler : {"ars", "turbo", "qlognehvi", "nsga2"}) {
    SCOPED_TRACE(sampler);
    const Experiment experiment =
        halving({std::string("study.sampler=") + sampler,
                 sampler == std::string("ars") ? "sampler.steps=3" : "study.seed=3"});
    const auto kept = whole(experiment, std::string(sampler) + ".sqlite", 10);
    std::size_t stopped = 0;
    for (const study::Trial& trial : kept->trials()) {
      if (trial.state != study::TrialState::stopped) {
        EXPECT_EQ(kept->epochs(trial.number).size(), 8u);
        continue;
      }
      ++stopped;
      EXPECT_TRUE(std::isnan(trial.objectives[0]));
      EXPECT_GT(trial.objectives[1], 0);
      EXPECT_TRUE(test::says(trial.reason, {"% of its epochs it cannot matter"}));
      EXPECT_EQ(trial.verdict->reason, stopping::StopReason::hopeless);
      EXPECT_EQ(trial.metrics.at("epochs"), 8 * trial.verdict->fraction);
      EXPECT_EQ(double(kept->epochs(trial.number).size()), trial.metrics.at("epochs"));
      EXPECT_TRUE(kept->model(trial.number).empty());
    }
    EXPECT_GT(stopped, 1u);
    EXPECT_LT(stopped, 10u);
    const summary::StudySummary summary =
        summary::summarise(kept->header().objectives, kept->trials());
    EXPECT_EQ(summary.count[static_cast<std::size_t>(study::TrialState::stopped)], stopped);
    for (const std::size_t member : summary.front) {
      EXPECT_EQ(kept->trials()[member].state, study::TrialState::done);
    }
  }
}

TEST_F(StoppingSearchTest, StopsByHypervolumeOnceBoundsAreCalibrated) {
  const Experiment experiment =
      load({"study.sampler=random", "study.stop=hypervolume", "study.stop_alpha=0.45",
            "study.stop_delta=0.9", "study.stop_run_on=0.2"});
  const auto kept = whole(experiment, "a.sqlite", 20);
  std::size_t stopped = 0;
  for (const study::Trial& trial : kept->trials()) {
    ASSERT_TRUE(trial.verdict) << trial.number;
    if (trial.number < 4) {  // too few to calibrate
      EXPECT_FALSE(trial.verdict->armed) << trial.number;
      EXPECT_EQ(trial.state, study::TrialState::done);
    }
    if (trial.state == study::TrialState::stopped) {
      ++stopped;
      ASSERT_EQ(trial.verdict->predicted.size(), 4u);
      EXPECT_LE(trial.verdict->bound[0], trial.verdict->predicted[0]);
      EXPECT_EQ(trial.verdict->predicted[1], trial.objectives[1]);
      EXPECT_TRUE(test::says(trial.reason, {"error is predicted as"}));
    }
  }
  EXPECT_GT(stopped, 0u);
}

TEST_F(StoppingSearchTest, AnInterruptedTrialGoesOnFromItsCheckpoint) {
  for (const char* rule : {"off", "asha"}) {
    SCOPED_TRACE(rule);
    const Experiment experiment =
        halving({std::string("study.stop=") + rule, "pruning.schedule=agp", "study.sampler=random",
                 "training.optimizer=adam"});
    const auto expected = whole(experiment, std::string("whole-") + rule, 6);
    const auto kept = study(experiment, std::string("left-") + rule);
    for (const std::int64_t epoch : {1, 3, 7}) {
      Watcher watcher;
      watcher.interrupt_trial = 0;
      watcher.interrupt_epoch = epoch;
      EXPECT_FALSE(search(experiment, *kept, 6, watcher));
      EXPECT_EQ(kept->trials()[0].state, study::TrialState::waiting);
      EXPECT_FALSE(kept->checkpoint(0).empty());
      EXPECT_TRUE(watcher.notes.empty());
    }
    Watcher watcher;
    EXPECT_TRUE(search(experiment, *kept, 6, watcher));
    EXPECT_TRUE(watcher.notes.empty());
    const auto again =
        std::ranges::count_if(watcher.epochs, [](const auto& e) { return e.first == 0; });
    EXPECT_EQ(again, 1) << "only the epoch that was left";
    EXPECT_TRUE(kept->checkpoint(0).empty());
    expect_same(*expected, *kept);
  }
}

TEST_F(StoppingSearchTest, ACheckpointOfNoUseIsRefusedWithANote) {
  const Experiment experiment = load({"study.sampler=random"});
  const auto expected = whole(experiment, "whole.sqlite", 2);
  for (const char* damage :
       {"UPDATE checkpoints SET checkpoint = X'0102'",
        "UPDATE checkpoints SET checkpoint = substr(checkpoint, 1, length(checkpoint) - 1)",
        "UPDATE checkpoints SET epochs = 1"}) {
    SCOPED_TRACE(damage);
    std::filesystem::remove(folder_ / "left.sqlite");
    {
      const auto kept = study(experiment, "left.sqlite");
      Watcher watcher;
      watcher.interrupt_trial = 0;
      watcher.interrupt_epoch = 3;
      EXPECT_FALSE(search(experiment, *kept, 2, watcher));
    }
    study::Database(folder_ / "left.sqlite", study::Database::Mode::write).execute(damage);
    const auto kept = study(experiment, "left.sqlite");
    Watcher watcher;
    EXPECT_TRUE(search(experiment, *kept, 2, watcher));
    ASSERT_EQ(watcher.notes.size(), 1u);
    EXPECT_TRUE(test::says(watcher.notes[0], {"trial 0 begins anew: ", "checkpoint"}));
    expect_same(*expected, *kept);
  }
}

TEST_F(StoppingSearchTest, AFullDiskCostsTheCheckpointAlone) {
  const Experiment experiment = load({"study.sampler=random", "study.checkpoint=0"});
  const auto expected = whole(experiment, "whole.sqlite", 1);
  const auto kept = study(experiment, "full.sqlite");
  auto& database = dynamic_cast<study::SqliteStudy&>(*kept).database();
  const std::int64_t pages = database.integer("PRAGMA page_count");
  // Room for rows, and for none of the checkpoints.
  database.integer("PRAGMA max_page_count = " + std::to_string(pages + 4));
  struct Roomy : Watcher {
    explicit Roomy(study::Database& database) : roomy(database) {}
    void epoch_done(const study::Trial& trial, const train::EpochReport& report) override {
      Watcher::epoch_done(trial, report);
      // The model that the trial ends with has room again.
      if (report.epoch == report.epochs) roomy.integer("PRAGMA max_page_count = 100000");
    }
    study::Database& roomy;
  } watcher(database);
  EXPECT_TRUE(search(experiment, *kept, 1, watcher));
  EXPECT_GT(watcher.notes.size(), 0u);
  EXPECT_TRUE(test::says(watcher.notes[0], {"trial 0 goes on without a checkpoint: "}));
  expect_same(*expected, *kept);
}

TEST_F(StoppingSearchTest, AStoppedTrialIsRunToItsEndOnDemand) {
  const Experiment experiment = halving({"study.sampler=random"});
  const auto kept = whole(experiment, "a.sqlite", 6);
  const std::int64_t number = first_stopped(*kept);
  const auto finish = [&](std::int64_t which, Watcher& watcher) {
    return finish_trial(experiment, data::load_dataset(experiment.dataset), *kept, SearchSetup{},
                        which, watcher, watcher.source.get_token());
  };
  Watcher interrupted;
  interrupted.interrupt_trial = number;
  interrupted.interrupt_epoch = 5;
  EXPECT_FALSE(finish(number, interrupted));
  Watcher watcher;
  EXPECT_TRUE(finish(number, watcher));
  EXPECT_EQ(watcher.epochs.size(), 3u) << "from its checkpoint";
  const study::Trial ended = kept->trials()[static_cast<std::size_t>(number)];
  EXPECT_EQ(ended.state, study::TrialState::done);
  EXPECT_EQ(ended.verdict->reason, stopping::StopReason::wanted);

  const Experiment never = load({"study.sampler=random", "pruning.schedule=none"});
  const auto all = whole(never, "b.sqlite", 6);
  const study::Trial same = all->trials()[static_cast<std::size_t>(number)];
  EXPECT_EQ(ended.objectives, same.objectives);
  EXPECT_EQ(kept->model(number), all->model(number));
  EXPECT_THROW(finish(number, watcher), UsageError);
  EXPECT_THROW(finish(99, watcher), UsageError);
}

TEST_F(StoppingSearchTest, ARuleMayChangeAndIsRecorded) {
  const Experiment off = load({"study.sampler=random", "pruning.schedule=none"});
  const auto kept = whole(off, "a.sqlite", 2);
  const Experiment on = halving({"study.sampler=random"});
  for (int again = 0; again < 2; ++again) {
    Watcher watcher;
    EXPECT_TRUE(search(on, *kept, 8, watcher));
    const auto said = std::ranges::count_if(watcher.notes, [](const std::string& note) {
      return test::says(note, {"stop is asha, it was off", "seed alone"});
    });
    EXPECT_EQ(said, again == 0 ? 1 : 0);
  }
  const std::vector<study::RunRecord> runs = kept->runs();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].settings.at("stop"), "off");
  EXPECT_EQ(runs[1].settings.at("stop"), "asha");
  EXPECT_FALSE(kept->trials()[0].verdict);
}

TEST_F(StoppingSearchTest, WithoutAValidationSplitNothingIsStopped) {
  const Experiment experiment = halving({"study.sampler=random", "dataset.validation=0"});
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  EXPECT_TRUE(search(experiment, *kept, 4, watcher));
  for (const study::Trial& trial : kept->trials()) EXPECT_EQ(trial.state, study::TrialState::done);
  ASSERT_EQ(watcher.notes.size(), 1u);
  EXPECT_TRUE(test::says(watcher.notes[0], {"no trial is stopped", "dataset.validation"}));
}

}  // namespace
}  // namespace paretiny::search

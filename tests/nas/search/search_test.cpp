#include "nas/search/search.h"

#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"
#include "nas/search/warm_start.h"
#include "tests/nas/search/search_fixture.h"

namespace paretiny::search {

using experiment::Experiment;
using study::Trial;
using study::TrialState;
using test::SearchTest;

namespace {

using test::SearchTest;
using test::Watcher;

class Samplers : public SearchTest, public testing::WithParamInterface<const char*> {
 protected:
  /// With policies trained for a moment only: what they learn is not the matter here.
  Experiment load_for_sampler(std::vector<std::string> overrides = {}) {
    overrides.push_back(std::string("study.sampler=") + GetParam());
    if (GetParam() == std::string("ars")) {
      overrides.insert(overrides.end(), {"sampler.policies=2", "sampler.steps=3"});
    }
    return load(overrides);
  }
};

TEST_P(Samplers, TrialsAreATotalAndEachIsAnotherCandidate) {
  const Experiment experiment = load_for_sampler();
  const auto kept = study(experiment, "a.sqlite");
  Watcher first;
  EXPECT_TRUE(search(experiment, *kept, 5, first));
  EXPECT_EQ(kept->trial_count(), 5);
  Watcher again;
  EXPECT_TRUE(search(experiment, *kept, 5, again));
  EXPECT_TRUE(search(experiment, *kept, 3, again));
  EXPECT_TRUE(again.ended.empty());
  EXPECT_TRUE(search(experiment, *kept, 8, again));
  EXPECT_EQ(again.ended, (std::vector<std::int64_t>{5, 6, 7}));

  std::set<std::uint64_t> architectures;
  int infeasible = 0;
  for (const Trial& trial : kept->trials()) {
    EXPECT_TRUE(architectures.insert(trial.architecture).second) << "trial " << trial.number;
    EXPECT_EQ(trial.attempts, 1);
    const int trained = first.epochs[trial.number] + again.epochs[trial.number];
    if (trial.state == TrialState::infeasible) {
      ++infeasible;
      EXPECT_EQ(trained, 0) << "trial " << trial.number;
      EXPECT_TRUE(std::isnan(trial.objectives[0]));
      EXPECT_GT(trial.objectives[1], 5000);
      EXPECT_TRUE(test::says(trial.reason, {"rom", "5 KB"}));
    } else {
      ASSERT_EQ(trial.state, TrialState::done) << trial.reason;
      EXPECT_EQ(trained, std::get<std::int64_t>(trial.values.at("training.epochs")));
      EXPECT_LE(trial.objectives[1], 5000);
      EXPECT_EQ(trial.objectives[0], 1 - trial.metrics.at("accuracy_int8"));
    }
  }
  EXPECT_GT(infeasible, 0) << "the limit should bite, or this test shows nothing";
  EXPECT_LT(infeasible, 8);
}

TEST_P(Samplers, SameSeedSameTrials) {
  const Experiment experiment = load_for_sampler();
  test::expect_equal(trials_of(experiment, "a.sqlite", 7), trials_of(experiment, "b.sqlite", 7));
  const Experiment other = load_for_sampler({"study.seed=4"});
  EXPECT_NE(trials_of(other, "c.sqlite", 1)[0].values,
            trials_of(experiment, "a.sqlite", 7)[0].values);
}

TEST_P(Samplers, AStoppedSearchGoesOnAsIfNothingHadHappened) {
  const Experiment experiment = load(
      {std::string("study.sampler=") + GetParam(), "training.epochs=3", "constraints.rom=1 MB"});
  const std::vector<Trial> whole = trials_of(experiment, "whole.sqlite", 7);
  const auto kept = study(experiment, "stopped.sqlite");
  for (const std::int64_t number : {1, 5}) {
    Watcher watcher;
    watcher.stop_in_trial = number;
    EXPECT_FALSE(search(experiment, *kept, 7, watcher));
    const Trial last = kept->trials().back();
    EXPECT_EQ(last.number, number);
    EXPECT_EQ(last.state, TrialState::waiting);
    EXPECT_EQ(last.attempts, 0);
  }
  Watcher watcher;
  EXPECT_TRUE(search(experiment, *kept, 7, watcher));
  test::expect_equal(whole, kept->trials());
}

INSTANTIATE_TEST_SUITE_P(Each, Samplers, testing::Values("random", "ars"),
                         [](const auto& item) { return std::string(item.param); });

TEST_F(SearchTest, AStopBeforeTheFirstTrialLeavesNone) {
  const Experiment experiment = load();
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  watcher.source.request_stop();
  EXPECT_FALSE(search(experiment, *kept, 3, watcher));
  EXPECT_EQ(kept->trial_count(), 0);
}

TEST_F(SearchTest, ADivergingCandidateFailsAndTheSearchGoesOn) {
  const Experiment experiment =
      load({"space.training.learning_rate={low = 0.01, high = 1000.0, log = true}",
            "training.weight_decay=10", "training.epochs=10", "constraints.rom=1 MB"});
  const std::vector<Trial> trials = trials_of(experiment, "a.sqlite", 9);
  ASSERT_EQ(trials.size(), 9u);
  int failed = 0;
  for (const Trial& trial : trials) {
    if (trial.state != TrialState::failed) continue;
    ++failed;
    EXPECT_TRUE(test::says(trial.reason, {"loss"}));
    for (const double value : trial.objectives) EXPECT_TRUE(std::isnan(value));
  }
  EXPECT_GT(failed, 0);
  EXPECT_LT(failed, 9);
}

TEST_F(SearchTest, ALostDeviceFailsItsTrialAndTheSameSearchGoesOn) {
  const Experiment experiment = load({"constraints.rom=1 MB", "study.sampler=random"});
  {
    const auto kept = study(experiment, "a.sqlite");
    setup_.make_stream = [](Device) {
      return std::make_unique<test::SteppedStream>([left = 40]() mutable {
        // A trial takes 7 or 14 steps, and a few of evaluation.
        if (left-- == 0) throw DeviceLost("adding: the device fell off the bus");
      });
    };
    Watcher watcher;
    try {
      search(experiment, *kept, 5, watcher);
      ADD_FAILURE() << "the device was not lost";
    } catch (const DeviceLost& error) {
      EXPECT_TRUE(test::says(error.what(), {"fell off the bus", "same command goes on"}));
    }
  }
  const auto kept = study(experiment, "a.sqlite");
  const std::vector<Trial> before = kept->trials();
  ASSERT_GE(before.size(), 2u);
  ASSERT_LT(before.size(), 5u);
  EXPECT_EQ(before.back().state, TrialState::failed);
  EXPECT_TRUE(test::says(before.back().reason, {"fell off the bus"}));
  for (std::size_t i = 0; i + 1 < before.size(); ++i) EXPECT_EQ(before[i].state, TrialState::done);

  setup_.make_stream = {};
  Watcher watcher;
  EXPECT_TRUE(search(experiment, *kept, 5, watcher));
  const std::vector<Trial> after = kept->trials();
  ASSERT_EQ(after.size(), 5u);
  test::expect_equal(before,
                     {after.begin(), after.begin() + static_cast<std::ptrdiff_t>(before.size())});
  for (std::size_t i = before.size(); i < 5; ++i) EXPECT_EQ(after[i].state, TrialState::done);
}

TEST_F(SearchTest, CandidatesThatCannotBeTrainedAreEachRecordedWithTheirReason) {
  const Experiment experiment = load({"training.batch=512", "constraints.rom=1 MB"});
  const std::vector<Trial> trials = trials_of(experiment, "a.sqlite", 3);
  ASSERT_EQ(trials.size(), 3u);
  for (const Trial& trial : trials) {
    EXPECT_EQ(trial.state, TrialState::failed);
    EXPECT_TRUE(test::says(trial.reason, {"batch"}));
  }
}

TEST_F(SearchTest, AnExhaustedSpaceSaysSo) {
  // Three epoch counts; widths that round to the same channels are no other candidates.
  const Experiment experiment =
      load({"space.training.epochs.high=3", "space.model.width={choices = [0.5, 0.501]}",
            "training.learning_rate=0.1", "pruning.sparsity=0", "pruning.criterion=l1",
            "constraints.rom=1 MB"});
  const auto kept = study(experiment, "a.sqlite");
  for (int run = 0; run < 2; ++run) {  // resumed, it has nothing left to do either
    Watcher watcher;
    EXPECT_TRUE(search(experiment, *kept, 10, watcher));
    EXPECT_NE(watcher.exhausted.find("suggested"), std::string::npos) << watcher.exhausted;
    EXPECT_EQ(kept->trial_count(), 3);
    for (const Trial& trial : kept->trials()) EXPECT_EQ(trial.state, TrialState::done);
  }
}

TEST_F(SearchTest, HeadersAreRefusedBeforeThereIsAStudy) {
  EXPECT_THROW(header_of(load({"sampler.polices=3"})), UsageError);
  EXPECT_THROW(header_of(load({"study.sampler=random", "sampler.steps=2"})), UsageError)
      << "random takes no options";
  EXPECT_THROW(
      header_of(experiment::load_experiment(file(test::tiny_experiment(), "no_space.toml"))),
      UsageError);
}

TEST_F(SearchTest, AStudyKeepsItsSamplerWhereTheFileNamesNone) {
  std::string text = test::tiny_experiment() + test::tiny_space();
  const auto load = [&](const std::string& name) {
    Experiment experiment = experiment::load_experiment(file(text, name));
    experiment.store = folder_ / "kept.sqlite";
    keep_sampler(experiment);
    return experiment;
  };
  EXPECT_EQ(load("a.toml").sampler, "ars");
  text.erase(text.find("sampler = \"ars\""), std::string("sampler = \"ars\"").size());
  EXPECT_EQ(load("b.toml").sampler, "ars+") << "there is no study yet";
  Experiment papers = load("c.toml");
  papers.sampler = "ars";
  ASSERT_TRUE(study(papers, "kept.sqlite"));
  EXPECT_EQ(load("d.toml").sampler, "ars");
}

TEST_F(SearchTest, TakesOverASearchOfAnotherSpace) {
  const auto old = study(load(), "old.sqlite");
  Watcher watcher;
  ASSERT_TRUE(search(load(), *old, 6, watcher));
  // Wider, and with a parameter more, which trials had from the file.
  const Experiment wider = load({"space.training.learning_rate.high=0.9",
                                 "space.training.batch={low = 16, high = 64}", "study.initial=2"});
  const auto kept = study(wider, "wider.sqlite");
  const Taken taken = take_trials(*old, *kept, wider);
  EXPECT_EQ(taken.taken, 6u) << sentence(taken, "old");
  const std::vector<Trial> then = old->trials(), now = kept->trials();
  ASSERT_EQ(now.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(now[i].state, then[i].state);
    EXPECT_EQ(now[i].metrics, then[i].metrics);
    EXPECT_EQ(now[i].architecture, then[i].architecture);
    EXPECT_EQ(now[i].values.at("training.batch"), space::Value(std::int64_t{32}));
    EXPECT_EQ(kept->model(now[i].number), old->model(then[i].number));
  }
  EXPECT_EQ(take_trials(*old, *kept, wider).there, 6u) << "once";
  Watcher more;
  EXPECT_TRUE(search(wider, *kept, 8, more));
  EXPECT_EQ(more.ended.size(), 2u) << "--trials is a total";
  // One that lost a parameter takes what had the value that is now the file's.
  const Experiment fewer = load({"pruning.criterion=taylor"});
  const auto left = study(fewer, "fewer.sqlite");
  const Taken some = take_trials(*old, *left, fewer);
  std::size_t taylor = 0;
  for (const Trial& trial : then) {
    taylor += trial.values.at("pruning.criterion") == space::Value(std::string("taylor")) ? 1 : 0;
  }
  EXPECT_EQ(some.taken, taylor);
  EXPECT_LT(some.taken, 6u);
  EXPECT_TRUE(test::says(sentence(some, "old"), {"'pruning.criterion' is searched no longer"}));
  // Results of another task say nothing.
  const Experiment other = load({"dataset.samples=310"});
  const auto nothing = study(other, "other.sqlite");
  try {
    (void)take_trials(*old, *nothing, other);
    FAIL();
  } catch (const StoreError& error) {
    EXPECT_TRUE(test::says(error.what(), {"another experiment", "samples"}));
  }
}

TEST_F(SearchTest, ObjectivesCarryTheirLimits) {
  const auto objectives = search_objectives(load({"constraints.accuracy=75 %"}));
  ASSERT_EQ(objectives.size(), 4u);
  EXPECT_EQ(objectives[0].name, "error");
  EXPECT_EQ(objectives[0].limit, 0.25);
  EXPECT_EQ(objectives[1].limit, 5000);
  EXPECT_EQ(objectives[1].limit_text, "5 KB");
  EXPECT_FALSE(objectives[2].limit);
  EXPECT_EQ(objectives[3].name, "flops");
  for (const char* set : {"study.instructions=true", "constraints.instructions=20 M"}) {
    const auto five = search_objectives(load({set}));
    ASSERT_EQ(five.size(), 5u);
    EXPECT_EQ(five[4].name, "instructions");
  }
  EXPECT_EQ(search_objectives(load({"constraints.instructions=20 M"}))[4].limit, 20e6);
}

TEST_F(SearchTest, InstructionsAreThoseOfTheTarget) {
  const Experiment board = load({"study.target=pico"});
  EXPECT_EQ(board.core, deploy::CoreClass::v6m);
  EXPECT_EQ(load({"study.target=m3"}).core, deploy::CoreClass::v7m);
  EXPECT_EQ(load({"study.target=stm32h7"}).core, deploy::CoreClass::dsp);
  const data::Dataset dataset = data::load_dataset(board.dataset);
  const auto counted = [&](deploy::CoreClass core) {
    return sketch(board.candidate(), dataset, core).footprint.instructions;
  };
  EXPECT_GT(counted(deploy::CoreClass::v6m), counted(deploy::CoreClass::v7m));
  EXPECT_GT(counted(deploy::CoreClass::v7m), counted(deploy::CoreClass::dsp));
  // A study keeps to its class of cores; within one the figures are the same.
  EXPECT_NE(board.task, load({}).task);
  EXPECT_NE(board.task, load({"study.target=m3"}).task);
  EXPECT_EQ(load({"study.target=m7"}).task, load({}).task);
}

}  // namespace
}  // namespace paretiny::search

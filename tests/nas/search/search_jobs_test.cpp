// Several candidates at a time.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "tests/nas/search/search_jobs_fixture.h"

namespace paretiny::search {

using experiment::Experiment;
using study::Trial;
using study::TrialState;

namespace {

using std::chrono::milliseconds;
using test::SearchJobs;
using test::SteppedStream;
using test::Watcher;

/// Whether trials ended in another order than that of their numbers.
bool out_of_order(const std::vector<std::int64_t>& ended) {
  return !std::ranges::is_sorted(ended);
}

TEST_F(SearchJobs, TheSameLagGivesTheSameTrialsWhateverTheOrderTheyEndIn) {
  const std::vector<Trial> alone =
      trials_of(load_jobs(1, {"study.lag=4", "constraints.rom=1 MB"}), "alone.sqlite", 9);
  bool mixed = false;
  std::size_t most = 0;
  std::vector<int> delays{0, 3, 9};
  do {
    for (const int jobs : {2, 3, 4}) {
      const Experiment experiment = load_jobs(jobs, {"study.lag=4", "constraints.rom=1 MB"});
      const std::string name =
          fmt::format("{}_{}_{}_{}.sqlite", jobs, delays[0], delays[1], delays[2]);
      const auto kept = study(experiment, name);
      delay_workers(delays);
      Watcher watcher;
      EXPECT_TRUE(search(experiment, *kept, 9, watcher));
      test::expect_equal(alone, kept->trials());
      mixed = mixed || out_of_order(watcher.ended);
      most = std::max(most, watcher.most_running);
    }
  } while (std::ranges::next_permutation(delays).found);
  EXPECT_TRUE(mixed) << "trials ended in their order, so that this shows nothing";
  EXPECT_EQ(most, 4u) << "as many as there are jobs should have run at a time";
}

TEST_F(SearchJobs, AnotherLagIsAnotherStudy) {
  const std::vector<std::string> set{"constraints.rom=1 MB"};
  const auto one = trials_of(load_jobs(1, set), "one.sqlite", 7);
  const auto two = trials_of(load_jobs(2, set), "two.sqlite", 7);
  // Of the design, which needs no results, they are the same.
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(one[i].values, two[i].values);
  bool differs = false;
  for (std::size_t i = 3; i < 7; ++i) differs = differs || one[i].values != two[i].values;
  EXPECT_TRUE(differs) << "two.sqlite knew what it could not know";
}

TEST_F(SearchJobs, WhatBreaksALimitHoldsNobodyUpAndIsNoCauseForDifference) {
  const auto alone = trials_of(load_jobs(1, {"study.lag=3"}), "alone.sqlite", 10);
  const auto settled = std::ranges::count(alone, TrialState::infeasible, &Trial::state);
  ASSERT_GT(settled, 0);
  ASSERT_LT(settled, 10);
  delay_workers({4, 0});
  test::expect_equal(alone, trials_of(load_jobs(2, {"study.lag=3"}), "two.sqlite", 10));
}

TEST_F(SearchJobs, StoppedAtAnyTrialItGoesOnAsIfNothingHadHappened) {
  const std::vector<std::string> set{"training.epochs=3", "constraints.rom=1 MB"};
  const Experiment experiment = load_jobs(3, set);
  const std::vector<Trial> whole = trials_of(experiment, "whole.sqlite", 8);
  const auto kept = study(experiment, "stopped.sqlite");
  delay_workers({1, 5, 2});
  for (int stop = 0; stop < 4; ++stop) {
    // In the first trial that never trained; another one may have its last epoch left.
    std::int64_t fresh = 0;
    while (fresh < kept->trial_count() && !kept->epochs(fresh).empty()) ++fresh;
    if (fresh == 8) break;
    Watcher watcher;
    watcher.stop_in_trial = fresh;
    EXPECT_FALSE(search(experiment, *kept, 8, watcher));
    for (const Trial& trial : kept->trials()) {
      EXPECT_NE(trial.state, TrialState::running) << trial.number;
      EXPECT_LE(trial.attempts, 1);
    }
  }
  Watcher watcher;
  EXPECT_TRUE(search(experiment, *kept, 8, watcher));
  test::expect_equal(whole, kept->trials());
}

TEST_F(SearchJobs, EveryWorkerHoldsItsTrialByALeaseOfItsOwn) {
  delay_workers({3, 3, 3});
  std::set<std::string> owners;
  for (const Trial& trial : trials_of(load_jobs(3, {"constraints.rom=1 MB"}), "a.sqlite", 6)) {
    owners.insert(trial.owner);
  }
  EXPECT_EQ(owners,
            (std::set{study::process_owner(0), study::process_owner(1), study::process_owner(2)}));
}

TEST_F(SearchJobs, WorkersComputeAtTheSameTime) {
  // Each of three waits, in the middle of a step, until the others are in one.
  auto inside = std::make_shared<std::atomic<int>>(0);
  auto met = std::make_shared<std::atomic<bool>>(false);
  setup_.make_stream = [=](Device) {
    return std::make_unique<SteppedStream>([=] {
      ++*inside;
      for (int i = 0; i < 2000 && !*met; ++i) {
        if (*inside == 3) *met = true;
        std::this_thread::sleep_for(milliseconds(5));
      }
      --*inside;
    });
  };
  trials_of(load_jobs(3, {"constraints.rom=1 MB"}), "a.sqlite", 3);
  EXPECT_TRUE(*met);
}

TEST_F(SearchJobs, ACandidateThatThrowsFailsAlone) {
  // One that no part of the program throws, in the middle of a trial.
  auto steps = std::make_shared<std::atomic<int>>(0);
  setup_.make_stream = [steps](Device) {
    return std::make_unique<SteppedStream>([steps] {
      if (++*steps == 30) throw std::logic_error("a planted fault");
    });
  };
  const auto trials = trials_of(load_jobs(2, {"constraints.rom=1 MB"}), "a.sqlite", 6);
  ASSERT_EQ(trials.size(), 6u);
  EXPECT_EQ(std::ranges::count(trials, TrialState::failed, &Trial::state), 1);
  EXPECT_EQ(std::ranges::count(trials, TrialState::done, &Trial::state), 5);
  const auto failed = std::ranges::find(trials, TrialState::failed, &Trial::state);
  EXPECT_EQ(failed->reason, "a planted fault");
}

TEST_F(SearchJobs, WhatMayHaveBroughtTheProcessDownIsTriedAlone) {
  const Experiment experiment = load_jobs(
      3, {"constraints.rom=1 MB", "training.epochs=3", "study.sampler=random", "sampler={}"});
  delay_workers({2, 2, 2});
  const auto kept = study(experiment, "a.sqlite");
  const study::Lease dying{"one that died", std::chrono::hours(1)},
      dead{dying.owner, milliseconds(0)};
  for (const Trial& trial : trials_of(experiment, "first.sqlite", 3)) {
    ASSERT_TRUE(kept->add_trial(trial.number, trial.values, trial.architecture, trial.seed, dying));
    ASSERT_TRUE(kept->release(trial.number, dying.owner));
  }
  // Two processes that had them died.
  for (int death = 0; death < 2; ++death) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(kept->claim(dying));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(kept->renew(i, dead));
  }
  struct Together : Watcher {
    std::size_t suspects = 0, others = 0;
    void trial_started(const Trial& trial, const Sketch& plan) override {
      test::Watcher::trial_started(trial, plan);
      std::size_t& most = trial.number < 3 ? suspects : others;
      most = std::max(most, running.size());
    }
  } watcher;
  EXPECT_TRUE(search(experiment, *kept, 7, watcher));
  EXPECT_EQ(watcher.suspects, 1u);
  EXPECT_EQ(watcher.others, 3u);
  for (const Trial& trial : kept->trials()) {
    EXPECT_EQ(trial.state, TrialState::done);
    EXPECT_EQ(trial.attempts, trial.number < 3 ? 3 : 1);
  }
}

/// The trial as the study has it now, read beside the search.
Trial trial_zero(const std::filesystem::path& path) {
  return study::open_study(path)->trials().at(0);
}

TEST_F(SearchJobs, ALeaseIsKeptThroughALongEpoch) {
  setup_.lease = std::chrono::seconds(4);
  const std::filesystem::path path = folder_ / "a.sqlite";
  auto kept_on = std::make_shared<std::atomic<bool>>(false);
  // The first step takes until the lease was renewed twice.
  setup_.make_stream = [path, kept_on](Device) {
    return std::make_unique<SteppedStream>([path, kept_on, first = true]() mutable {
      std::int64_t until = 0;
      for (int renewals = 0, i = 0; std::exchange(first, false) || (!*kept_on && i < 3000); ++i) {
        const std::int64_t now = trial_zero(path).lease_until;
        renewals += until != 0 && now > until ? 1 : 0;
        until = now;
        if (renewals == 2) *kept_on = true;
        std::this_thread::sleep_for(milliseconds(10));
      }
    });
  };
  const Experiment experiment = load_jobs(
      1, {"constraints.rom=1 MB", "training.epochs=1", "study.sampler=random", "sampler={}"});
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  EXPECT_TRUE(search(experiment, *kept, 1, watcher));
  EXPECT_TRUE(*kept_on) << "nobody renewed the lease";
  EXPECT_TRUE(watcher.lost.empty());
}

TEST_F(SearchJobs, AWorkerWhoseLeaseIsAnothersStopsWithinItsEpoch) {
  setup_.lease = std::chrono::seconds(4);
  struct Loser : Watcher {
    std::atomic<bool> told = false;
    void trial_lost(const Trial& trial) override {
      test::Watcher::trial_lost(trial);
      told = true;
    }
  } watcher;
  const std::filesystem::path path = folder_ / "a.sqlite";
  const Experiment experiment = load_jobs(
      1, {"constraints.rom=1 MB", "training.epochs=1", "study.sampler=random", "sampler={}"});
  const auto thief = study(experiment, "a.sqlite");
  std::atomic<bool> stolen = false;
  setup_.make_stream = [&](Device) {
    return std::make_unique<SteppedStream>([&] {
      if (stolen.exchange(true)) return;
      ASSERT_TRUE(thief->release(0, study::process_owner(0)));
      ASSERT_TRUE(thief->claim({"a thief", std::chrono::hours(1)}));
      for (int i = 0; i < 3000 && !watcher.told; ++i) std::this_thread::sleep_for(milliseconds(10));
    });
  };
  const auto kept = study(experiment, "a.sqlite");
  EXPECT_TRUE(search(experiment, *kept, 2, watcher));
  EXPECT_EQ(watcher.lost, (std::vector<std::int64_t>{0}));
  EXPECT_EQ(watcher.epochs[0], 0);
  EXPECT_EQ(watcher.ended, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(trial_zero(path).owner, "a thief");
}

TEST_F(SearchJobs, AnExhaustedSpaceEndsWhenAllOfItIsDone) {
  const Experiment experiment =
      load_jobs(3, {"space.training.epochs.high=3", "space.model.width={choices = [0.5, 0.501]}",
                    "training.learning_rate=0.1", "pruning.sparsity=0", "pruning.criterion=l1",
                    "constraints.rom=1 MB"});
  delay_workers({5, 0, 2});
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  EXPECT_TRUE(search(experiment, *kept, 10, watcher));
  EXPECT_NE(watcher.exhausted.find("suggested"), std::string::npos) << watcher.exhausted;
  ASSERT_EQ(kept->trial_count(), 3);
  for (const Trial& trial : kept->trials()) EXPECT_EQ(trial.state, TrialState::done);
}

TEST_F(SearchJobs, AskedWithAllThatIsKnownNobodyWaits) {
  delay_workers({0, 20});
  const Experiment experiment =
      load_jobs(2, {"study.async=true", "constraints.rom=1 MB", "training.epochs=2"});
  const auto kept = study(experiment, "a.sqlite");
  Watcher watcher;
  EXPECT_TRUE(search(experiment, *kept, 8, watcher));
  std::set<std::uint64_t> architectures;
  for (const Trial& trial : kept->trials()) {
    EXPECT_EQ(trial.state, TrialState::done);
    EXPECT_TRUE(architectures.insert(trial.architecture).second) << trial.number;
  }
}

}  // namespace
}  // namespace paretiny::search

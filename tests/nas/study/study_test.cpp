#include "nas/study/study.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "kernels/core/random.h"
#include "nas/study/owner.h"
#include "nas/study/study_json.h"
#include "tests/nas/study/store_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;
TEST_P(StoreTest, KeepsEverythingAcrossReopening) {
  if (place_.is_file()) place_ = folder_ / "new" / "folder" / "s.db";
  const double nan = std::numeric_limits<double>::quiet_NaN();
  {
    auto study = create_or_open_study(place_, example_header());
    add_waiting(*study, 0, 0xFFFFFFFFFFFFFFFFu, 1u << 31);
    add_waiting(*study, 1, 2, 3);
    ASSERT_EQ(study->claim({me_, 1min})->number, 0);
    ASSERT_EQ(study->claim({me_, 1min})->number, 1);
    EXPECT_FALSE(study->claim({me_, 1min}));
    ASSERT_TRUE(study->add_epoch(0, me_, {1, 1.0 / 3, 0.5, 0}));
    ASSERT_TRUE(study->add_epoch(0, me_, {2, nan, 0.75, 0.1}));
    ASSERT_TRUE(study->finish(
        0, me_, {{1.0 / 3, 1e5}, {{"seconds", 0.1 + 0.2}, {"macs", 2e6}, {"loss", nan}}, ""}));
    ASSERT_TRUE(study->infeasible(1, me_, {{nan, 4e5}, {}, "rom 400000 B > 256 KB \"x\"\n\xff"}));
  }
  auto study = open_study(place_);
  EXPECT_EQ(study->header().seed, example_header().seed);
  EXPECT_EQ(study->header().objectives, example_header().objectives);
  EXPECT_EQ(study->header().experiment, example_header().experiment);
  EXPECT_LT(std::abs(seconds_between(study->header().created, utc_now())), 60);
  const std::vector<Trial> trials = study->trials();
  ASSERT_EQ(trials.size(), 2u);
  EXPECT_EQ(trials[0].state, TrialState::done);
  EXPECT_EQ(trials[0].values, example_values(0));
  EXPECT_EQ(trials[0].objectives, (std::vector<double>{1.0 / 3, 1e5}));
  EXPECT_EQ(trials[0].metrics.at("seconds"), 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(trials[0].metrics.at("loss")));
  EXPECT_EQ(trials[0].architecture, 0xFFFFFFFFFFFFFFFFu);
  EXPECT_EQ(trials[0].attempts, 1);
  EXPECT_EQ(trials[0].lease_until, 0);
  EXPECT_GE(seconds_between(trials[0].started, trials[0].finished), 0);
  EXPECT_EQ(trials[1].state, TrialState::infeasible);
  EXPECT_TRUE(std::isnan(trials[1].objectives[0]));
  // PostgreSQL takes text for UTF-8, and keeps no other.
  const std::string end = place_.is_file() ? "\xff" : "\uFFFD";
  EXPECT_EQ(trials[1].reason, "rom 400000 B > 256 KB \"x\"\n" + end);
  EXPECT_EQ(trials[1].values, example_values(1));
  const auto epochs = study->epochs(0);
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(epochs[0].loss, 1.0 / 3);
  EXPECT_TRUE(std::isnan(epochs[1].loss));
  EXPECT_THROW((void)study->add_trial(2, {}, 0, 0, {me_, 1min}), StoreError);

  const nlohmann::json json = nlohmann::json::parse(dump(to_json(trials[0])));
  EXPECT_EQ(json["architecture"], "ffffffffffffffff");
  EXPECT_EQ(json["state"], "done");
  EXPECT_EQ(values_from_json(json["values"]), example_values(0));
}

TEST_P(StoreTest, IsKnownAgainByAnyAddress) {
  const auto study = create_or_open_study(place_, example_header());
  Location again = place_, other = place_;
  if (place_.is_file()) {
    fs::create_symlink(place_.file(), folder_ / "link.db");
    again = folder_ / "link.db";
    other = folder_ / "other.db";
  } else {
    again = place_.text() + "&application_name=again";
    other = Location::in(place_.database(), place_.name() + "_other");
  }
  EXPECT_EQ(open_study(again)->identity(), study->identity());
  EXPECT_NE(create_or_open_study(other, example_header())->identity(), study->identity());
}

TEST_P(StoreTest, ATrialKeepsItsModel) {
  const auto study = create_or_open_study(place_, example_header());
  for (std::int64_t number = 0; number < 2; ++number) {
    ASSERT_TRUE(study->add_trial(number, example_values(number), 1, 2, {"me", 1min}));
  }
  std::vector<std::uint8_t> bytes(100000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  EXPECT_TRUE(study->finish(0, "me", {{0.1, 1000}, {}, "", bytes}));
  EXPECT_TRUE(study->finish(1, "me", {{0.1, 1000}, {}, ""}));
  const auto again = open_study(place_);
  EXPECT_EQ(again->model(0), bytes);
  EXPECT_TRUE(again->model(1).empty());
  EXPECT_TRUE(again->model(7).empty());
}

TEST_P(StoreTest, NumbersTrialsOnce) {
  auto a = create_or_open_study(place_, example_header());
  auto b = create_or_open_study(place_, example_header());
  EXPECT_TRUE(a->add_trial(0, example_values(0), 0, 0, {me_, 1min}));
  EXPECT_FALSE(b->add_trial(0, example_values(5), 0, 0, {me_, 1min}));
  EXPECT_EQ(b->trials()[0].values, example_values(0));
  EXPECT_THROW((void)a->add_trial(2, example_values(2), 0, 0, {me_, 1min}), UsageError);
  EXPECT_THROW((void)a->add_trial(1, {{"width", std::nan("")}}, 0, 0, {me_, 1min}), UsageError);
  EXPECT_EQ(a->trial_count(), 1);
}

TEST_P(StoreTest, OnlyTheHolderConcludesAndOnlyOnce) {
  auto study = create_or_open_study(place_, example_header());
  add_waiting(*study, 0);
  EXPECT_FALSE(study->finish(0, me_, {{0.1, 1}, {}, ""})) << "not claimed";
  ASSERT_TRUE(study->claim({"elsewhere", 1ms}));
  std::this_thread::sleep_for(5ms);
  const auto again = study->claim({me_, 1min});
  ASSERT_TRUE(again) << "an expired lease frees the trial";
  EXPECT_EQ(again->attempts, 2);
  EXPECT_FALSE(study->finish(0, "elsewhere", {{0.1, 1}, {}, ""}));
  EXPECT_FALSE(study->renew(0, {"elsewhere", 1min}));
  EXPECT_FALSE(study->add_epoch(0, "elsewhere", {1, 1, 1, 0}));
  EXPECT_TRUE(study->renew(0, {me_, 1h}));
  EXPECT_GT(study->trials()[0].lease_until, again->lease_until);
  EXPECT_THROW((void)study->finish(0, me_, {{0.1}, {}, ""}), UsageError);
  EXPECT_THROW((void)study->finish(0, me_, {{0.1, std::nan("")}, {}, ""}), UsageError);
  EXPECT_THROW((void)study->conclude(0, me_, TrialState::waiting, {}), UsageError);
  EXPECT_TRUE(study->finish(0, me_, {{0.1, 1}, {}, ""}));
  EXPECT_FALSE(study->finish(0, me_, {{0.2, 2}, {}, ""}));
  EXPECT_FALSE(study->fail(0, me_, "late"));
  EXPECT_EQ(study->trials()[0].objectives[0], 0.1);
}

TEST_P(StoreTest, ReleaseGivesBackAndAnAttemptForgetsEpochs) {
  auto study = create_or_open_study(place_, example_header());
  add_waiting(*study, 0);
  ASSERT_TRUE(study->claim({me_, 1min}));
  ASSERT_TRUE(study->add_epoch(0, me_, {1, 1, 0.5, 0}));
  EXPECT_TRUE(study->release(0, me_));
  EXPECT_EQ(study->trials()[0].state, TrialState::waiting);
  EXPECT_EQ(study->claim({me_, 1min})->attempts, 1);
  EXPECT_TRUE(study->epochs(0).empty());
  EXPECT_TRUE(study->abandon(0, me_, "stopped early"));
  EXPECT_EQ(study->trials()[0].state, TrialState::abandoned);
}

TEST_P(StoreTest, FailsATrialWhoseWorkersKeepDying) {
  auto study = create_or_open_study(place_, example_header());
  add_waiting(*study, 0);
  add_waiting(*study, 1);
  for (int i = 0; i < Study::kMaxAttempts; ++i) EXPECT_EQ(study->claim({me_, 0ms})->number, 0);
  EXPECT_EQ(study->claim({me_, 0ms})->number, 1);
  EXPECT_EQ(study->trials()[0].state, TrialState::failed);
  EXPECT_SAYS(study->trials()[0].reason, "died 5 times");
}

TEST_P(StoreTest, KnowsOwnersThatAreGone) {
  EXPECT_FALSE(owner_gone(me_));
  EXPECT_FALSE(owner_gone(process_owner(3)));
  EXPECT_FALSE(owner_gone("another-host/1/2/3/0"));
  EXPECT_FALSE(owner_gone("nonsense"));
  std::string recycled = me_;
  recycled.insert(recycled.rfind('/'), "9");  // same process id, another start
  EXPECT_TRUE(owner_gone(recycled));

  auto study = create_or_open_study(place_, example_header());
  add_waiting(*study, 0);
  const pid_t child = fork();
  if (child == 0) {
    auto own = create_or_open_study(place_, example_header());
    if (!own->claim({process_owner(), 1h})) _exit(1);
    raise(SIGKILL);
  }
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(owner_gone(study->trials()[0].owner));
  ASSERT_TRUE(study->claim({me_, 1h})) << "no waiting for the lease of the dead";
}

/// Works on the study at `place` until killed, telling finished trial numbers through `pipe`.
[[noreturn]] void work(const Location& place, int pipe) {
  auto study = create_or_open_study(place, example_header());
  const std::string owner = process_owner();
  while (true) {
    std::optional<Trial> trial = study->claim({owner, 1h});
    if (!trial) {
      const std::int64_t number = study->trial_count();
      trial = study->add_trial(number, example_values(number), static_cast<std::uint64_t>(number),
                               0, {owner, 1h});
    }
    if (!trial || !study->add_epoch(trial->number, owner, {1, 0.5, 0.5, 0})) continue;
    const double rom = static_cast<double>(trial->number);
    if (study->finish(trial->number, owner, {{0.5, rom}, {}, ""}) &&
        write(pipe, &trial->number, sizeof trial->number) < 0) {
      _exit(1);
    }
  }
}

TEST_P(StoreTest, SurvivesKillAtAnyMoment) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Random random(1, "kill");
  std::set<std::int64_t> reported;
  const auto read_one = [&] {
    std::int64_t number = 0;
    pollfd ready{ends[0], POLLIN, 0};
    if (poll(&ready, 1, 60000) != 1) return false;  // the worker has died
    if (read(ends[0], &number, sizeof number) != sizeof number) return false;
    EXPECT_TRUE(reported.insert(number).second) << "trial " << number << " finished twice";
    return true;
  };
  for (int round = 0; round < 50; ++round) {
    const pid_t child = fork();
    if (child == 0) work(place_, ends[1]);
    for (std::uint64_t i = random.below(3); i > 0; --i) ASSERT_TRUE(read_one());
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(15000)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the worker ended by itself";
  }
  close(ends[1]);
  while (read_one()) {
  }
  close(ends[0]);

  auto study = create_or_open_study(place_, example_header());
  const std::vector<Trial> trials = study->trials();
  std::size_t done = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const auto expected = static_cast<std::int64_t>(i);
    EXPECT_EQ(trials[i].number, expected);
    EXPECT_EQ(trials[i].values, example_values(expected));
    if (trials[i].state != TrialState::done) continue;
    ++done;
    EXPECT_EQ(trials[i].objectives[1], static_cast<double>(i));
    EXPECT_EQ(study->epochs(expected).size(), 1u);
  }
  for (const std::int64_t finished : reported) {
    EXPECT_EQ(trials.at(static_cast<std::size_t>(finished)).state, TrialState::done);
  }
  EXPECT_LE(done, reported.size() + 50);  // a kill may fall between the commit and its report
}

TEST_P(StoreTest, WorkersShareTrialsWithoutOverlap) {
  const std::int64_t total = 60;
  { create_or_open_study(place_, example_header()); }
  std::vector<pid_t> children;
  for (int worker = 0; worker < 4; ++worker) {
    const pid_t child = fork();
    if (child == 0) {
      auto study = create_or_open_study(place_, example_header());
      const std::string owner = process_owner(worker);
      while (true) {
        const std::int64_t number = study->trial_count();
        std::optional<Trial> trial;
        if (number < total) {
          trial = study->add_trial(number, example_values(number), 0, 0, {owner, 1h});
        }
        if (!trial) trial = study->claim({owner, 1h});
        if (!trial && number >= total) _exit(0);
        if (trial && !study->finish(trial->number, owner, {{0.5, 1}, {}, ""})) _exit(1);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  const auto trials = open_study(place_)->trials();
  ASSERT_EQ(trials.size(), static_cast<std::size_t>(total));
  for (const Trial& trial : trials) {
    EXPECT_EQ(trial.state, TrialState::done);
    EXPECT_EQ(trial.attempts, 1);
  }
}

PARETINY_IN_EVERY_STORE(StoreTest);

TEST(Times, ReadBack) {
  EXPECT_NEAR(seconds_between("2024-02-28T23:59:59.500Z", "2024-03-01T00:00:00.250Z"), 86400.75,
              1e-6);
  EXPECT_TRUE(std::isnan(seconds_between("", utc_now())));
}

}  // namespace
}  // namespace paretiny::study

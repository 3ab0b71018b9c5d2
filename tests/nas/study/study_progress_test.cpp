// What a store keeps of trials under way, of those that were stopped, and of runs; and how a study
// of the schema before comes to have it.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "nas/study/sqlite/sqlite_study.h"
#include "nas/study/study_json.h"
#include "tests/nas/study/store_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

stopping::StopVerdict hopeless() {
  stopping::StopVerdict verdict;
  verdict.choice = stopping::StopChoice::stop;
  verdict.reason = stopping::StopReason::hopeless;
  verdict.fraction = 0.25;
  verdict.armed = true;
  verdict.predicted = {1.0 / 3, 1000};
  verdict.deviation = {0.05, 0};
  verdict.bound = {-std::numeric_limits<double>::infinity(), 1000};
  verdict.gain = 1e-4;
  return verdict;
}

std::unique_ptr<Study> study_with(const Location& place, std::int64_t count,
                                  const std::string& owner) {
  auto study = create_or_open_study(place, example_header());
  for (std::int64_t number = 0; number < count; ++number) {
    EXPECT_TRUE(study->add_trial(number, example_values(number), 1, 2, {owner, 1h}));
  }
  return study;
}

class StudyProgressTest : public StoreTest {
 protected:
  std::unique_ptr<Study> with_trials(std::int64_t count) { return study_with(place_, count, me_); }
};

class StudyFileTest : public StudyTest {
 protected:
  std::unique_ptr<Study> with_trials(std::int64_t count) { return study_with(path_, count, me_); }

  /// Makes the file what the schema before would have.
  void take_back_the_schema() {
    Database database(path_, Database::Mode::write);
    database.execute("ALTER TABLE trials DROP COLUMN verdict");
    for (const char* table : {"steps", "checkpoints", "runs"}) {
      database.execute(std::string("DROP TABLE ") + table);
    }
    database.execute("PRAGMA user_version = 3");
    EXPECT_EQ(database.text("SELECT sql FROM sqlite_schema WHERE name = 'trials'"),
              "CREATE TABLE trials (number INTEGER PRIMARY KEY, state TEXT NOT NULL, "
              "parameters TEXT NOT NULL, objectives TEXT NOT NULL, metrics TEXT NOT NULL, "
              "reason TEXT NOT NULL, architecture INTEGER NOT NULL, seed INTEGER NOT NULL, "
              "attempts INTEGER NOT NULL, owner TEXT NOT NULL, lease_until INTEGER NOT NULL, "
              "started TEXT NOT NULL, finished TEXT NOT NULL, revision INTEGER NOT NULL, "
              "checksum INTEGER NOT NULL) STRICT");
  }
};

TEST_P(StudyProgressTest, AStoppedTrialKeepsItsVerdict) {
  {
    const auto study = with_trials(2);
    EXPECT_THROW((void)study->conclude(0, me_, TrialState::stopped, {{kNothing, 1000}, {}, "why"}),
                 UsageError);
    ASSERT_TRUE(study->conclude(0, me_, TrialState::stopped,
                                {{kNothing, 1000}, {{"epochs", 3}}, "why", {}, hopeless()}));
    EXPECT_FALSE(study->conclude(0, me_, TrialState::done, {{0.1, 1}, {}, ""}));
    stopping::StopVerdict armed;
    armed.armed = true;
    ASSERT_TRUE(study->decide(1, me_, armed));
    EXPECT_FALSE(study->decide(1, "another", armed));
  }
  const auto study = open_study(place_);
  const std::vector<Trial> trials = study->trials();
  EXPECT_EQ(trials[0].state, TrialState::stopped);
  EXPECT_EQ(to_string(trials[0].state), "stopped");
  EXPECT_TRUE(std::isnan(trials[0].objectives[0]));
  EXPECT_EQ(trials[0].objectives[1], 1000);
  ASSERT_TRUE(trials[0].verdict);
  EXPECT_EQ(dump(to_json(*trials[0].verdict)), dump(to_json(hopeless())));
  EXPECT_EQ(trials[0].verdict->bound, hopeless().bound);
  ASSERT_TRUE(trials[1].verdict);
  EXPECT_TRUE(trials[1].verdict->armed);
  EXPECT_TRUE(std::isnan(trials[1].verdict->gain));
}

TEST(StopVerdicts, RefusesAVerdictThatNoTrialCouldHave) {
  const nlohmann::json right = to_json(hopeless());
  EXPECT_EQ(dump(to_json(verdict_from_json(nlohmann::json::parse(dump(right)), 2))), dump(right));
  EXPECT_THROW(verdict_from_json(right, 3), DataError);
  const auto refused = [&](const char* key, nlohmann::json value) {
    nlohmann::json wrong = right;
    wrong[key] = std::move(value);
    EXPECT_THROW(verdict_from_json(wrong, 2), DataError) << key;
  };
  refused("choice", "perhaps");
  refused("reason", "whim");
  refused("fraction", 1.5);
  refused("fraction", -0.5);
  refused("predicted", {nullptr, 1});
  refused("predicted", nlohmann::json::array());
  refused("deviation", {-1, 0});
  refused("deviation", nlohmann::json::array());
  refused("bound", nlohmann::json::array());
  nlohmann::json without = right;
  without.erase("armed");
  EXPECT_THROW(verdict_from_json(without, 2), nlohmann::json::exception);
}

TEST_P(StudyProgressTest, AStoppedTrialIsTakenToItsEndOnDemand) {
  const auto study = with_trials(3);
  ASSERT_TRUE(study->add_epoch(0, me_, {1, 1, 0.5, 0}));
  ASSERT_TRUE(
      study->conclude(0, me_, TrialState::stopped, {{kNothing, 1000}, {}, "why", {}, hopeless()}));
  ASSERT_TRUE(study->finish(1, me_, {{0.1, 1}, {}, ""}));
  EXPECT_FALSE(study->claim({me_, 1h})) << "a stopped trial is not left to do";
  const auto refusal = [&](std::int64_t number) {
    try {
      (void)study->reopen(number, {me_, 1h});
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_SAYS(refusal(1), "trial 1 was not stopped: it is done");
  EXPECT_SAYS(refusal(2), "trial 2 was not stopped: it is running");
  EXPECT_SAYS(refusal(3), "there is no trial 3: the study has 3");
  EXPECT_SAYS(refusal(-1), "there is no trial -1");

  const Trial again = study->reopen(0, {me_, 1h});
  EXPECT_EQ(again.state, TrialState::running);
  EXPECT_EQ(again.attempts, 1);
  EXPECT_EQ(again.verdict->reason, stopping::StopReason::wanted);
  EXPECT_TRUE(study->epochs(0).empty());
  // Interrupted, it is run to its end by whoever comes first.
  ASSERT_TRUE(study->release(0, me_));
  EXPECT_EQ(study->reopen(0, {me_, 1h}).verdict->reason, stopping::StopReason::wanted);
  ASSERT_TRUE(study->release(0, me_));
  EXPECT_EQ(study->claim({me_, 1h})->verdict->reason, stopping::StopReason::wanted);
  EXPECT_TRUE(study->finish(0, me_, {{0.25, 1000}, {}, ""}));
  EXPECT_SAYS(refusal(0), "it is done");
}

TEST_P(StudyProgressTest, ACheckpointKeepsTheEpochsBehindIt) {
  const auto study = with_trials(2);
  const std::vector<std::uint8_t> bytes = {1, 2, 3};
  for (int epoch = 1; epoch <= 3; ++epoch) {
    ASSERT_TRUE(study->add_epoch(0, me_, {epoch, 1.0 / epoch, 0.5, 0}));
    if (epoch == 2) {
      ASSERT_TRUE(study->keep_checkpoint(0, me_, 2, bytes));
    }
  }
  stopping::StopVerdict armed;
  armed.armed = true;
  ASSERT_TRUE(study->decide(0, me_, armed));
  EXPECT_FALSE(study->keep_checkpoint(0, "another", 3, bytes));
  ASSERT_TRUE(study->release(0, me_));
  ASSERT_EQ(study->claim({me_, 1h})->number, 0);
  EXPECT_FALSE(study->trials()[0].verdict) << "it is decided anew on what follows";
  EXPECT_EQ(study->epochs(0).size(), 2u);
  EXPECT_EQ(study->checkpoint(0), bytes);
  EXPECT_TRUE(study->checkpoint(1).empty());
  EXPECT_FALSE(study->begin_anew(0, "another"));
  EXPECT_EQ(open_study(place_)->checkpoint(0), bytes);

  ASSERT_TRUE(study->begin_anew(0, me_));
  EXPECT_TRUE(study->checkpoint(0).empty());
  EXPECT_TRUE(study->epochs(0).empty());
  ASSERT_TRUE(study->keep_checkpoint(0, me_, 0, bytes));
  ASSERT_TRUE(study->finish(0, me_, {{0.1, 1}, {}, ""}));
  EXPECT_TRUE(study->checkpoint(0).empty()) << "dropped with the trial's end";
}

TEST_F(StudyFileTest, ADamagedCheckpointCostsNoMoreThanItself) {
  {
    const auto study = with_trials(1);
    ASSERT_TRUE(study->keep_checkpoint(0, me_, 1, std::vector<std::uint8_t>(1000, 7)));
    ASSERT_TRUE(study->release(0, me_));
  }
  {
    Database database(path_, Database::Mode::write);
    database.execute("UPDATE checkpoints SET epochs = -5, checkpoint = X'00'");
  }
  const auto study = create_or_open_study(path_, example_header());
  EXPECT_EQ(study->claim({me_, 1h})->number, 0);
  EXPECT_EQ(study->checkpoint(0), std::vector<std::uint8_t>{0});
}

TEST_P(StudyProgressTest, KeepsStepsAndRuns) {
  {
    const auto study = with_trials(1);
    ASSERT_TRUE(study->add_step(0, me_, {2, {0.5, kNothing}}));
    ASSERT_TRUE(study->add_step(0, me_, {1, {0.7, 1}}));
    ASSERT_TRUE(study->add_step(0, me_, {2, {0.4, 2}}));
    EXPECT_FALSE(study->add_step(0, "another", {3, {0.4, 2}}));
    EXPECT_THROW((void)study->add_step(0, me_, {0, {0.4, 2}}), UsageError);
    EXPECT_THROW((void)study->add_step(0, me_, {3, {0.4}}), UsageError);
    EXPECT_TRUE(study->add_run({{"stop", "off"}}));
    EXPECT_FALSE(study->add_run({{"stop", "off"}}));
    EXPECT_TRUE(study->add_run({{"stop", "hypervolume"}, {"stop_alpha", "0.1"}}));
  }
  {
    const auto study = open_study(place_);
    const std::vector<StepRecord> steps = study->steps(0);
    ASSERT_EQ(steps.size(), 2u);
    EXPECT_EQ(steps[0].step, 1);
    EXPECT_EQ(steps[1].objectives, (std::vector<double>{0.4, 2}));
    const std::vector<RunRecord> runs = study->runs();
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[1].settings.at("stop_alpha"), "0.1");
    EXPECT_LT(std::abs(seconds_between(runs[0].started, utc_now())), 60);
  }
}

TEST_F(StudyFileTest, KnowsDamageOfStepsAndRuns) {
  {
    const auto study = with_trials(1);
    ASSERT_TRUE(study->add_step(0, me_, {2, {0.4, 2}}));
    ASSERT_TRUE(study->add_run({{"stop", "off"}}));
    ASSERT_TRUE(study->add_run({{"stop", "hypervolume"}}));
  }
  for (const char* damage :
       {"UPDATE steps SET objectives = '[0.4, 3]'", "DELETE FROM runs WHERE number = 1",
        "UPDATE runs SET settings = '{\"stop\": 1}' WHERE number = 0", "DELETE FROM steps"}) {
    const std::string whole = slurp(path_);
    Database(path_, Database::Mode::write).execute(damage);
    EXPECT_THROW(open_study(path_), StoreError) << damage;
    spill(path_, whole);
  }
  EXPECT_NO_THROW(open_study(path_));
}

TEST_F(StudyFileTest, AStudyOfTheSchemaBeforeIsReadAndGoneOnWith) {
  {
    const auto study = with_trials(2);
    ASSERT_TRUE(study->add_epoch(0, me_, {1, 1, 0.5, 0}));
    ASSERT_TRUE(study->finish(0, me_, {{0.1, 1}, {}, "", {1, 2, 3}}));
  }
  take_back_the_schema();
  const std::string before = slurp(path_);
  {
    const auto reader = open_study(path_);
    EXPECT_EQ(reader->trials().size(), 2u);
    EXPECT_TRUE(reader->steps(0).empty());
    EXPECT_TRUE(reader->checkpoint(0).empty());
    EXPECT_TRUE(reader->runs().empty());
  }
  StudyHeader other = example_header();
  other.seed = 1;
  EXPECT_THROW(create_or_open_study(path_, other), StoreError);
  EXPECT_EQ(slurp(path_), before) << "what is only read stays as it is";
  const auto reader = open_study(path_);
  const auto a = create_or_open_study(path_, example_header());
  const auto b = create_or_open_study(path_, example_header());
  ASSERT_TRUE(
      a->conclude(1, me_, TrialState::stopped, {{kNothing, 1000}, {}, "why", {}, hopeless()}));
  EXPECT_TRUE(b->add_run({{"stop", "asha"}}));
  EXPECT_EQ(reader->trials()[1].state, TrialState::stopped);
  EXPECT_EQ(reader->runs().size(), 1u);
  const auto study = open_study(path_);
  EXPECT_EQ(study->trials()[0].objectives[0], 0.1);
  EXPECT_EQ(study->trials()[1].verdict->fraction, 0.25);
  EXPECT_EQ(study->model(0), (std::vector<std::uint8_t>{1, 2, 3}));
  EXPECT_EQ(study->epochs(0).size(), 1u);
}

PARETINY_IN_EVERY_STORE(StudyProgressTest);

}  // namespace
}  // namespace paretiny::study

// Damage to the file of a study is found and said.
#include <sys/wait.h>

#include <cmath>

#include "kernels/core/random.h"
#include "nas/study/sqlite/sqlite_study.h"
#include "nas/study/sqlite/trial_row.h"
#include "nas/study/study_json.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;

using StudyDamageTest = StudyTest;

TEST_F(StudyDamageTest, FindsDamage) {
  const std::int64_t count = 40;
  {
    auto study = create_or_open_study(path_, example_header());
    for (std::int64_t i = 0; i < count; ++i) {
      ASSERT_TRUE(
          study->add_trial(i, example_values(i), static_cast<std::uint64_t>(i), 0, {me_, 1min}));
      ASSERT_TRUE(study->add_epoch(i, me_, {1, 0.5, 0.5, 0}));
      ASSERT_TRUE(
          study->finish(i, me_, {{0.25, 1000.0 + static_cast<double>(i)}, {{"seconds", 2.5}}, ""}));
    }
  }
  const std::string whole = slurp(path_);
  const std::string truth = [&] {
    std::string text;
    const auto study = open_study(path_);
    for (const Trial& trial : study->trials()) text += dump(to_json(trial));
    return text;
  }();
  for (const std::size_t size : {std::size_t{50}, whole.size() / 2, whole.size() - 1}) {
    spill(path_, whole.substr(0, size));
    EXPECT_THROW(open_study(path_), StoreError) << size;
    EXPECT_NE(refusal(example_header()), "") << size;
  }
  // A flipped bit is either noticed or lies where nothing is kept.
  Random random(1, "damage");
  int noticed = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bytes = whole;
    char& byte = bytes[random.below(bytes.size())];
    byte = static_cast<char>(byte ^ (1 << random.below(8)));
    spill(path_, bytes);
    try {
      auto study = open_study(path_);
      std::string text;
      for (const Trial& trial : study->trials()) text += dump(to_json(trial));
      EXPECT_EQ(text, truth);
      EXPECT_EQ(study->epochs(count - 1).size(), 1u);
    } catch (const StoreError&) {
      ++noticed;
    }
  }
  EXPECT_GT(noticed, 50) << "most of so small a study is room for more";
}

TEST_F(StudyDamageTest, FindsRowsThatAreGone) {
  {
    const auto study = create_or_open_study(path_, example_header());
    for (std::int64_t i = 0; i < 3; ++i) {
      ASSERT_TRUE(study->add_trial(i, example_values(i), 0, 0, {me_, 1min}));
      ASSERT_TRUE(study->add_epoch(i, me_, {1, 0.5, 0.5, 0}));
      ASSERT_TRUE(study->add_epoch(i, me_, {2, 0.4, 0.6, 0}));
      ASSERT_TRUE(study->finish(i, me_, {{0.1, 1}, {}, "", {1, 2, 3}}));
    }
  }
  const std::string whole = slurp(path_);
  const auto without = [&](const std::string& change) {
    spill(path_, whole);
    Database(path_, Database::Mode::write).execute(change);
    return refusal(example_header());
  };
  EXPECT_SAYS(without("DELETE FROM trials WHERE number = 2"), "2 trials are there of the 3");
  for (const char* change :
       {"DELETE FROM epochs WHERE trial = 1 AND epoch = 2", "DELETE FROM models WHERE trial = 0",
        "DELETE FROM epochs", "DELETE FROM models"}) {
    EXPECT_SAYS(without(change), "some of its rows are gone") << change;
  }
  EXPECT_SAYS(without("DELETE FROM tally"), "the tally of its rows is missing");
  EXPECT_SAYS(without("UPDATE tally SET trials = 2"), "the checksum of the tally");
  spill(path_, whole);
  Database(path_, Database::Mode::write).execute("UPDATE models SET model = x'010204'");
  EXPECT_THROW(open_study(path_)->model(1), StoreError);
}

/// A process works on the study until it kills itself after `trials` of them.
void work_and_die(const fs::path& path, std::int64_t trials) {
  const pid_t child = fork();
  if (child == 0) {
    const auto study = create_or_open_study(path, example_header());
    for (std::int64_t i = 0; i < trials; ++i) {
      if (!study->add_trial(i, example_values(i), 0, 0, {"me", 1h})) _exit(1);
      if (i + 1 == trials) {
        for (int k = 1; k < 4; ++k) {
          if (!study->add_epoch(i, "me", {k, 0.5, 0.5, 0}) || !study->renew(i, {"me", 1h}))
            _exit(1);
        }
        break;
      }
      if (!study->finish(i, "me", {{0.5, static_cast<double>(i)}, {}, ""})) _exit(1);
    }
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST_F(StudyDamageTest, DamageOfTheLogLosesNoTrial) {
  const fs::path log = path_.string() + "-wal";
  const std::int64_t count = 6;
  work_and_die(path_, count);
  const std::string file = slurp(path_);
  const std::string whole = slurp(log);
  ASSERT_GT(whole.size(), 10000u) << "the epochs are in the log";
  Random random(1, "log");
  for (int i = 0; i < 200; ++i) {
    std::string bytes = whole;
    if (i % 20 == 0) {
      bytes.resize(random.below(bytes.size()));
    } else {
      char& byte = bytes[i % 3 == 0 ? random.below(64) : random.below(bytes.size())];
      byte = static_cast<char>(byte ^ (1 << random.below(8)));
    }
    for (const auto& entry : fs::directory_iterator(folder_)) fs::remove(entry.path());
    spill(path_, file);
    spill(log, bytes);
    const auto study = open_study(path_);
    ASSERT_EQ(study->trials().size(), static_cast<std::size_t>(count)) << i;
    for (std::int64_t k = 0; k < count; ++k) {
      const Trial& trial = study->trials()[static_cast<std::size_t>(k)];
      EXPECT_EQ(trial.state, k + 1 < count ? TrialState::done : TrialState::running);
      EXPECT_TRUE(k + 1 == count || trial.objectives[1] == static_cast<double>(k));
    }
  }
}

TEST_F(StudyDamageTest, RefusesRowsThatNoTrialHas) {
  create_or_open_study(path_, example_header());
  Trial sound;
  sound.state = TrialState::done;
  sound.objectives = {0.1, 2};
  const auto said_of = [&](auto change) {
    Trial trial = sound;
    change(trial);
    Database(path_, Database::Mode::write).execute("DELETE FROM trials");
    {
      Database database(path_, Database::Mode::write);
      const std::int64_t checksum = save_trial(database, trial, 1);
      write_tally(database, {1, 1, static_cast<std::uint64_t>(checksum)});
    }
    return refusal(example_header());
  };
  EXPECT_EQ(said_of([](Trial&) {}), "");
  EXPECT_SAYS(said_of([](Trial& trial) { trial.objectives = {0.1}; }),
              "trial 0: it has 1 objectives; the study has 2");
  EXPECT_SAYS(said_of([](Trial& trial) { trial.objectives[1] = std::nan(""); }),
              "trial 0: it is done without all objectives");
  EXPECT_SAYS(said_of([](Trial& trial) { trial.attempts = INT32_MAX; }), "tried 2147483647 times");
  EXPECT_SAYS(said_of([](Trial& trial) { trial.number = 3; }), "trial 3 in place of trial 0");
  Database database(path_, Database::Mode::write);
  const std::int64_t checksum = save_trial(database, sound, INT64_MAX);
  database.execute("DELETE FROM trials WHERE number = 3");
  write_tally(database, {1, 1, static_cast<std::uint64_t>(checksum)});
  EXPECT_SAYS(refusal(example_header()), "changed after the last change of the study");
}

TEST_F(StudyDamageTest, RefusesTablesThatAreNotItsOwn) {
  for (const char* change :
       {"CREATE TRIGGER t AFTER UPDATE ON trials BEGIN DELETE FROM trials; END",
        "CREATE TABLE more (x)", "DROP TABLE models", "ALTER TABLE trials ADD COLUMN more TEXT"}) {
    fs::remove(path_);
    ASSERT_EQ(refusal(example_header()), "");
    Database(path_, Database::Mode::write).execute(change);
    EXPECT_SAYS(refusal(example_header()), "its tables are not those that it was made with");
  }
}

}  // namespace
}  // namespace paretiny::study

// What is wrong with a store is said, and nothing in it is lost.
#include <sys/wait.h>

#include <cmath>

#include "kernels/random.h"
#include "nas/study/sqlite_study.h"
#include "nas/study/study_json.h"
#include "nas/study/trial_row.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny {
namespace {

using namespace std::chrono_literals;

using StudyStoreTest = StudyTest;

TEST_F(StudyStoreTest, RefusesAStudyMadeForSomethingElse) {
  const StudyHeader made = example_header();
  ASSERT_EQ(refusal(made), "");
  EXPECT_EQ(refusal(made), "");
  StudyHeader other = made;
  other.space = "width real [0.25, 1]\ndepth integer [1, 5]\n";
  EXPECT_SAYS(refusal(other),
              "the space is 'depth integer [1, 4]' in the study and 'depth integer [1, 5]' now");
  other.seed = 7;
  EXPECT_SAYS(refusal(other), "the seed is '18364758544493064720' in the study and '7' now");
  other = made;
  other.objectives.push_back({"ram", "B", {}, ""});
  EXPECT_SAYS(refusal(other), "an objective is '' in the study and 'ram [B]' now");
  other = made;
  other.objectives[1].limit = 1000;
  EXPECT_SAYS(refusal(other), "rom [B] <= 262144");
  other = made;
  other.task = "cifar10";
  EXPECT_SAYS(refusal(other), "the task is");
  other = made;
  other.sampler = "random";
  EXPECT_SAYS(refusal(other), "the sampler is 'ars' in the study and 'random' now");
  other = made;
  other.version = "0.0.9";
  EXPECT_SAYS(refusal(other), "made by version 0.1.0, newer than this program's 0.0.9");
  other.version = "0.10.0";
  other.device = "cuda:1";
  other.experiment = "changed";
  EXPECT_EQ(refusal(other), "");
  EXPECT_EQ(open_study(path_)->header().experiment, made.experiment);

  Database(path_, Database::Mode::write).execute("PRAGMA user_version = 3");
  EXPECT_SAYS(refusal(made), "has schema 3, this program reads schema 2");
}

TEST_F(StudyStoreTest, SeveralProcessesMayMakeItAtOnce) {
  for (int round = 0; round < 40; ++round) {
    path_ = folder_ / ("study" + std::to_string(round));
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      const pid_t child = fork();
      if (child == 0) _exit(refusal(example_header()).empty() ? 0 : 1);
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = -1;
      waitpid(child, &status, 0);
      EXPECT_EQ(status, 0) << "round " << round;
    }
    EXPECT_EQ(refusal(example_header()), "");
  }
}

TEST_F(StudyStoreTest, RefusesWhatIsNoStudy) {
  EXPECT_THROW(open_study(path_), StoreError);
  EXPECT_FALSE(fs::exists(path_));
  spill(path_, std::string(5000, 'x'));
  EXPECT_SAYS(refusal(example_header()), "is no SQLite database");
  EXPECT_THROW(open_study(path_), StoreError);
  EXPECT_EQ(slurp(path_), std::string(5000, 'x'));
  fs::remove(path_);

  Database(path_, Database::Mode::write).execute("CREATE TABLE notes (text)");
  const std::string before = slurp(path_);
  EXPECT_SAYS(refusal(example_header()), "is a database but not a study");
  EXPECT_EQ(slurp(path_), before);
  fs::remove(path_);

  spill(path_, "");
  EXPECT_THROW(open_study(path_), StoreError);
  EXPECT_EQ(refusal(example_header()), "") << "an empty file is a study not begun";

  path_ = folder_;
  EXPECT_SAYS(refusal(example_header()), "cannot be opened");
  path_ = folder_ / "study.db" / "under_a_file.db";
  EXPECT_SAYS(refusal(example_header()), "the folder of the study");
}

TEST_F(StudyStoreTest, ReadsWhereItMayNotWrite) {
  {
    auto study = create_or_open_study(path_, example_header());
    study->add_trial(0, example_values(0), 0, 0);
  }
  fs::permissions(path_, fs::perms(0444));
  fs::permissions(folder_, fs::perms(0555));
  const pid_t child = fork();
  if (child == 0) {
    int result = 1;
    if (getuid() == 0 && setuid(65534) != 0) _exit(77);
    try {
      if (open_study(path_)->trials().size() == 1) result = 2;
      create_or_open_study(path_, example_header())->add_trial(1, {}, 0, 0);
    } catch (const StoreError& error) {
      const bool says = std::string(error.what()).find("writable") != std::string::npos;
      if (result == 2 && says) result = 0;
    }
    _exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  fs::permissions(folder_, fs::perms(0755));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "cannot give up the rights of root here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(StudyStoreTest, SaysWhenTheDiskIsFullAndKeepsWhatItHas) {
  SqliteStudy study(path_, example_header());
  study.add_trial(0, example_values(0), 0, 0);
  study.claim(me_, 1min);
  const std::int64_t pages = study.database().integer("PRAGMA page_count");
  study.database().execute("PRAGMA max_page_count = " + std::to_string(pages));
  try {
    study.fail(0, me_, std::string(100000, 'y'));
    FAIL() << "wrote beyond the limit";
  } catch (const StoreError& error) {
    EXPECT_SAYS(std::string(error.what()), "no space is left");
  }
  EXPECT_EQ(study.trials()[0].state, TrialState::running);
  study.database().execute("PRAGMA max_page_count = 100000");
  EXPECT_TRUE(study.fail(0, me_, std::string(100000, 'y')));
}

TEST_F(StudyStoreTest, SaysWhenLocked) {
  SqliteStudy study(path_, example_header());
  Database other(path_, Database::Mode::write);
  other.execute("BEGIN IMMEDIATE");
  study.database().execute("PRAGMA busy_timeout = 20");
  try {
    study.add_trial(0, {}, 0, 0);
    FAIL() << "wrote into a locked store";
  } catch (const StoreError& error) {
    EXPECT_SAYS(std::string(error.what()), "locked by another program");
  }
  EXPECT_TRUE(open_study(path_)->trials().empty()) << "readers are not kept out";
}

TEST_F(StudyStoreTest, FindsDamage) {
  const std::int64_t count = 40;
  {
    auto study = create_or_open_study(path_, example_header());
    for (std::int64_t i = 0; i < count; ++i) {
      study->add_trial(i, example_values(i), static_cast<std::uint64_t>(i), 0);
      study->claim(me_, 1min);
      study->add_epoch(i, me_, {1, 0.5, 0.5, 0});
      study->finish(i, me_, {{0.25, 1000.0 + static_cast<double>(i)}, {{"seconds", 2.5}}, ""});
    }
  }
  const std::string whole = slurp(path_);
  const std::string truth = [&] {
    std::string text;
    for (const Trial& trial : open_study(path_)->trials()) text += dump(to_json(trial));
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
  EXPECT_GT(noticed, 100);
}

TEST_F(StudyStoreTest, ReadingLeavesNothingBehind) {
  create_or_open_study(path_, example_header())->add_trial(0, example_values(0), 0, 0);
  const std::string before = slurp(path_);
  EXPECT_EQ(open_study(path_)->trials().size(), 1u);
  EXPECT_EQ(slurp(path_), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(StudyStoreTest, RefusesRowsThatNoTrialHas) {
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
      save_trial(database, trial);
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
}

TEST_F(StudyStoreTest, RefusesTablesThatAreNotItsOwn) {
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
}  // namespace paretiny

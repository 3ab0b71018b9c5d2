// What is wrong with a store is said, and nothing in it is lost.
#include <sys/wait.h>

#include "nas/study/sqlite/sqlite_study.h"
#include "nas/study/sqlite/trial_row.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny::study {
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
  EXPECT_SAYS(refusal(other), "an objective has 'ram [B]' now and not in the study");
  other = made;
  other.objectives[1].limit = 1000;
  EXPECT_SAYS(refusal(other), "rom [B] <= 262144");
  other = made;
  other.task = "cifar10";
  EXPECT_SAYS(refusal(other), "the task is");
  other = made;
  other.data = "train: 90 samples";
  EXPECT_SAYS(refusal(other), "the data set has 'train: 90 samples' now and not in the study");
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

  Database(path_, Database::Mode::write).execute("PRAGMA user_version = 2");
  EXPECT_SAYS(refusal(made), "has schema 2, this program reads schemas 3 and 4");
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

TEST_F(StudyStoreTest, WhatAnEarlyEndOfItsMakingLeftIsFinished) {
  const auto left = [&](const char* what, auto leave) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    leave();
    SCOPED_TRACE(what);
    EXPECT_EQ(find_study(path_), nullptr);
    try {
      open_study(path_);
      ADD_FAILURE() << "there is a study";
    } catch (const StoreError& error) {
      EXPECT_SAYS(std::string(error.what()), "there is no study");
    }
    EXPECT_EQ(refusal(example_header()), "");
    EXPECT_EQ(find_study(path_)->header().name, "demo");
  };
  left("nothing", [] {});
  left("an empty file", [&] { spill(path_, ""); });
  left("an empty database", [&] {
    Database(path_, Database::Mode::create).use_write_ahead_log();
    ASSERT_GT(fs::file_size(path_), 0u);
  });
  left("a transaction half done", [&] {
    const pid_t child = fork();
    if (child == 0) {
      Database database(path_, Database::Mode::create);
      database.use_write_ahead_log();
      database.execute("BEGIN IMMEDIATE");
      database.execute("CREATE TABLE study (id INTEGER)");
      raise(SIGKILL);
    }
    waitpid(child, nullptr, 0);
    ASSERT_TRUE(fs::exists(path_.string() + "-wal"));
  });
  left("the files of one that was removed", [&] {
    spill(path_.string() + "-wal", std::string(5000, 'w'));
    spill(path_.string() + "-shm", std::string(32768, 's'));
    spill(path_.string() + "-journal", std::string(600, 'j'));
  });
}

TEST_F(StudyStoreTest, FollowsLinks) {
  fs::create_directories(folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere" / "real.db", path_);
  ASSERT_EQ(refusal(example_header()), "");
  add_waiting(*find_study(folder_ / "elsewhere" / "real.db"), 0);
  EXPECT_EQ(open_study(path_)->trials().size(), 1u);
}

TEST_F(StudyStoreTest, SearchesAndBlackBoxesKeepToTheirOwn) {
  StudyHeader header = example_header();
  ASSERT_EQ(refusal(header), "");
  header.kind = StudyKind::black_box;
  EXPECT_SAYS(refusal(header), "is one of a search");
  fs::remove(path_);
  ASSERT_EQ(refusal(header), "");
  EXPECT_SAYS(refusal(example_header()), "is one of a black box");
}

TEST_F(StudyStoreTest, RefusesWhatIsNoStudy) {
  EXPECT_THROW(open_study(path_), StoreError);
  EXPECT_FALSE(fs::exists(path_));
  spill(path_, std::string(5000, 'x'));
  EXPECT_SAYS(refusal(example_header()), "is no SQLite database");
  EXPECT_THROW(open_study(path_), StoreError);
  EXPECT_EQ(slurp(path_), std::string(5000, 'x'));
  fs::remove(path_);

  Database(path_, Database::Mode::create).execute("CREATE TABLE notes (text)");
  const std::string before = slurp(path_);
  EXPECT_SAYS(refusal(example_header()), "is a database but not a study");
  EXPECT_EQ(slurp(path_), before);
  fs::remove(path_);

  spill(path_, "");
  EXPECT_THROW(open_study(path_), StoreError);
  EXPECT_EQ(refusal(example_header()), "") << "an empty file is a study not begun";

  path_ = folder_;
  EXPECT_SAYS(refusal(example_header()), "is no regular file");
  path_ = folder_ / "study.db" / "under_a_file.db";
  EXPECT_SAYS(refusal(example_header()), "the folder of the study");
}

TEST_F(StudyStoreTest, ReadsWhereItMayNotWrite) {
  {
    auto study = create_or_open_study(path_, example_header());
    add_waiting(*study, 0);
  }
  fs::permissions(path_, fs::perms(0444));
  fs::permissions(folder_, fs::perms(0555));
  const pid_t child = fork();
  if (child == 0) {
    int result = 1;
    if (getuid() == 0 && setuid(65534) != 0) _exit(77);
    try {
      if (open_study(path_)->trials().size() == 1) result = 2;
      (void)create_or_open_study(path_, example_header())->claim({me_, 1min});
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
  const auto made = SqliteStudy::create(path_, example_header());
  SqliteStudy& study = *made;
  ASSERT_TRUE(study.add_trial(0, example_values(0), 0, 0, {me_, 1min}));
  const std::int64_t pages = study.database().integer("PRAGMA page_count");
  study.database().execute("PRAGMA max_page_count = " + std::to_string(pages));
  try {
    (void)study.fail(0, me_, std::string(100000, 'y'));
    FAIL() << "wrote beyond the limit";
  } catch (const StoreError& error) {
    EXPECT_SAYS(std::string(error.what()), "no space is left");
  }
  EXPECT_EQ(study.trials()[0].state, TrialState::running);
  study.database().execute("PRAGMA max_page_count = 100000");
  EXPECT_TRUE(study.fail(0, me_, std::string(100000, 'y')));
}

TEST_F(StudyStoreTest, SaysWhenLocked) {
  const auto made = SqliteStudy::create(path_, example_header());
  SqliteStudy& study = *made;
  Database other(path_, Database::Mode::write);
  other.execute("BEGIN IMMEDIATE");
  study.database().execute("PRAGMA busy_timeout = 20");
  try {
    (void)study.add_trial(0, {}, 0, 0, {me_, 1min});
    FAIL() << "wrote into a locked store";
  } catch (const StoreError& error) {
    EXPECT_SAYS(std::string(error.what()), "locked by another program");
  }
  EXPECT_TRUE(open_study(path_)->trials().empty()) << "readers are not kept out";
}

TEST_F(StudyStoreTest, AReaderWhoStaysKeepsNobodyFromWriting) {
  const auto study = create_or_open_study(path_, example_header());
  add_waiting(*study, 0);
  Database reader(path_, Database::Mode::read);
  reader.execute("BEGIN");
  EXPECT_EQ(reader.integer("SELECT count(*) FROM trials"), 1);
  ASSERT_TRUE(study->add_trial(1, example_values(1), 0, 0, {me_, 1min}));
  EXPECT_EQ(reader.integer("SELECT count(*) FROM trials"), 1) << "as of one moment";
  EXPECT_EQ(open_study(path_)->trials().size(), 2u);
}

TEST_F(StudyStoreTest, ReadsOnlyWhatHasChanged) {
  const auto study = create_or_open_study(path_, example_header());
  const auto other = find_study(path_);
  for (std::int64_t i = 0; i < 4; ++i) add_waiting(*study, i);
  ASSERT_EQ(study->trials().size(), 4u);
  // Whoever reads this row again says so.
  Database(path_, Database::Mode::write).execute("UPDATE trials SET seed = 77 WHERE number = 3");
  EXPECT_THROW(other->trials(), StoreError);
  EXPECT_EQ(study->trials().size(), 4u);
  ASSERT_EQ(study->claim({me_, 1min})->number, 0);
  ASSERT_TRUE(study->finish(0, me_, {{0.25, 3}, {}, ""}));
  ASSERT_TRUE(study->add_trial(4, example_values(4), 0, 0, {me_, 1min}));
  ASSERT_EQ(study->trials().size(), 5u);
  EXPECT_EQ(study->trials()[0].objectives[0], 0.25);
  EXPECT_EQ(study->trials()[4].state, TrialState::running);
}

TEST_F(StudyStoreTest, FindsWhatHasChangedWithoutReadingTheRest) {
  create_or_open_study(path_, example_header());
  Database database(path_, Database::Mode::read);
  for (const char* condition : {"revision > 7", "number = 7"}) {
    Statement plan(database, "EXPLAIN QUERY PLAN " + select_trials(condition, true));
    while (plan.step()) EXPECT_EQ(plan.text(3).find("SCAN"), std::string::npos) << plan.text(3);
  }
}

TEST_F(StudyStoreTest, ReadingLeavesNothingBehind) {
  add_waiting(*create_or_open_study(path_, example_header()), 0);
  const std::string before = slurp(path_);
  EXPECT_EQ(open_study(path_)->trials().size(), 1u);
  EXPECT_EQ(slurp(path_), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace paretiny::study

// What only a study in PostgreSQL can meet: servers that go away, leases of other machines, and
// databases of something else.
#include <fmt/core.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "nas/study/postgres/connection.h"
#include "nas/study/stores/store.h"
#include "nas/study/study_json.h"
#include "tests/nas/study/postgres_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;
using test::PostgresServer;

TEST_F(PostgresTest, StudiesOfOneDatabaseAreKeptApartByName) {
  const auto a = create_or_open_study(server_->study("apart a"), example_header());
  StudyHeader header = example_header();
  header.seed = 1;
  const auto b = create_or_open_study(server_->study("apart b"), header);
  add_waiting(*a, 0);
  add_waiting(*a, 1);
  add_waiting(*b, 0);
  EXPECT_EQ(a->trials().size(), 2u);
  EXPECT_EQ(b->trials().size(), 1u);
  EXPECT_SAYS(refusal_at(server_->study("apart a"), header), "made for another experiment");
  const std::vector<std::string> names = study_names(server_->uri());
  EXPECT_NE(std::ranges::find(names, "apart a"), names.end());
  EXPECT_NE(std::ranges::find(names, "apart b"), names.end());
  EXPECT_THROW(open_study(server_->uri()), UsageError) << "it says no name";
  EXPECT_THROW(open_study(server_->study("apart c")), StoreError);
  EXPECT_EQ(find_study(server_->study("apart c")), nullptr);
}

TEST_F(PostgresTest, ATokenRefusesWhoeverLostTheLeaseEvenUnderTheSameName) {
  const auto slept = create_or_open_study(place_, example_header());
  const auto other = create_or_open_study(place_, example_header());
  ASSERT_TRUE(slept->add_trial(0, example_values(0), 0, 0, {me_, 1ms}));
  std::this_thread::sleep_for(5ms);
  ASSERT_TRUE(other->claim({me_, 1h}));
  EXPECT_FALSE(slept->renew(0, {me_, 1h}));
  EXPECT_FALSE(slept->add_epoch(0, me_, {1, 1, 1, 0}));
  EXPECT_FALSE(slept->keep_checkpoint(0, me_, 1, std::vector<std::uint8_t>{1}));
  EXPECT_FALSE(slept->finish(0, me_, {{0.1, 1}, {}, ""}));
  EXPECT_FALSE(slept->release(0, me_));
  EXPECT_TRUE(other->add_epoch(0, me_, {1, 1, 1, 0}));
  EXPECT_TRUE(other->finish(0, me_, {{0.2, 2}, {}, ""}));
  EXPECT_EQ(slept->trials()[0].objectives[0], 0.2);
  // Who measures a black box tells it from another process, which has no token.
  ASSERT_TRUE(slept->add_trial(1, example_values(1), 0, 0, {"asked for", 1h}));
  EXPECT_TRUE(other->finish(1, "asked for", {{0.2, 2}, {}, ""}));
}

TEST_F(PostgresTest, LeasesAreOfTheServersClock) {
  const auto study = create_or_open_study(place_, example_header());
  ASSERT_TRUE(study->add_trial(0, example_values(0), 0, 0, {"elsewhere", 1h}));
  EXPECT_FALSE(study->claim({me_, 1h}));
  // As if an hour had gone by there, whatever the clock here says.
  server_->psql(
      "UPDATE paretiny.trials SET lease_until = lease_until - 3600000 "
      "WHERE owner = 'elsewhere'");
  EXPECT_TRUE(study->claim({me_, 1h}));
  const std::vector<Holder> holders = study->holders();
  ASSERT_EQ(holders.size(), 1u);
  EXPECT_EQ(holders[0].owner, me_);
  EXPECT_GT(holders[0].lease_left, 59min);
  EXPECT_LT(holders[0].seen.value(), 1min);
}

TEST_F(PostgresTest, ReadsOnlyWhatHasChangedAndMissesNothing) {
  const auto study = create_or_open_study(place_, example_header());
  const auto reader = open_study(place_);
  add_waiting(*study, 0);
  add_waiting(*study, 1);
  EXPECT_EQ(reader->trials().size(), 2u);
  // A transaction that began before others and ends after they were read.
  const std::string id =
      server_->psql("SELECT id FROM paretiny.studies WHERE name = '" + place_.name() + "'");
  std::thread slow([&] {
    server_->psql(
        "BEGIN; UPDATE paretiny.trials SET reason = 'late', changed = "
        "pg_current_xact_id() WHERE number = 0 AND study = " +
        id + "; SELECT pg_sleep(0.5); COMMIT");
  });
  std::this_thread::sleep_for(200ms);
  for (std::int64_t number = 2; number < 5; ++number) {
    add_waiting(*study, number);
    EXPECT_EQ(reader->trials().size(), static_cast<std::size_t>(number) + 1);
  }
  slow.join();
  EXPECT_EQ(reader->trials()[0].reason, "late");
}

TEST_F(PostgresTest, GoesOnThroughRestartsOfTheServer) {
  std::vector<std::string> notes;
  const Patience patience{1min, [&](const std::string& what) { notes.push_back(what); }};
  const auto study = create_or_open_study(place_, example_header(), patience);
  for (std::int64_t number = 0; number < 6; ++number) {
    ASSERT_TRUE(study->add_trial(number, example_values(number), 0, 0, {me_, 1h}));
    server_->kill();
    // Told after 2 s, by the next try; between tries there may be twice 1.6 s then.
    std::thread starts([&] {
      std::this_thread::sleep_for(number == 0 ? 6000ms : 50ms);
      server_->start();
    });
    EXPECT_TRUE(study->renew(number, {me_, 1h}));
    EXPECT_TRUE(study->finish(number, me_, {{0.5, 1}, {}, ""}));
    starts.join();
  }
  EXPECT_EQ(study->trials().size(), 6u);
  for (const Trial& trial : study->trials()) EXPECT_EQ(trial.state, TrialState::done);
  ASSERT_EQ(notes.size(), 2u) << "one outage was long enough to be told";
  EXPECT_SAYS(notes[0], "cannot be reached");
  EXPECT_SAYS(notes[1], "answers again");
}

TEST_F(PostgresTest, PatienceEndsInASentence) {
  const auto study = create_or_open_study(place_, example_header(), {200ms, {}, {}});
  add_waiting(*study, 0);
  server_->stop();
  try {
    (void)study->claim({me_, 1h});
    ADD_FAILURE() << "there is no server";
  } catch (const StoreError& error) {
    EXPECT_SAYS(std::string(error.what()), "cannot be reached");
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
  EXPECT_SAYS(refusal_at(place_), "cannot be reached");
  server_->start();
  EXPECT_TRUE(study->claim({me_, 1h})) << "the object goes on once the server is back";
}

TEST_F(PostgresTest, WhatACutConnectionHadDoneIsNotDoneAgain) {
  const auto study = create_or_open_study(place_, example_header());
  std::atomic<bool> done = false;
  std::thread cutter([&] {
    while (!done) {
      server_->psql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
          "WHERE application_name = 'paretiny'");
    }
  });
  for (std::int64_t number = 0; number < 40; ++number) {
    std::optional<Trial> trial = study->add_trial(number, example_values(number), 0, 0, {me_, 1h});
    ASSERT_TRUE(trial) << "its own trial is taken for another's";
    EXPECT_TRUE(study->add_epoch(number, me_, {1, 1, 0.5, 0}));
    if (number % 2 == 0) {
      EXPECT_TRUE(study->release(number, me_));
      trial = study->claim({me_, 1h});
      ASSERT_TRUE(trial);
      EXPECT_EQ(trial->attempts, 1);
    }
    EXPECT_TRUE(study->finish(number, me_, {{0.5, 1}, {}, ""}));
  }
  done = true;
  cutter.join();
  EXPECT_EQ(study->trials().size(), 40u);
  for (const Trial& trial : study->trials()) EXPECT_EQ(trial.attempts, 1) << trial.number;
}

TEST_F(PostgresTest, AnOlderSchemaIsReadAndBroughtUpToDateByWhoeverWrites) {
  const std::string uri = other_database(*server_, "older");
  const Location place = Location::in(uri, "a");
  add_waiting(*create_or_open_study(place, example_header()), 0);
  psql_at(uri,
          "DROP VIEW paretiny.trial_list, paretiny.trial_objectives, paretiny.workers, "
          "paretiny.study_list; UPDATE paretiny.schema SET version = 1");
  EXPECT_EQ(open_study(place)->trials().size(), 1u);
  EXPECT_EQ(psql_at(uri, "SELECT version FROM paretiny.schema"), "1\n")
      << "reading changes nothing";
  EXPECT_TRUE(find_study(place)->claim({me_, 1h}));
  EXPECT_EQ(psql_at(uri, "SELECT version FROM paretiny.schema"), "2\n");
  EXPECT_EQ(psql_at(uri, "SELECT running FROM paretiny.study_list"), "1\n");
}

TEST_F(PostgresTest, AStudyThatIsDeletedMeanwhileEndsItsWorkers) {
  const auto study = create_or_open_study(place_, example_header());
  ASSERT_TRUE(study->add_trial(0, example_values(0), 0, 0, {me_, 1h}));
  const auto idle = create_or_open_study(place_, example_header());
  server_->psql("DELETE FROM paretiny.studies WHERE name = '" + place_.name() + "'");
  const auto deleted = [](const auto& act) {
    try {
      act();
    } catch (const StoreError& error) {
      return std::string(error.what()).find("was deleted") != std::string::npos;
    }
    return false;
  };
  EXPECT_TRUE(deleted([&] { (void)study->renew(0, {me_, 1h}); }));
  EXPECT_TRUE(deleted([&] { (void)study->finish(0, me_, {{0.1, 1}, {}, ""}); }));
  EXPECT_TRUE(deleted([&] { (void)idle->trials(); }));
  EXPECT_TRUE(deleted([&] { (void)idle->add_trial(0, example_values(0), 0, 0, {me_, 1h}); }));
  EXPECT_EQ(count("paretiny.studies WHERE name = '" + place_.name() + "'"), 0);
  EXPECT_EQ(count("paretiny.trials t LEFT JOIN paretiny.studies s ON s.id = t.study "
                  "WHERE s.id IS NULL"),
            0);
}

/// All of a study that its readers can see.
std::string all_of(const Location& place) {
  const auto study = open_study(place);
  std::string text = dump(to_json(study->header()));
  for (const Trial& trial : study->trials()) {
    text += "\n" + dump(to_json(trial));
    for (const EpochRecord& e : study->epochs(trial.number)) {
      text += fmt::format(" {} {} {} {}", e.epoch, e.loss, e.accuracy, e.sparsity);
    }
    for (const StepRecord& s : study->steps(trial.number)) {
      text += fmt::format(" {} {}", s.step, dump(s.objectives));
    }
    for (const std::uint8_t byte : study->model(trial.number)) text += fmt::format("{:02x}", byte);
    text += fmt::format(" {} ", study->checkpoint_epochs(trial.number));
    for (const std::uint8_t byte : study->checkpoint(trial.number)) {
      text += fmt::format("{:02x}", byte);
    }
  }
  for (const RunRecord& run : study->runs()) text += "\n" + run.started + dump(run.settings);
  return text;
}

TEST_F(PostgresTest, ACopyEitherWayLosesNothing) {
  const double nan = std::nan("");
  {
    const auto study = create_or_open_study(path_, example_header());
    for (std::int64_t number = 0; number < 4; ++number) {
      ASSERT_TRUE(study->add_trial(number, {{"width", 1.0 / 3}, {"act", "re\"lu"}}, ~0ull, 1u << 31,
                                   {me_, 1h}));
      ASSERT_TRUE(study->add_epoch(number, me_, {1, 1.0 / 3, nan, 1e-300}));
      ASSERT_TRUE(study->add_epoch(number, me_, {2, INFINITY, 0.5, 0}));
      ASSERT_TRUE(study->add_step(number, me_, {7, {0.1 + 0.2, nan}}));
    }
    ASSERT_TRUE(study->finish(
        0, me_, {{0.1 + 0.2, 1e5}, {{"macs", 2e6}, {"loss", nan}}, "", {0, 255, 92, 39}}));
    ASSERT_TRUE(study->infeasible(1, me_, {{nan, 4e5}, {}, "rom 'x' \\ \"y\"\nü"}));
    ASSERT_TRUE(study->keep_checkpoint(2, me_, 2, std::vector<std::uint8_t>{1, 0, 2}));
    ASSERT_TRUE(study->release(2, me_));
    study->add_run({{"stop", "off"}});
  }
  copy_study(path_, place_);
  EXPECT_EQ(all_of(path_), all_of(place_));
  const Location back = folder_ / "back.sqlite";
  copy_study(place_, back);
  EXPECT_EQ(all_of(path_), all_of(back));
  EXPECT_THROW(copy_study(path_, place_), StoreError) << "there is one of that name";
  EXPECT_THROW(copy_study(place_, back), StoreError) << "there is such a file";
  EXPECT_THROW(copy_study(path_, server_->uri()), UsageError) << "it says no name";
  EXPECT_EQ(all_of(path_), all_of(back));
  // The holder of a running trial goes on with either.
  EXPECT_TRUE(find_study(place_)->finish(3, me_, {{0.5, 1}, {}, ""}));
}

TEST_F(PostgresTest, RolesHaveTheRightsThatDocsScaleNames) {
  create_or_open_study(place_, example_header());
  server_->psql("DROP ROLE IF EXISTS laborer");
  server_->psql(
      "CREATE ROLE laborer LOGIN; GRANT USAGE ON SCHEMA paretiny TO laborer; "
      "GRANT SELECT ON ALL TABLES IN SCHEMA paretiny TO laborer; "
      "GRANT INSERT, UPDATE ON paretiny.trials TO laborer; "
      "GRANT INSERT ON paretiny.runs TO laborer; GRANT INSERT, UPDATE, DELETE ON paretiny.epochs, "
      "paretiny.steps, paretiny.models, paretiny.checkpoints TO laborer");
  const Location as_laborer = Location::in(server_->uri("laborer"), place_.name());
  {
    const auto study = create_or_open_study(as_laborer, example_header());
    ASSERT_TRUE(study->add_trial(0, example_values(0), 0, 0, {me_, 1h}));
    EXPECT_TRUE(study->add_epoch(0, me_, {1, 1, 0.5, 0}));
    EXPECT_TRUE(study->add_step(0, me_, {1, {1, 1}}));
    EXPECT_TRUE(study->keep_checkpoint(0, me_, 1, std::vector<std::uint8_t>{1}));
    EXPECT_TRUE(study->release(0, me_));
    ASSERT_TRUE(study->claim({me_, 1h}));
    EXPECT_TRUE(study->renew(0, {me_, 1h}));
    EXPECT_TRUE(study->begin_anew(0, me_));
    EXPECT_TRUE(study->add_run({{"stop", "off"}}));
    EXPECT_TRUE(study->finish(0, me_, {{0.1, 1}, {}, "", {1, 2}}));
  }
  EXPECT_SAYS(refusal_at(Location::in(server_->uri("laborer"), "another")), "permission denied");
  EXPECT_EQ(find_study(server_->study("another")), nullptr) << "nothing has changed";
  // Whoever only looks needs no more than to read, and gets no more.
  server_->psql("REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA paretiny FROM laborer");
  EXPECT_EQ(open_study(as_laborer)->trials().size(), 1u);
  const auto study = find_study(as_laborer);
  EXPECT_THROW((void)study->claim({me_, 1h}), StoreError);
  EXPECT_THROW((void)study->add_trial(1, example_values(1), 0, 0, {me_, 1h}), StoreError);
  EXPECT_EQ(study->trial_count(), 1);
  server_->psql("DROP OWNED BY laborer");
}

}  // namespace
}  // namespace paretiny::study

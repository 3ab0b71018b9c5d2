// What a user does with studies in PostgreSQL.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/version.h"
#include "tests/nas/cli/postgres_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;
using study::TrialState;

TEST_F(PostgresCliTest, ASearchFindsTheSameInEitherStoreAndItsCommandsWork) {
  ASSERT_EQ(run(of_study({"search", "tiny.toml", "--trials", "4", "--out", "report"})).code, 0);
  ASSERT_EQ(run({"search", "tiny.toml", "--trials", "4", "--set", "study.store=file.sqlite",
                 "--set", "study.name=" + place_.name(), "--set", "sampler.policies=2", "--set",
                 "sampler.steps=3"})
                .code,
            0);
  expect_equal(trials("file.sqlite"), placed_trials());
  const std::string place = place_.text();
  const Ended report = run({"report", place, "--out", "again"});
  ASSERT_EQ(report.code, 0) << report.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "again" / "report.html"));
  EXPECT_EQ(run({"export", place, "--format", "onnx", "--out", "a.onnx"}).code, 0);
  EXPECT_TRUE(refused(run({"report", server_->uri()}), 2, {"say which", "study=NAME"}));

  ASSERT_EQ(run({"copy", place, "copy.sqlite"}).code, 0);
  expect_equal(trials("copy.sqlite"), placed_trials());
  EXPECT_TRUE(refused(run({"copy", "copy.sqlite", place}), 6, {"is there already"}));
  ASSERT_EQ(run({"copy", "copy.sqlite", server_->study("second").text()}).code, 0);
  const Ended list = run({"studies", server_->uri(), "--json"});
  ASSERT_EQ(list.code, 0) << list.err;
  const auto studies = nlohmann::json::parse(list.out);
  const auto second = std::ranges::find_if(
      studies, [](const auto& entry) { return entry.at("study") == "second"; });
  ASSERT_NE(second, studies.end());
  EXPECT_EQ(second->at("trials"), 4);
  EXPECT_TRUE(says(run({"studies", server_->uri()}).out, {"second", place_.name()}));
  EXPECT_TRUE(says(run({"status", server_->uri(), place_.name()}).out, {"4 trials", "an hour"}));
  const auto status = nlohmann::json::parse(run({"status", place, "--json"}).out);
  EXPECT_EQ(status.at("trials"), 4);
  EXPECT_TRUE(status.at("workers").empty());
}

TEST_F(PostgresCliTest, ABlackBoxIsAskedAndTold) {
  const std::string place = place_.text();
  std::ofstream(folder_ / "box.toml") << "[objectives.loss]\n[space.x]\nlow = 0.0\nhigh = 1.0\n";
  const Ended asked = run({"ask", place, "--space", "box.toml", "--count", "2"});
  ASSERT_EQ(asked.code, 0) << asked.err;
  EXPECT_TRUE(says(run({"ask", place, "--pending"}).out, {"\"trial\":0", "\"trial\":1"}));
  const std::string line = R"({"trial": 1, "objectives": {"loss": 0.5}})";
  std::ofstream(folder_ / "line") << line << "\n";
  const Ended told = Program(folder_, {"tell", place}, "", [] {
                       if (!freopen("line", "r", stdin)) _exit(125);
                     }).wait();
  EXPECT_EQ(told.out, "{\"trial\":1,\"state\":\"done\"}\n") << told.err;
  EXPECT_EQ(placed_trials()[1].objectives[0], 0.5);
}

TEST_F(PostgresCliTest, WorkersEndAStudyThoughOneIsKilled) {
  const std::vector<std::string> command = worker({"--set", "study.trials=12"});
  Program a(folder_, command);
  Program b(folder_, command);
  {
    Program killed(folder_, command);
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    killed.end(SIGKILL);
  }
  const Ended first = a.wait();
  const Ended other = b.wait();
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_TRUE(says(first.err, {"complete: 12 of 12 trials have ended"}));
  const std::vector<study::Trial> trials = placed_trials();
  ASSERT_EQ(trials.size(), 12u);
  std::set<std::uint64_t> networks;
  for (const study::Trial& trial : trials) {
    EXPECT_TRUE(study::has_ended(trial)) << trial.number;
    EXPECT_TRUE(networks.insert(trial.architecture).second) << "two asked for one candidate";
  }
  // One that comes later finds nothing to do; the study alone says what it is of.
  const Ended late = run({"worker", server_->uri(), place_.name()});
  EXPECT_EQ(late.code, 0) << late.err;
}

TEST_F(PostgresCliTest, AWorkerWhoseClockIsAnHourOffDoesAsTheOthers) {
  const std::vector<std::string> command = worker({"--set", "study.trials=8"});
  const auto late = [](const char* seconds) {
    return [seconds] {
      setenv("LD_PRELOAD", PARETINY_CLOCK, 1);
      setenv("PARETINY_CLOCK_OFF", seconds, 1);
    };
  };
  Program ahead(folder_, command, "", late("3600"));
  Program behind(folder_, command, "", late("-3600"));
  EXPECT_EQ(ahead.wait().code, 0);
  EXPECT_EQ(behind.wait().code, 0);
  for (const study::Trial& trial : placed_trials()) {
    EXPECT_EQ(trial.attempts, 1) << "a lease was taken for one that is over";
    EXPECT_LT(std::abs(study::seconds_between(trial.finished, study::utc_now())), 600);
  }
}

TEST_F(PostgresCliTest, WorkersInOrderAskForWhatOneSearchAsksFor) {
  const std::vector<std::string> in_order{"--set", "study.trials=8", "--set", "study.lag=4"};
  ASSERT_EQ(
      run({"search", "tiny.toml", "--set", "study.store=file.sqlite", "--set", "sampler.policies=2",
           "--set", "sampler.steps=3", "--set", "study.trials=8", "--set", "study.lag=4"})
          .code,
      0);
  Program a(folder_, worker(in_order));
  Program b(folder_, worker(in_order));
  EXPECT_EQ(a.wait().code, 0);
  EXPECT_EQ(b.wait().code, 0);
  expect_equal(trials("file.sqlite"), placed_trials());
}

TEST_F(PostgresCliTest, ATimeThatIsUpGivesTrialsBackWithACheckpoint) {
  for (const int signal : {SIGUSR1, SIGTERM}) {
    Program program(folder_, worker(endless()));
    ASSERT_TRUE(wait_for_epoch());
    const auto status = nlohmann::json::parse(run({"status", place_.text(), "--json"}).out);
    ASSERT_EQ(status.at("workers").size(), 1u);
    EXPECT_LT(status.at("workers")[0].at("seen_ms_ago"), 60000);
    const Ended ended = program.end(signal);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_TRUE(says(ended.err, {"given back: 0 of 3 trials have ended"}));
    const auto study = study::open_study(place_);
    ASSERT_EQ(study->trials().size(), 1u);
    EXPECT_EQ(study->trials()[0].state, TrialState::waiting);
    EXPECT_EQ(study->trials()[0].attempts, 0);
    EXPECT_FALSE(study->checkpoint(0).empty());
  }
}

TEST_F(PostgresCliTest, AServerThatIsGoneForGoodCostsNoEpoch) {
  Program program(folder_, worker([] {
                    std::vector<std::string> words = endless();
                    words.insert(words.end(), {"--patience", "0"});
                    return words;
                  }()));
  ASSERT_TRUE(wait_for_epoch());
  server_->kill();
  const Ended ended = program.wait();
  EXPECT_TRUE(refused(ended, 6, {"cannot be reached", "everything recorded so far is kept"}));
  EXPECT_TRUE(says(ended.err, {"a checkpoint of trial 0 is kept here"}));
  server_->start();
  const std::size_t before = study::open_study(place_)->epochs(0).size();
  // The next one tells what was kept, and goes on from it.
  Program next(folder_, worker(endless()));
  for (int i = 0; i < 3000 && next.err_so_far().find("is told") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(next.end(SIGTERM).code, 0);
  const auto study = study::open_study(place_);
  EXPECT_GE(study->epochs(0).size(), before);
  EXPECT_FALSE(study->checkpoint(0).empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "paretiny-kept"));
}

TEST_F(PostgresCliTest, AWorkerThatDoesNotBelongHereIsRefused) {
  EXPECT_TRUE(refused(run({"worker", server_->uri(), place_.name()}), 6, {"there is no study"}));
  ASSERT_EQ(run(worker({"--set", "study.trials=1"})).code, 0);
  EXPECT_TRUE(refused(run(worker({"--set", "study.seed=5"})), 6, {"the seed is '", "and '5' now"}));
  EXPECT_TRUE(
      refused(run({"worker", server_->uri(), place_.name(), "--set", "dataset.samples=400"}), 6,
              {"dataset.samples"}));
  server_->psql("UPDATE paretiny.studies SET header = replace(header::text, '\"version\":\"" +
                program_version() + "\"', '\"version\":\"0.0.9\"')::json WHERE name = '" +
                place_.name() + "'");
  EXPECT_TRUE(refused(run(worker()), 6, {"version 0.0.9", "must be of one version"}));
  EXPECT_TRUE(
      refused(run({"worker", "postgresql://u:hunter2@h/db", "x"}), 2, {"holds a password"}));
  const Ended odd = run({"report", "postgresql://u@h/db?study=a", "postgresql://u:hunter2@h/db"});
  EXPECT_EQ(odd.err.find("hunter2"), std::string::npos) << odd.err;
}

}  // namespace
}  // namespace paretiny::cli

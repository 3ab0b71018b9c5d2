// `search --jobs`: what a user sees of candidates side by side.
// PARETINY_KILLS=200 kills a search of three jobs so often; a run in the suite does a few times.
#include <cstdlib>
#include <random>
#include <set>

#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

class JobsCliTest : public CliTest {
 protected:
  std::vector<std::string> command(const std::string& store, const std::string& jobs,
                                   const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"search",   "tiny.toml",
                                      "--jobs",   jobs,
                                      "--trials", "9",
                                      "--set",    "study.store=" + store,
                                      "--set",    "sampler.policies=2",
                                      "--set",    "sampler.steps=3"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(JobsCliTest, KilledAtRandomMomentsWithThreeJobsNothingIsLostOrDoneTwice) {
  const std::vector<std::string> larger{"--set", "dataset.samples=1000", "--set",
                                        "constraints.rom=1 MB"};
  const auto started = std::chrono::steady_clock::now();
  ASSERT_EQ(run(command("whole.sqlite", "3", larger)).code, 0);
  const auto took = std::chrono::steady_clock::now() - started;
  const char* wanted = std::getenv("PARETINY_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 6;
  std::mt19937 random(7);
  std::uniform_real_distribution<double> moment(0.05, 0.6);
  int killed = 0;
  int round = 0;
  while (killed < kills) {
    const std::string store = "killed" + std::to_string(round++) + ".sqlite";
    // A few times in one study: a trial whose workers died five times is given up.
    for (int i = 0; i < 3; ++i) {
      Program program(folder_, command(store, "3", larger));
      std::this_thread::sleep_for(
          std::chrono::duration_cast<std::chrono::milliseconds>(took * moment(random)));
      killed += program.end(SIGKILL).code == -SIGKILL ? 1 : 0;
    }
    const Ended last = run(command(store, "3", larger));
    ASSERT_EQ(last.code, 0) << last.err;
    expect_equal(trials("whole.sqlite"), trials(store));
    ASSERT_LE(round, 10 * kills) << "too few runs could be killed";
  }
}

TEST_F(JobsCliTest, CtrlCStopsAllAndGivesThemBack) {
  const std::vector<std::string> longer{"--set", "training.epochs=400",
                                        "--set", "dataset.samples=1000",
                                        "--set", "constraints.rom=1 MB"};
  for (const int signal : {SIGINT, SIGTERM}) {
    Program program(folder_, command("i.sqlite", "3", longer));
    ASSERT_TRUE(wait_for_work("i.sqlite"));
    EXPECT_TRUE(refused(program.end(signal), 130, {"of 9 trials", "the same command goes on"}));
    EXPECT_GE(trials("i.sqlite").size(), 2u);
    for (const study::Trial& trial : trials("i.sqlite")) {
      EXPECT_EQ(trial.state, study::TrialState::waiting);
      EXPECT_EQ(trial.attempts, 0);
    }
  }
}

TEST_F(JobsCliTest, TheSameLagIsTheSameStudyForEveryCountOfJobs) {
  ASSERT_EQ(run(command("a.sqlite", "3")).code, 0);
  ASSERT_EQ(run(command("b.sqlite", "1", {"--set", "study.lag=6"})).code, 0);
  expect_equal(trials("a.sqlite"), trials("b.sqlite"));
}

TEST_F(JobsCliTest, OtherJobsMayGoOnAndWhatThatMeansIsSaid) {
  const auto search_to = [&](const std::string& trials, const std::string& jobs,
                             const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = command("a.sqlite", jobs, more);
    words[5] = trials;
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.err;
  };
  search_to("3", "2");
  const std::string same = search_to("5", "1", {"--set", "study.lag=4"});
  EXPECT_EQ(same.find("other settings"), std::string::npos) << same;
  EXPECT_TRUE(says(search_to("7", "3"), {"lag is 6, it was 4", "seed"}));
  EXPECT_TRUE(says(search_to("9", "3", {"--async"}), {"lag is none: async, it was 6"}));
  std::vector<std::string> jobs;
  for (const study::RunRecord& one : study::open_study(folder_ / "a.sqlite")->runs()) {
    jobs.push_back(one.settings.at("jobs"));
  }
  EXPECT_EQ(jobs, (std::vector<std::string>{"2", "1", "3", "3"}));
}

TEST_F(JobsCliTest, AutoTakesAsManyAsThereAreProcessors) {
  const Ended ended = run(command("a.sqlite", "auto"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(trials("a.sqlite").size(), 9u);
}

TEST_F(JobsCliTest, MoreJobsThanProcessorsIsSaid) {
  const Ended ended = run(command("a.sqlite", "9"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(says(ended.err, {"note: 9 jobs share 1 processor", "--jobs auto"}));
}

TEST_F(JobsCliTest, CountsThatAreNoneAreRefused) {
  for (const std::string jobs : {"0", "-1", "two", "1.5", "0x2", "1e3", "", "1025",
                                 "99999999999999999999", "auto,2", "Auto"}) {
    const Ended ended = run(command("no.sqlite", jobs));
    EXPECT_TRUE(refused(ended, 2, {"--jobs", "from 1 to 1024", "auto", "'" + jobs + "'"})) << jobs;
  }
  for (const std::string jobs : {"0", "-1", "two", "1.5", "true", "[2]"}) {
    const Ended ended = run({"search", "tiny.toml", "--set", "study.jobs=" + jobs});
    EXPECT_TRUE(refused(ended, 2, {"study.jobs"})) << jobs;
  }
  for (const std::string lag : {"0", "-3", "\"auto\"", "5000"}) {
    const Ended ended = run({"search", "tiny.toml", "--set", "study.lag=" + lag});
    EXPECT_TRUE(refused(ended, 2, {"study.lag"})) << lag;
  }
  EXPECT_TRUE(refused(run({"search", "tiny.toml", "--async", "--set", "study.lag=3"}), 2,
                      {"study.lag", "study.async"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "no.sqlite"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tiny.sqlite"));
}

TEST_F(JobsCliTest, TwoProcessesOfTwoJobsShareAStudy) {
  const std::vector<std::string> larger{"--set", "dataset.samples=1500", "--set",
                                        "constraints.rom=1 MB"};
  Program first(folder_, command("s.sqlite", "2", larger));
  Program second(folder_, command("s.sqlite", "2", larger));
  const Ended a = first.wait();
  const Ended b = second.wait();
  EXPECT_EQ(a.code, 0) << a.err;
  EXPECT_EQ(b.code, 0) << b.err;
  std::set<std::uint64_t> architectures;
  const std::vector<study::Trial> all = trials("s.sqlite");
  ASSERT_EQ(all.size(), 9u);
  for (const study::Trial& trial : all) {
    EXPECT_EQ(trial.state, study::TrialState::done) << trial.reason;
    EXPECT_EQ(trial.attempts, 1);
    EXPECT_TRUE(architectures.insert(trial.architecture).second) << trial.number;
  }
}

}  // namespace
}  // namespace paretiny::cli

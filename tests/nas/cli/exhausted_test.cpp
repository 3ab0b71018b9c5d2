// Small spaces: a search of every candidate is a search that is complete.
#include <algorithm>

#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

class SmallSpace : public CliTest {
 protected:
  SmallSpace() {
    std::string experiment = tiny_experiment();
    experiment.replace(experiment.find("5 KB"), 4, "1 MB");
    file(experiment + "[space.training.learning_rate]\nchoices = [0.1, 0.2, 0.3]\n");
  }

  void expect_complete(const Ended& ended, std::size_t candidates) {
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_NE(ended.err.find("the search is complete"), std::string::npos) << ended.err;
    EXPECT_NE(ended.out.find("report.html"), std::string::npos) << ended.out;
    EXPECT_TRUE(std::filesystem::exists(folder_ / "tiny" / "report.html"));
    EXPECT_EQ(trials().size(), candidates);
    std::filesystem::remove_all(folder_ / "tiny");
  }
};

TEST_F(SmallSpace, IsSearchedAndReportedWholeAndAgainWhenResumed) {
  expect_complete(search({"--trials", "20"}), 3);
  expect_complete(search({"--trials", "20"}), 3);
  for (const study::Trial& trial : trials()) EXPECT_EQ(trial.state, study::TrialState::done);
}

TEST_F(SmallSpace, OfOnePointToo) {
  expect_complete(search({"--set", "space.training.learning_rate={choices = [0.1]}"}), 1);
}

TEST_F(SmallSpace, WhereNothingIsFeasibleOrNothingWorks) {
  expect_complete(search({"--set", "constraints.rom=1 B"}), 3);
  for (const study::Trial& trial : trials()) EXPECT_EQ(trial.state, study::TrialState::infeasible);
  std::filesystem::remove(folder_ / "tiny.sqlite");
  expect_complete(search({"--set", "training.batch=1000"}), 3);
  for (const study::Trial& trial : trials()) EXPECT_EQ(trial.state, study::TrialState::failed);
}

TEST_F(SmallSpace, BySeveralWorkers) {
  Program first(folder_, {"search", "tiny.toml"});
  Program second(folder_, {"search", "tiny.toml"});
  for (const Ended& ended : {first.wait(), second.wait()}) {
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_NE(ended.err.find("the search is complete"), std::string::npos) << ended.err;
  }
  EXPECT_EQ(trials().size(), 3u);
}

TEST_F(SmallSpace, AskedForWholeLeavesNothingAndSaysSo) {
  write_text(folder_ / "space.toml",
             "[space.k]\nlow = 1\nhigh = 3\ntype = \"int\"\n[objectives.loss]\n");
  const Ended all = run({"ask", "a.sqlite", "--space", "space.toml", "--count", "3"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 3);
  const Ended none = run({"ask", "a.sqlite"});
  EXPECT_TRUE(refused(none, 8, {"all 3 candidates"}));
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(trials("a.sqlite").size(), 3u);
}

}  // namespace
}  // namespace paretiny::cli

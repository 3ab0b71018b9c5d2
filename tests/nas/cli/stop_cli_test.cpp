// Trials that a search stops early, by the command.
#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

TEST_F(CliTest, AStoppedTrialIsFinishedOnDemandAndNoOther) {
  const std::vector<std::string> rule = {"--trials", "6",
                                         "--set",    "study.sampler=random",
                                         "--set",    "training.epochs=8",
                                         "--set",    "study.stop=asha",
                                         "--set",    "study.stop_eta=3",
                                         "--set",    "study.stop_run_on=0",
                                         "--set",    "pruning.schedule=none",
                                         "--set",    "constraints.rom=1 MB"};
  const Ended searched = search(rule);
  ASSERT_EQ(searched.code, 0) << searched.err;
  EXPECT_TRUE(says(searched.out, {"of 6 trials", "stopped early"})) << searched.out;
  std::int64_t stopped = -1, done = -1;
  for (const study::Trial& trial : trials()) {
    (trial.state == study::TrialState::stopped ? stopped : done) = trial.number;
  }
  ASSERT_GE(stopped, 0);
  ASSERT_GE(done, 0);
  const auto finish = [&](const std::string& number) {
    std::vector<std::string> words = rule;
    words.insert(words.end(), {"--finish", number});
    return search(words);
  };
  EXPECT_TRUE(refused(finish(std::to_string(done)), 2,
                      {"trial " + std::to_string(done) + " was not stopped: it is done"}));
  EXPECT_TRUE(refused(finish("77"), 2, {"there is no trial 77"}));
  EXPECT_TRUE(refused(finish("one"), 2, {"--finish"}));
  EXPECT_EQ(finish(std::to_string(stopped)).code, 0);
  EXPECT_EQ(trials()[static_cast<std::size_t>(stopped)].state, study::TrialState::done);
  EXPECT_EQ(trials().size(), 6u);
  EXPECT_TRUE(refused(finish(std::to_string(stopped)), 2, {"it is done"}));
}

}  // namespace
}  // namespace paretiny::cli

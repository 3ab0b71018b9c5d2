// What `ask` and `tell` refuse, and in which words.
#include "tests/nas/cli/ask_tell_fixture.h"

namespace paretiny::cli {
namespace {

using test::Ended;
using AskTellRefusalTest = test::AskTellCliTest;

TEST_F(AskTellRefusalTest, RefusesWhatIsNoResultAndTakesTheRest) {
  ASSERT_EQ(ask({"--space", "box.toml", "--count", "3"}).code, 0);
  const Ended told = tell(
      "{\"trial\": 0, \"objectives\": {\"loss\": NaN, \"time\": 2}}\n"
      "{\"trial\": 0, \"objectives\": {\"loss\": 1, \"time\": 2}}\n"
      "nonsense\n"
      "{\"trial\": 1, \"objectives\": {\"los\": 1, \"time\": 2}}\n"
      "{\"trial\": 1, \"objectives\": {\"loss\": 1}}\n"
      "{\"trial\": 1, \"objectives\": {\"loss\": \"1\", \"time\": 2}}\n"
      "{\"trial\": 1}\n"
      "{\"trial\": 9, \"failed\": \"x\"}\n"
      "{\"trail\": 1, \"failed\": \"x\"}\n"
      "{\"trial\": 1, \"objectives\": {\"loss\": -Infinity, \"time\": 2}}\n"
      "{\"trial\": 2, \"objectives\": {\"loss\": 1, \"time\": 2}}\n");
  EXPECT_EQ(told.code, 3);
  EXPECT_TRUE(test::says(told.err, {"8 of 11 lines were refused", "line 2", "told before"}));
  const auto answers = lines_of(told.out);
  ASSERT_EQ(answers.size(), 11u);
  EXPECT_EQ(answers[0]["state"], "failed");
  EXPECT_EQ(answers[0]["reason"], "objective 'loss' is not finite");
  const std::vector<std::string> said{
      "told before",      "no JSON object",      "did you mean 'loss'", "'time' is missing",
      "must be a number", "either 'objectives'", "no trial 9",          "did you mean 'trial'"};
  for (std::size_t i = 0; i < said.size(); ++i) {
    const std::string error = answers[i + 1].at("error");
    EXPECT_EQ(answers[i + 1]["line"], i + 2);
    EXPECT_NE(error.find(said[i]), std::string::npos) << error;
  }
  EXPECT_EQ(answers[9]["state"], "failed");
  EXPECT_EQ(answers[10]["state"], "done");
}

TEST_F(AskTellRefusalTest, RefusesConstraintsThatBoundNothing) {
  const auto refused = [&](const std::string& constraints) {
    space("[objectives.loss]\n" + constraints);
    const Ended ended = ask({"--space", "box.toml"});
    EXPECT_EQ(ended.code, 2);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "s.sqlite"));
    return ended.err;
  };
  EXPECT_TRUE(test::says(refused("[constraints.heat]\n"), {"constraints.heat", "bounds nothing"}));
  EXPECT_TRUE(test::says(refused("[constraints.heat]\nat_most = nan\n"), {"at_most"}));
  EXPECT_TRUE(test::says(refused("[constraints.heat]\natmost = 3\n"), {"'at_most'"}));
  EXPECT_TRUE(test::says(refused("[constraints.heat]\nat_least = 3\nat_most = 2\n"),
                         {"at_least", "is above at_most"}));
  EXPECT_TRUE(test::says(refused("[constraints.loss]\nat_most = 2\n"), {"is an objective too"}));
}

TEST_F(AskTellRefusalTest, RefusesInOneSentence) {
  EXPECT_EQ(ask().code, 2) << "a new study needs its file";
  EXPECT_EQ(ask({"--space", "none.toml"}).code, 3);
  EXPECT_EQ(ask({"--space", "box.toml", "--sampler", "nsga3"}).code, 2);
  EXPECT_EQ(tell("").code, 6) << "there is no study";
  space("[objectives.loss]\nlimt = 3\n");
  const Ended misspelt = ask({"--space", "box.toml"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_TRUE(test::says(misspelt.err, {"box.toml line", "objectives.loss.limt", "'limit'"}));
  space("");
  EXPECT_TRUE(test::says(ask({"--space", "box.toml"}).err, {"names no objective"}));
  space("[objectives.loss]\n");
  ASSERT_EQ(ask({"--space", "box.toml"}).code, 0);
  const Ended other = ask({"--sampler", "lhs"});
  EXPECT_EQ(other.code, 6);
  EXPECT_TRUE(test::says(other.err, {"the sampler is 'nsga2' in the study and 'lhs' now"}));
}

TEST_F(AskTellRefusalTest, SaysWhereThereIsNothingToRead) {
  ASSERT_EQ(ask({"--space", "box.toml"}).code, 0);
  const auto tell_from = [&](const std::function<void()>& input) {
    return test::Program(folder_, {"tell", "s.sqlite"}, "", input).wait();
  };
  const Ended closed = tell_from([] { close(STDIN_FILENO); });
  EXPECT_EQ(closed.code, 3);
  EXPECT_TRUE(test::says(closed.err, {"standard input cannot be read: "}));
  const Ended folder = tell_from([] { dup2(open("/", O_RDONLY), STDIN_FILENO); });
  EXPECT_EQ(folder.code, 3);
  EXPECT_TRUE(test::says(folder.err, {"standard input cannot be read: Is a directory"}));
  EXPECT_EQ(tell_from([] { dup2(open("/dev/null", O_RDONLY), STDIN_FILENO); }).code, 0);
}

TEST_F(AskTellRefusalTest, KeepsNoStudyInADevice) {
  for (const char* device : {"/dev/null", "/dev/full"}) {
    const Ended ended = ask({"--space", "box.toml"}, device);
    EXPECT_EQ(ended.code, 6);
    EXPECT_TRUE(test::says(ended.err, {device, "is no regular file"}));
    EXPECT_FALSE(std::filesystem::exists(device + std::string("-journal")));
  }
}

TEST_F(AskTellRefusalTest, LeavesTheStudyOfASearchAlone) {
  std::ofstream(folder_ / "tiny.toml") << test::tiny_experiment() + test::tiny_space();
  ASSERT_EQ(
      test::run(folder_, {"search", "tiny.toml", "--trials", "1", "--set", "study.store=s.sqlite"})
          .code,
      0);
  {
    // A trial that somebody trains just now.
    const auto study = study::find_study(folder_ / "s.sqlite");
    const space::Values values = study->trials()[0].values;
    ASSERT_TRUE(study->add_trial(1, values, 1, 1, {study::process_owner(), std::chrono::hours(1)}));
  }
  const Ended told = tell(
      "{\"trial\": 1, \"objectives\": {\"error\": 0, \"rom\": 1, \"ram\": 1, \"flops\": 1}}\n");
  EXPECT_EQ(told.code, 6);
  EXPECT_TRUE(test::says(told.err, {"s.sqlite", "is one of a search", "'paretiny search'"}));
  EXPECT_EQ(trials()[1].state, study::TrialState::running);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{}, {"--pending"}, {"--space", "box.toml"}}) {
    const Ended asked = ask(words);
    EXPECT_EQ(asked.code, 6);
    EXPECT_EQ(asked.out, "");
    EXPECT_TRUE(test::says(asked.err, {"is one of a search"}));
  }
  ASSERT_EQ(ask({"--space", "box.toml"}, "box.sqlite").code, 0);
  const Ended searched =
      test::run(folder_, {"search", "tiny.toml", "--set", "study.store=box.sqlite"});
  EXPECT_EQ(searched.code, 6);
  EXPECT_TRUE(test::says(searched.err, {"box.sqlite", "is one of a black box", "[study] store"}));
}

}  // namespace
}  // namespace paretiny::cli

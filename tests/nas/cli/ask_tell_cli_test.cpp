#include <fmt/core.h>

#include <set>

#include "tests/nas/cli/ask_tell_fixture.h"

namespace paretiny::cli {
namespace {

using nlohmann::json;
using test::AskTellCliTest;
using test::Ended;

TEST_F(AskTellCliTest, NumbersOfEverySizeLeaveAStudyThatIsReported) {
  ASSERT_EQ(ask({"--space", "box.toml", "--count", "4"}).code, 0);
  const Ended told = tell(
      "{\"trial\": 0, \"objectives\": {\"loss\": 1e300, \"time\": -1e300}}\n"
      "{\"trial\": 1, \"objectives\": {\"loss\": -1e300, \"time\": 1}}\n"
      "{\"trial\": 2, \"objectives\": {\"loss\": 1.1e300, \"time\": 1}}\n"
      "{\"trial\": 3, \"objectives\": {\"loss\": 1, \"time\": -1.7e308}}\n");
  ASSERT_EQ(told.code, 0) << told.err;
  const auto answers = lines_of(told.out);
  EXPECT_EQ(answers[0]["state"], "done");
  EXPECT_EQ(answers[1]["state"], "done");
  EXPECT_EQ(answers[2]["reason"], "objective 'loss' is 1.1e+300, beyond 1e+300");
  EXPECT_EQ(answers[3]["state"], "failed");
  EXPECT_EQ(ask().code, 0);
  const Ended report = test::run(folder_, {"report", "s.sqlite"});
  EXPECT_EQ(report.code, 0) << report.err;
  EXPECT_TRUE(test::says(report.out, {"-1e+300"}));
  std::istringstream lines(report.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LT(line.size(), 200u) << line;
}

TEST_F(AskTellCliTest, AnswersFromOneProcessToAnother) {
  const Ended first = ask({"--space", "box.toml", "--count", "3"});
  ASSERT_EQ(first.code, 0) << first.err;
  const auto asked = lines_of(first.out);
  ASSERT_EQ(asked.size(), 3u);
  std::set<std::string> values;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(asked[i]["trial"], i);
    EXPECT_TRUE(asked[i]["values"]["k"].is_number_integer());
    EXPECT_TRUE(asked[i]["values"]["c"].is_string());
    values.insert(asked[i]["values"].dump());
  }
  EXPECT_EQ(values.size(), 3u);
  const Ended told = tell(
      "{\"trial\": 1, \"objectives\": {\"loss\": 0.25, \"time\": 2}}\n\n"
      "{\"trial\": 0, \"objectives\": {\"time\": 7, \"loss\": 0.5}}\n"
      "{\"trial\": 2, \"failed\": \"NaN said \\\"no\\\" NaN\"}");
  ASSERT_EQ(told.code, 0) << told.err;
  const auto answers = lines_of(told.out);
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0], json({{"trial", 1}, {"state", "done"}}));
  EXPECT_EQ(answers[1]["state"], "infeasible");
  EXPECT_EQ(answers[2]["reason"], "NaN said \"no\" NaN");
  // The file is needed no more: the study knows it.
  const Ended next = ask();
  ASSERT_EQ(next.code, 0) << next.err;
  EXPECT_EQ(lines_of(next.out)[0]["trial"], 3);
  EXPECT_EQ(ask({"--pending"}).out, next.out);
  const auto kept = trials();
  EXPECT_EQ(kept[1].objectives, (std::vector<double>{0.25, 2}));
  EXPECT_EQ(kept[0].reason, "time 7 is above the limit of 5");
  EXPECT_EQ(kept[3].state, study::TrialState::running);
}

TEST_F(AskTellCliTest, SuggestsTheSameAgain) {
  const auto run = [&](const std::string& study) {
    return ask({"--space", "box.toml", "--count", "5"}, study).out;
  };
  EXPECT_EQ(run("one.sqlite"), run("two.sqlite"));
  const Ended other = ask({"--space", "box.toml", "--seed", "4", "--count", "5"}, "three.sqlite");
  EXPECT_NE(other.out, run("four.sqlite"));
}

TEST_F(AskTellCliTest, SaysThatNothingReachesTheReference) {
  space("[objectives.loss]\nreference = -1\n");
  const auto first = lines_of(ask({"--space", "box.toml", "--count", "2"}).out);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_FALSE(first[0].contains("note")) << "nothing is known yet";
  ASSERT_EQ(tell("{\"trial\": 0, \"objectives\": {\"loss\": 3}}").code, 0);
  const auto next = lines_of(ask().out);
  ASSERT_EQ(next.size(), 1u);
  const std::string note = next[0].at("note");
  EXPECT_NE(note.find("no trial is below the reference (loss -1) yet"), std::string::npos) << note;
  ASSERT_EQ(tell("{\"trial\": 1, \"objectives\": {\"loss\": -2}}").code, 0);
  EXPECT_FALSE(lines_of(ask().out)[0].contains("note"));
}

TEST_F(AskTellCliTest, KeepsConstraints) {
  space(
      "[objectives.loss]\n[constraints.heat]\nat_most = 85.0\nunit = \"C\"\n"
      "[constraints.speed]\nat_least = 2\nat_most = 3.5\n");
  ASSERT_EQ(ask({"--space", "box.toml", "--count", "5"}).code, 0);
  const auto line = [](int trial, const std::string& constraints) {
    return fmt::format("{{\"trial\": {}, \"objectives\": {{\"loss\": {}}}{}}}\n", trial, trial,
                       constraints.empty() ? "" : ", \"constraints\": " + constraints);
  };
  const Ended told = tell(line(0, R"({"heat": 71.5, "speed": 2})") +  //
                          line(1, R"({"heat": 86, "speed": 1})") +    //
                          line(2, R"({"heat": -9, "speed": 1.5})") +  //
                          line(3, R"({"heat": 85, "speed": 4})") +    //
                          line(4, "") +                               //
                          line(4, R"({"heat": 80})") +                //
                          line(4, R"({"heat": 80, "sped": 2})") +     //
                          line(4, R"({"heat": NaN, "speed": 2})") +   //
                          line(4, R"({"heat": "80", "speed": 2})") +  //
                          line(4, "[80, 2]") +                        //
                          R"({"trial": 4, "failed": "x", "constraints": {}})");
  EXPECT_EQ(told.code, 3);
  const auto answers = lines_of(told.out);
  ASSERT_EQ(answers.size(), 11u);
  EXPECT_EQ(answers[0], json({{"trial", 0}, {"state", "done"}}));
  const std::vector<std::string> reasons{"heat 86 is above the most of 85",
                                         "speed 1.5 is below the least of 2",
                                         "speed 4 is above the most of 3.5"};
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_EQ(answers[i + 1].at("state"), "infeasible");
    EXPECT_EQ(answers[i + 1].at("reason"), reasons[i]);
  }
  const std::vector<std::string> said{
      "'constraints' is missing", "constraint 'speed' is missing",      "did you mean 'speed'",
      "'heat' is not finite",     "constraint 'heat' must be a number", "must be an object",
      "belong to 'objectives'"};
  for (std::size_t i = 0; i < said.size(); ++i) {
    const std::string error = answers[i + 4].at("error");
    EXPECT_NE(error.find(said[i]), std::string::npos) << error;
  }
  EXPECT_EQ(trials()[0].metrics.at("heat"), 71.5);
  EXPECT_EQ(trials()[4].state, study::TrialState::running) << "refused lines change nothing";
  // Another process goes on with them.
  ASSERT_EQ(tell(line(4, R"({"heat": 80, "speed": 3.5})")).code, 0);
  ASSERT_EQ(ask().code, 0);
  const Ended report = test::run(folder_, {"report", "s.sqlite"});
  ASSERT_EQ(report.code, 0) << report.err;
  EXPECT_NE(report.out.find("| heat=71.5 speed=2"), std::string::npos) << report.out;
  EXPECT_NE(text("s/report.html").find("heat ≤ 85 C"), std::string::npos);
  EXPECT_NE(text("s/trials.csv").find("1,infeasible,1,"), std::string::npos);
  EXPECT_NE(text("s/front.csv").find("metric.heat,metric.speed"), std::string::npos);
  // A study of other bounds is another study.
  space("[objectives.loss]\n[constraints.heat]\nat_most = 90\n");
  const Ended other = ask({"--space", "box.toml"});
  EXPECT_EQ(other.code, 6);
  EXPECT_TRUE(
      test::says(other.err, {"a constraint is 'heat [C] <= 85' in the study", "'heat <= 90' now"}));
}

TEST_F(AskTellCliTest, KeepsTheSamplerAndSeedItWasBegunWith) {
  ASSERT_EQ(ask({"--space", "box.toml", "--sampler", "lhs", "--seed", "9"}).code, 0);
  // Without the file, with it, and with the same words again.
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"--space", "box.toml"}, {"--space", "box.toml", "--sampler", "lhs"}}) {
    const Ended again = ask(words);
    EXPECT_EQ(again.code, 0) << again.err;
  }
  EXPECT_EQ(study::open_study(folder_ / "s.sqlite")->header().sampler, "lhs");
  EXPECT_EQ(study::open_study(folder_ / "s.sqlite")->header().seed, 9u);
  const Ended other = ask({"--space", "box.toml", "--sampler", "nsga2"});
  EXPECT_EQ(other.code, 6);
  EXPECT_TRUE(test::says(other.err, {"the sampler is 'lhs' in the study and 'nsga2' now"}));
  // A file that has changed since says what it wants.
  space("[objectives.loss]\n[objectives.time]\nlimit = 5.0\n# changed\n");
  const Ended changed = ask({"--space", "box.toml"});
  EXPECT_EQ(changed.code, 6);
  EXPECT_TRUE(test::says(changed.err, {"the sampler is 'lhs' in the study and 'nsga2' now"}));
  EXPECT_EQ(trials().size(), 4u);
}

TEST_F(AskTellCliTest, TheDefaultSamplerGoesBeyondThePaper) {
  std::ofstream(folder_ / "box.toml") << "[space.x]\nlow = 0.0\nhigh = 1.0\n[objectives.loss]\n";
  ASSERT_EQ(ask({"--space", "box.toml"}).code, 0);
  EXPECT_EQ(study::open_study(folder_ / "s.sqlite")->header().sampler, "ars+");
  ASSERT_EQ(ask({"--space", "box.toml", "--sampler", "ars"}, "old.sqlite").code, 0);
  EXPECT_EQ(ask({"--space", "box.toml"}, "old.sqlite").code, 0) << "a study keeps its own";
}

TEST_F(AskTellCliTest, PrintsWhatItGaveBeforeTheSpaceWasExhausted) {
  std::ofstream(folder_ / "box.toml")
      << "[study]\nsampler = \"random\"\n[space.k]\nlow = 1\nhigh = 4\n[objectives.loss]\n";
  ASSERT_EQ(lines_of(ask({"--space", "box.toml", "--count", "2"}).out).size(), 2u);
  const Ended last = ask({"--count", "3"});
  EXPECT_NE(last.code, 0);
  const auto given = lines_of(last.out);
  ASSERT_EQ(given.size(), 2u);
  EXPECT_EQ(given[0]["trial"], 2);
  EXPECT_EQ(given[1]["trial"], 3);
  EXPECT_EQ(lines_of(ask({"--pending"}).out).size(), 4u);
}

TEST_F(AskTellCliTest, GivesBackWhatCannotBePrinted) {
  ASSERT_EQ(ask({"--space", "box.toml"}).code, 0);
  const Ended full = test::run(folder_, {"ask", "s.sqlite", "--count", "3"}, "/dev/full");
  EXPECT_EQ(full.code, 3) << full.err;
  ASSERT_EQ(trials().size(), 2u);
  EXPECT_EQ(trials()[1].state, study::TrialState::waiting);
  const auto next = lines_of(ask().out);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0]["trial"], 1);
}

TEST_F(AskTellCliTest, SeveralMayAskFirst) {
  for (int round = 0; round < 12; ++round) {
    const std::string study = "race" + std::to_string(round);
    std::vector<std::unique_ptr<test::Program>> programs;
    for (int i = 0; i < 3; ++i) {
      programs.push_back(std::make_unique<test::Program>(
          folder_, std::vector<std::string>{"ask", study, "--space", "box.toml"}));
    }
    std::set<std::string> lines;
    for (const auto& program : programs) {
      const Ended ended = program->wait();
      EXPECT_EQ(ended.code, 0) << ended.err;
      lines.insert(ended.out);
    }
    EXPECT_EQ(lines.size(), 3u);
  }
}

TEST_F(AskTellCliTest, ReportsSuchAStudy) {
  space("[objectives.loss]\nreference = -1.0\n[objectives.time]\n");
  ASSERT_EQ(ask({"--space", "box.toml", "--count", "4"}).code, 0);
  ASSERT_EQ(tell("{\"trial\": 0, \"objectives\": {\"loss\": -3, \"time\": 0.002}}\n"
                 "{\"trial\": 1, \"objectives\": {\"loss\": -2, \"time\": 0.001}}\n"
                 "{\"trial\": 2, \"objectives\": {\"loss\": 4, \"time\": 0.004}}\n")
                .code,
            0);
  const Ended report = test::run(folder_, {"report", "s.sqlite"});
  ASSERT_EQ(report.code, 0) << report.err;
  EXPECT_NE(report.out.find("     0           -3        0.002  c="), std::string::npos)
      << report.out;
  EXPECT_EQ(report.out.find("     2  "), std::string::npos) << "dominated";
  const json study = json::parse(text("s/study.json"));
  EXPECT_EQ(study["hypervolume_origins"], json({-3, 0.001}));
  // In units of (2, 1.1 * 0.003): the first trial covers 1 - 0.001 / 0.0033, the second half of
  // what lies below its time more.
  EXPECT_NEAR(study["hypervolume"][3].get<double>(), (1 - 0.001 / 0.0033) + 0.5 * (0.001 / 0.0033),
              1e-9);
  EXPECT_NE(text("s/report.html").find("Least loss inside the limits"), std::string::npos);
}

TEST_F(AskTellCliTest, ThePythonExampleGoesOn) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
  const auto example = [&](int number) {
    const std::string command =
        "cd " + folder_.string() + " && OMP_NUM_THREADS=1 python3 " +
        PARETINY_SOURCE "/examples/ask_tell/ask_tell.py s.sqlite --trials " +
        std::to_string(number) + " --paretiny " PARETINY_BIN "/paretiny > told 2> errors";
    EXPECT_EQ(std::system(command.c_str()), 0) << text("errors");
  };
  example(6);
  EXPECT_EQ(trials().size(), 6u);
  // A suggestion whose process died before it told.
  ASSERT_EQ(ask().code, 0);
  example(12);
  const auto kept = trials();
  ASSERT_EQ(kept.size(), 12u);
  int done = 0;
  for (const study::Trial& trial : kept) {
    EXPECT_NE(trial.state, study::TrialState::running) << trial.number;
    done += trial.state == study::TrialState::done ? 1 : 0;
  }
  EXPECT_GT(done, 4);
}

}  // namespace
}  // namespace paretiny::cli

// Partial results of a black box, and the answers to them.
#include "nas/black_box/tell_step.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "nas/black_box/asker.h"
#include "nas/black_box/tell.h"
#include "nas/study/study_json.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::black_box {
namespace {

using nlohmann::json;

class TellStepTest : public test::FolderTest {
 protected:
  static std::string box(const std::string& study) {
    return "[study]\nsampler = \"random\"\nseed = 5\ninitial = 4\n" + study +
           "[space.x]\nlow = 0.0\nhigh = 1.0\n[objectives.loss]\nreference = 2.0\n"
           "[objectives.size]\nreference = 2.0\n";
  }
  static std::string halving() {
    return box(
        "steps = 8\nstop = \"asha\"\nstop_eta = 2\nstop_run_on = 0\n"
        "stop_fractions = [0.25, 0.5]\n");
  }

  study::Trial ask(const std::string& text) {
    const OpenBlackBox opened =
        open_black_box(path_, parse_black_box(text, "box.toml"), {}, Device{});
    note_ = opened.note;
    return Asker(opened, path_, Device{}).next();
  }
  json tell(const json& line) {
    return json::parse(Teller(*open_to_tell(path_)).tell(study::dump(line)));
  }
  json tell_at(std::int64_t trial, std::int64_t step, const json& loss, const json& size = 1) {
    return tell(
        {{"trial", trial}, {"step", step}, {"objectives", {{"loss", loss}, {"size", size}}}});
  }
  std::string refusal(const json& line) {
    try {
      tell(line);
    } catch (const DataError& error) {
      return error.what();
    }
    return "taken";
  }
  study::Trial trial(std::size_t number) { return study::open_study(path_)->trials()[number]; }

  /// Steps of a trial whose loss is `loss` all the way, until it is told to stop; the last answer.
  json play(std::int64_t number, double loss) {
    json answer;
    for (std::int64_t step = 1; step <= 8; ++step) {
      answer = tell_at(number, step, loss);
      if (answer.at("answer") == "stop") return answer;
    }
    return tell({{"trial", number}, {"objectives", {{"loss", loss}, {"size", 1}}}});
  }

  const std::filesystem::path path_ = folder_ / "box.sqlite";
  std::string note_;
};

TEST_F(TellStepTest, WhatCannotMatterIsToldToStop) {
  for (std::int64_t number = 0; number < 2; ++number) ask(halving());
  EXPECT_EQ(play(0, 0.5).at("state"), "done");
  const json stopped = play(1, 1.5);
  EXPECT_EQ(stopped.at("answer"), "stop");
  EXPECT_EQ(stopped.at("step"), 2);
  EXPECT_TRUE(test::says(stopped.at("reason"), {"after 25 % of its epochs it cannot matter"}));
  EXPECT_EQ(trial(1).state, study::TrialState::stopped);
  EXPECT_EQ(trial(1).metrics.at("steps"), 2);
  EXPECT_EQ(trial(1).reason, stopped.at("reason"));
  EXPECT_EQ(study::open_study(path_)->steps(1).size(), 2u);
  // Whoever missed the answer gets it again.
  EXPECT_EQ(tell_at(1, 3, 1.5).at("answer"), "stop");
  // What was run on nevertheless is a result.
  const json result = {{"trial", 1}, {"objectives", {{"loss", 1.5}, {"size", 1}}}};
  EXPECT_EQ(tell(result).at("state"), "done");
  EXPECT_TRUE(test::says(refusal(result), {"trial 1 was told before: it is done"}));
  EXPECT_NO_THROW(ask(halving()));
}

TEST_F(TellStepTest, TheSamplerIsAskedWithAStoppedTrial) {
  for (std::int64_t number = 0; number < 8; ++number) {
    ask("" + halving());
    play(number, number % 2 == 0 ? 0.5 - 0.01 * double(number) : 1.5);
  }
  std::size_t stopped = 0;
  for (const study::Trial& each : study::open_study(path_)->trials()) {
    stopped += each.state == study::TrialState::stopped ? 1 : 0;
  }
  EXPECT_GT(stopped, 1u);
  EXPECT_EQ(ask(halving()).number, 8);
}

TEST_F(TellStepTest, WithoutARuleEveryAnswerIsToGoOn) {
  ask(box("steps = 4\n"));
  for (std::int64_t step = 1; step <= 4; ++step) {
    const json answer = tell_at(0, step, 1e9);
    EXPECT_EQ(answer, (json{{"trial", 0}, {"step", step}, {"answer", "go on"}}));
  }
  EXPECT_FALSE(trial(0).verdict);
}

TEST_F(TellStepTest, ACurveOfNothingGoesOn) {
  ask(halving());
  ask(halving());
  play(0, 0.5);
  for (std::int64_t step = 1; step <= 8; ++step) {
    EXPECT_EQ(tell_at(1, step, nullptr).at("answer"), "go on");
  }
  EXPECT_EQ(trial(1).verdict->reason, stopping::StopReason::unmeasured);
  EXPECT_EQ(trial(1).state, study::TrialState::running);
}

TEST_F(TellStepTest, RefusesWhatIsNoStep) {
  ask(halving());
  const json objectives = {{"loss", 1}, {"size", 1}};
  const auto line = [&](const json& step) {
    return json{{"trial", 0}, {"step", step}, {"objectives", objectives}};
  };
  EXPECT_TRUE(test::says(refusal(line(0)), {"'step' is 0; a trial has steps 1 to 8"}));
  EXPECT_TRUE(test::says(refusal(line(9)), {"'step' is 9"}));
  EXPECT_TRUE(test::says(refusal(line(1.5)), {"'step' must be a whole number"}));
  EXPECT_TRUE(test::says(refusal(line("two")), {"'step' must be a whole number"}));
  EXPECT_TRUE(test::says(refusal({{"trial", 0}, {"step", 1}}), {"needs 'objectives'"}));
  EXPECT_TRUE(test::says(refusal({{"trial", 0}, {"step", 1}, {"failed", "x"}}), {"'failed'"}));
  json more = line(1);
  more["constraints"] = json::object();
  EXPECT_TRUE(test::says(refusal(more), {"'constraints' belongs to the last result"}));
  EXPECT_TRUE(test::says(refusal({{"trial", 0}, {"step", 1}, {"objectives", {{"loss", 1}}}}),
                         {"'size' is missing"}));
  EXPECT_TRUE(study::open_study(path_)->steps(0).empty());
  EXPECT_EQ(tell(line(3)).at("answer"), "go on");
  EXPECT_EQ(tell(line(3)).at("answer"), "go on") << "told again";
  EXPECT_TRUE(test::says(refusal(line(2)), {"step 3 of trial 0 was told before"}));
}

TEST_F(TellStepTest, NeedsToKnowHowManyStepsThereAre) {
  ask(box(""));
  EXPECT_TRUE(
      test::says(refusal({{"trial", 0}, {"step", 1}, {"objectives", {{"loss", 1}, {"size", 1}}}}),
                 {"trial 0 has no steps", "'steps'"}));
  const auto refused = [](const std::string& text) {
    try {
      parse_black_box(text, "box.toml");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  EXPECT_TRUE(test::says(refused(box("stop = \"asha\"\n")), {"box.toml", "'steps'"}));
  EXPECT_TRUE(test::says(refused(box("steps = 0\n")), {"steps"}));
  EXPECT_TRUE(test::says(refused(box("steps = 4\nstop = \"sometimes\"\n")), {"stop"}));
}

TEST_F(TellStepTest, ARuleMayChangeAndIsSaid) {
  ask(box(""));
  EXPECT_EQ(note_, "");
  ask(halving());
  EXPECT_TRUE(test::says(note_, {"stop is asha, it was off", "steps is 8, it was none"}));
  ask(halving());
  EXPECT_EQ(note_, "");
  EXPECT_EQ(step_rule_of(*study::open_study(path_)).steps, 8);
  // Without the file the rule stays what it was.
  const OpenBlackBox opened = open_black_box(path_, {}, {}, Device{});
  EXPECT_EQ(opened.note, "");
  EXPECT_EQ(step_rule_of(*opened.study).stop.method, stopping::StopMethod::asha);
}

}  // namespace
}  // namespace paretiny::black_box

// What a black box's file may say of its space and its objectives, through `ask` and `tell`.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "nas/study/study.h"
#include "tests/nas/cli/program.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::cli {
namespace {

using nlohmann::json;
using test::Ended;
using test::says;

class AskSpaceCliTest : public test::FolderTest {
 protected:
  void write(const std::string& text, const std::string& name = "box.toml") {
    std::ofstream(folder_ / name) << text;
  }
  Ended ask(std::vector<std::string> more = {}, const std::string& study = "s.sqlite") {
    more.insert(more.begin(), {"ask", study});
    return test::run(folder_, more);
  }
  Ended tell(const std::string& lines, const std::string& study = "s.sqlite") {
    write(lines, "told.jsonl");
    const std::string command = "cd " + folder_.string() + " && " PARETINY_BIN "/paretiny tell " +
                                study + " < told.jsonl > answers 2> sentence";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), text("answers"), text("sentence")};
  }
  std::string text(const std::string& name) {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<study::Trial> trials(const std::string& study = "s.sqlite") {
    return study::open_study(folder_ / study)->trials();
  }
  static std::vector<json> lines_of(const std::string& text) {
    std::vector<json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
    return lines;
  }
};

TEST_F(AskSpaceCliTest, ValuesComeBackAsTheyAreWritten) {
  write(
      "[study]\nsampler = \"random\"\n[space.batch]\nchoices = [16, 32]\n[space.rate]\nchoices = "
      "[0.5, 2.0]\n[space.flag]\nchoices = [true, false]\n[space.width]\nlow = 8\nhigh = 64\nstep "
      "= 8\n[space.net.name]\nchoices = [\"a\", \"b\"]\n[space.head]\nlow = -3\nhigh = -1\nwhen = "
      "{\"net.name\" = \"a\"}\n[space.tail]\nlow = 1e-200\nhigh = 1e200\nlog = true\nwhen = "
      "{net.name = [\"b\"], batch = 32}\n[objectives.loss]\n");
  const Ended asked = ask({"--space", "box.toml", "--count", "60"});
  ASSERT_EQ(asked.code, 0) << asked.err;
  std::size_t heads = 0, tails = 0;
  std::string told;
  for (const json& line : lines_of(asked.out)) {
    const json& values = line["values"];
    EXPECT_TRUE(values["batch"].is_number_integer());
    EXPECT_TRUE(values["rate"].is_number_float());
    EXPECT_TRUE(values["flag"].is_boolean());
    EXPECT_EQ(values["width"].get<int>() % 8, 0);
    EXPECT_EQ(values.contains("head"), values["net.name"] == "a");
    EXPECT_EQ(values.contains("tail"), values["net.name"] == "b" && values["batch"] == 32);
    heads += values.contains("head") ? 1 : 0;
    tails += values.contains("tail") ? 1 : 0;
    told +=
        json({{"trial", line["trial"]}, {"objectives", {{"loss", values["width"]}}}}).dump() + "\n";
  }
  EXPECT_GT(heads, 10u);
  EXPECT_GT(tails, 5u);
  ASSERT_EQ(tell(told).code, 0);
  EXPECT_EQ(ask({"--space", "box.toml"}).code, 0) << "its own values are of its space";
  const Ended report = test::run(folder_, {"report", "s.sqlite"});
  EXPECT_EQ(report.code, 0) << report.err;
}

TEST_F(AskSpaceCliTest, EverySamplerTakesConditionsAndSteps) {
  write(
      "[study]\ninitial = 4\n[space.kind]\nchoices = [\"a\", \"b\"]\n[space.x]\nlow = 0.0\nhigh = "
      "1.0\nwhen = {kind = \"a\"}\n[space.k]\nlow = 0\nhigh = 6\nstep = 2\nwhen = {kind = "
      "\"b\"}\n[objectives.loss]\n[objectives.cost]\n");
  for (const char* sampler : {"ars", "ars+", "qlognehvi", "turbo", "morbo", "nsga2", "lhs"}) {
    const std::string study = std::string(sampler) + ".sqlite";
    std::set<std::string> seen;
    for (int round = 0; round < 5; ++round) {
      const Ended asked = ask({"--space", "box.toml", "--count", "2", "--sampler", sampler}, study);
      ASSERT_EQ(asked.code, 0) << sampler << asked.err;
      std::string told;
      for (const json& line : lines_of(asked.out)) {
        const json& values = line["values"];
        EXPECT_EQ(values.size(), 2u);
        EXPECT_TRUE(seen.insert(values.dump()).second) << sampler << " " << values;
        const double y =
            values["kind"] == "a" ? values["x"].get<double>() : 0.1 * values["k"].get<double>();
        told += json({{"trial", line["trial"]},
                      {"objectives", {{"loss", (y - 0.3) * (y - 0.3)}, {"cost", y}}}})
                    .dump() +
                "\n";
      }
      ASSERT_EQ(tell(told, study).code, 0);
    }
  }
}

TEST_F(AskSpaceCliTest, MaximisesWhatItIsToldTo) {
  const char* space =
      "[study]\nsampler = \"{}\"\ninitial = 5\nseed = 2\n[space.x]\nlow = 0.0\n"
      "high = 1.0\n[objectives.size]\nreference = 1.0\n";
  const auto file = [&](const char* sampler, const std::string& quality) {
    std::string text = space;
    text.replace(text.find("{}"), 2, sampler);
    return text + quality;
  };
  // The same study, told once as it is and once negated.
  write(file("ars+", "[objectives.good]\nmaximize = true\nlimit = 0.1\nreference = -0.5\n"));
  write(file("ars+", "[objectives.good]\nlimit = -0.1\nreference = 0.5\n"), "negated.toml");
  for (int round = 0; round < 8; ++round) {
    const Ended up = ask({"--space", "box.toml"}, "up.sqlite");
    const Ended down = ask({"--space", "negated.toml"}, "down.sqlite");
    ASSERT_EQ(up.code, 0) << up.err;
    EXPECT_EQ(up.out, down.out) << "round " << round;
    const json line = lines_of(up.out)[0];
    const double x = line["values"]["x"];
    for (const double sign : {1.0, -1.0}) {
      const json told{{"trial", line["trial"]}, {"objectives", {{"size", x}, {"good", sign * x}}}};
      const Ended ended = tell(told.dump() + "\n", sign > 0 ? "up.sqlite" : "down.sqlite");
      ASSERT_EQ(ended.code, 0) << ended.err;
      if (sign < 0) continue;
      const json answer = lines_of(ended.out)[0];
      EXPECT_EQ(answer["state"], x >= 0.1 ? "done" : "infeasible");
      if (x < 0.1) {
        EXPECT_NE(answer["reason"].dump().find("below the limit of 0.1"), std::string::npos);
      }
    }
  }
  ASSERT_EQ(test::run(folder_, {"report", "up.sqlite"}).code, 0);
  ASSERT_EQ(test::run(folder_, {"report", "down.sqlite"}).code, 0);
  const json up = json::parse(text("up/study.json"));
  const json down = json::parse(text("down/study.json"));
  EXPECT_EQ(up["hypervolume"], down["hypervolume"]);
  EXPECT_EQ(up["front"], down["front"]);
  EXPECT_GT(up["hypervolume"].back().get<double>(), 0);
  EXPECT_GE(up["trials"][up["front"][0].get<std::size_t>()]["objectives"][1].get<double>(), 0.1)
      << "as it was told";
  EXPECT_TRUE(says(text("up/report.html"), {"good ≥ 0.1"}));
  EXPECT_FALSE(says(text("up/front.csv"), {",-0"})) << "as it was told";
  // Which way is up cannot be turned round.
  write(file("ars+", "[objectives.good]\nlimit = 0.1\nreference = -0.5\n"));
  const Ended turned = ask({"--space", "box.toml"}, "up.sqlite");
  EXPECT_EQ(turned.code, 6);
  EXPECT_TRUE(says(turned.err, {"good maximised >= 0.1", "good <= 0.1"})) << turned.err;
}

TEST_F(AskSpaceCliTest, TakesWhatWasNotAskedFor) {
  write(
      "[study]\ninitial = 4\n[space.x]\nlow = 0.0\nhigh = 1.0\n[space.k]\nlow = 1\nhigh = "
      "9\n[objectives.loss]\nlimit = 5\n[constraints.heat]\nat_most = 80\n");
  ASSERT_EQ(ask({"--space", "box.toml"}).code, 0);
  const std::string good = R"("objectives": {"loss": 1}, "constraints": {"heat": 1}})"
                           "\n";
  const Ended told = tell(
      R"({"values": {"x": 0.1234567890123456, "k": 3}, )" + good +
      R"({"values": {"x": 1, "k": 2.0}, "objectives": {"loss": 9}, "constraints": {"heat": 1}})"
      "\n"
      R"({"values": {"x": 0.5, "k": 3}, "failed": "no power"})"
      "\n"
      R"({"values": {"x": 1.5, "k": 3}, )" +
      good + R"({"values": {"x": 0.5}, )" + good + R"({"values": {"x": 0.5, "k": 3, "y": 1}, )" +
      good + R"({"values": {"x": null, "k": 3}, )" + good +
      R"({"values": {"x": 0.5, "k": 3}, "trial": 0, )" + good + R"({"values": [1], )" + good +
      R"({"values": {"x": 0.5, "k": 3}, "objectives": {"loss": 1}})");
  EXPECT_EQ(told.code, 3);
  const auto answers = lines_of(told.out);
  ASSERT_EQ(answers.size(), 10u);
  EXPECT_EQ(answers[0], json({{"trial", 1}, {"state", "done"}}));
  EXPECT_EQ(answers[1]["state"], "infeasible");
  EXPECT_EQ(answers[2]["reason"], "no power");
  const std::vector<std::string> said{
      "0 .. 1",  "'k' has no value",  "no parameter 'y'",        "'x'",
      "'trial'", "must be an object", "'constraints' is missing"};
  for (std::size_t i = 0; i < said.size(); ++i) {
    EXPECT_NE(answers[i + 3]["error"].dump().find(said[i]), std::string::npos) << answers[i + 3];
  }
  const auto all = trials();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].values, (space::Values{{"x", 0.1234567890123456}, {"k", std::int64_t{3}}}));
  EXPECT_EQ(all[2].values, (space::Values{{"x", 1.0}, {"k", std::int64_t{2}}}));
  EXPECT_EQ(all[0].state, study::TrialState::running);
  // Four trials are there: the sampler learns from them at once.
  EXPECT_EQ(lines_of(ask().out)[0]["trial"], 4);
}

TEST_F(AskSpaceCliTest, WarmStartsFromAnotherStudy) {
  const std::string objectives = "[objectives.loss]\n[objectives.time]\nlimit = 5.0\n";
  write(
      "[space.x]\nlow = 0.0\nhigh = 1.0\n[space.c]\nchoices = [\"a\", \"b\"]\n[space.k]\nlow = "
      "1\nhigh = 3\n" +
          objectives,
      "old.toml");
  ASSERT_EQ(ask({"--space", "old.toml"}, "old.sqlite").code, 0);
  std::string lines;
  for (int i = 0; i < 8; ++i) {
    lines += json({{"values", {{"x", 0.1 * i}, {"c", i % 2 == 0 ? "a" : "b"}, {"k", 1 + i % 3}}},
                   {"objectives", {{"loss", i}, {"time", 7 - i}}}})
                 .dump() +
             "\n";
  }
  lines += R"({"values": {"x": 0.95, "c": "a", "k": 1}, "failed": "no power"})";
  ASSERT_EQ(tell(lines, "old.sqlite").code, 0);
  // Wider in x, without c, k narrowed, m new, another limit.
  write(
      "[study]\ninitial = 4\n[space.x]\nlow = -1.0\nhigh = 2.0\n[space.k]\nlow = 1\nhigh = "
      "2\n[space.m]\nlow = 0.0\nhigh = 1.0\n[objectives.time]\nlimit = 6.5\n[objectives.loss]\n");
  const Ended none = ask({"--space", "box.toml", "--from", "old.sqlite"}, "none.sqlite");
  EXPECT_EQ(none.code, 0) << none.err;
  EXPECT_TRUE(says(none.err, {"0 of the 10 trials of 'old.sqlite' were taken over", "'m' is new",
                              "--with m=VALUE"}))
      << none.err;
  const std::vector<std::string> words{"--space",    "box.toml", "--from",
                                       "old.sqlite", "--with",   "m=0.25"};
  const Ended asked = ask(words);
  ASSERT_EQ(asked.code, 0) << asked.err;
  EXPECT_TRUE(says(asked.err, {"7 of the 10 trials", "2 not: parameter 'k' is 3",
                               "1 not: it has no result", "c counts for nothing now"}))
      << asked.err;
  const auto all = trials();
  ASSERT_EQ(all.size(), 8u);
  EXPECT_EQ(all[0].objectives, (std::vector<double>{0, 7})) << "by name";
  EXPECT_EQ(all[0].state, study::TrialState::infeasible) << "by the limits of now";
  EXPECT_EQ(all[1].state, study::TrialState::done) << "time 6";
  EXPECT_EQ(all[0].values, (space::Values{{"x", 0.0}, {"k", std::int64_t{1}}, {"m", 0.25}}));
  EXPECT_EQ(all[6].state, study::TrialState::failed);
  EXPECT_EQ(lines_of(asked.out)[0]["trial"], 7);
  // The same command again takes nothing twice.
  const Ended again = ask(words);
  EXPECT_TRUE(says(again.err, {"0 of the 10 trials", "7 were there already"})) << again.err;
  EXPECT_EQ(trials().size(), 9u);
  EXPECT_EQ(ask({"--from", "s.sqlite"}).code, 2) << "from itself";
  EXPECT_EQ(ask({"--with", "m=1"}).code, 2) << "of nothing";
  EXPECT_EQ(ask({"--from", "none-such.sqlite"}).code, 6);
  // Who changes the space in place is told how to go on.
  const Ended changed = ask({"--space", "box.toml"}, "old.sqlite");
  EXPECT_EQ(changed.code, 6);
  EXPECT_TRUE(says(changed.err, {"the space", "--from 'old.sqlite'"})) << changed.err;
}

TEST_F(AskSpaceCliTest, AWarmStartIsWorthItsTrials) {
  write(
      "[study]\ninitial = 6\nseed = 1\n[space.x]\nlow = 0.0\nhigh = 1.0\n[space.y]\nlow = 0.0\n"
      "high = 1.0\n[objectives.loss]\n");
  std::string lines;
  for (int i = 0; i < 30; ++i) {
    const int column = i % 6, row = i / 6;
    const double x = column / 5.0, y = row / 4.0;
    lines += json({{"values", {{"x", x}, {"y", y}}},
                   {"objectives", {{"loss", (x - 0.73) * (x - 0.73) + (y - 0.31) * (y - 0.31)}}}})
                 .dump() +
             "\n";
  }
  ASSERT_EQ(ask({"--space", "box.toml"}).code, 0);
  ASSERT_EQ(tell(lines).code, 0);
  const json next = lines_of(ask().out)[0];
  EXPECT_NEAR(next["values"]["x"].get<double>(), 0.73, 0.05) << "no point of a design";
  EXPECT_NEAR(next["values"]["y"].get<double>(), 0.31, 0.05);
}

TEST_F(AskSpaceCliTest, SaysWhatItWentBy) {
  write(
      "[study]\ninitial = 3\n[space.x]\nlow = 0.0\nhigh = 1.0\n[space.k]\nlow = 1\nhigh = "
      "9\n[objectives.loss]\n[objectives.time]\n[sampler]\npolicies = 2\n");
  for (int round = 0; round < 5; ++round) {
    const Ended asked = ask({"--space", "box.toml", "--explain"});
    ASSERT_EQ(asked.code, 0) << asked.err;
    const json line = lines_of(asked.out)[0];
    EXPECT_EQ(line["by"], round < 3 ? "design" : "model");
    EXPECT_EQ(line.contains("detail"), round >= 3);
    if (round >= 3) {
      EXPECT_TRUE(says(line["detail"][0], {"objective 1", "leave-one-out R2", "x ", "k "}));
      ASSERT_EQ(line["detail"].size(), 4u) << line;
      EXPECT_TRUE(says(line["detail"][3], {"policy 2", "best reward"}));
    }
    const json told{
        {"trial", line["trial"]},
        {"objectives",
         {{"loss", line["values"]["x"]}, {"time", 1 - line["values"]["x"].get<double>()}}}};
    ASSERT_EQ(tell(told.dump() + "\n").code, 0);
  }
}

TEST_F(AskSpaceCliTest, KnownObjectivesComeFromACommand) {
  write(
      "[study]\ninitial = 4\n[space.x]\nlow = 0.0\nhigh = 1.0\n[space.k]\nlow = 1\nhigh = "
      "9\n[objectives.loss]\n[objectives.size]\nknown = true\nlimit = 6.5\n");
  write(
      "import json, sys\nfor line in sys.stdin:\n  v = json.loads(line)\n  "
      "print(json.dumps({'size': "
      "v['k'] + v['x']}), flush=True)\n",
      "size.py");
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
  EXPECT_TRUE(says(ask({"--space", "box.toml"}).err, {"'size' is known", "--known"}));
  std::size_t passed = 0;
  for (int round = 0; round < 8; ++round) {
    const Ended asked = ask({"--space", "box.toml", "--known", "python3 size.py"});
    ASSERT_EQ(asked.code, 0) << asked.err;
    const json line = lines_of(asked.out)[0];
    const double size = line["values"]["k"].get<double>() + line["values"]["x"].get<double>();
    EXPECT_LE(size, 6.5) << "what breaks the limit is suggested to nobody";
    EXPECT_EQ(line["known"], json({{"size", size}}));
    passed += line.contains("note") ? 1 : 0;
    const json told{{"trial", line["trial"]}, {"objectives", {{"loss", 9 - size}, {"size", size}}}};
    ASSERT_EQ(tell(told.dump() + "\n").code, 0);
  }
  EXPECT_GT(passed, 0u) << "the design meets some beyond the limit";
  std::size_t infeasible = 0;
  const auto all = trials();
  for (const study::Trial& trial : all) {
    if (trial.state != study::TrialState::infeasible) continue;
    ++infeasible;
    EXPECT_TRUE(std::isnan(trial.objectives[0]));
    EXPECT_GT(trial.objectives[1], 6.5);
    EXPECT_LT(trial.number, 8) << "once the sampler chooses there are none";
  }
  EXPECT_GT(infeasible, 0u);
  for (const char* wrong :
       {"cat", "true", "echo 3", "while read l; do echo '{\"size\": \"a\"}'; done"}) {
    const Ended refused = ask({"--known", wrong});
    EXPECT_EQ(refused.code, 7) << wrong << refused.err;
    EXPECT_TRUE(says(refused.err, {"the command"})) << refused.err;
  }
}

}  // namespace
}  // namespace paretiny::cli

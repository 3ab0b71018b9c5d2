#include <nlohmann/json.hpp>

#include "base/version.h"
#include "kernels/core/device.h"
#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

TEST_F(CliTest, HelpAndVersion) {
  const Ended all = run({"--help"});
  EXPECT_EQ(all.code, 0);
  for (const char* command : {"search", "train", "report", "info", "hypervolume"}) {
    EXPECT_TRUE(says(all.out, {command}));
    const Ended one = run({command, "--help"});
    EXPECT_EQ(one.code, 0);
    EXPECT_TRUE(says(one.out, {"--help"}));
  }
  EXPECT_TRUE(says(run({"search", "--help"}).out, {"--set", "--trials", "--seed", "--out"}));
  const Ended version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out, program_description() + "\n");
  EXPECT_TRUE(
      says(version.out, {"paretiny " + program_version() + " (" + program_commit(), "Release"}));
  const Ended info = run({"info"});
  EXPECT_EQ(info.code, 0);
  EXPECT_TRUE(says(info.out, {program_version(), "cpu", "SQLite", "oneDNN", "threads: 1"}));
  // A GPU, or why there is none.
  EXPECT_TRUE(says(info.out, {why_no_gpu().empty() ? "cuda:0" : "cuda: none, " + why_no_gpu()}));
}

/// NVIDIA's libraries take ten times as long to load as the program: only a question for a GPU may.
TEST_F(CliTest, LogLevels) {
  const auto told = [&](const std::string& level, const std::string& store) {
    const Ended ended = search({"--log", level, "--trials", "2", "--set", "study.store=" + store});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.err;
  };
  EXPECT_EQ(told("warning", "a.sqlite"), "");
  const std::string info = told("info", "b.sqlite");
  EXPECT_TRUE(says(info, {"2/2 trial 1 done"}));
  EXPECT_EQ(info.find("epoch"), std::string::npos);
  EXPECT_TRUE(says(told("debug", "c.sqlite"),
                   {"2/2 trial 1 done", "paretiny: epoch: ", "paretiny: ask: "}));
  EXPECT_TRUE(
      refused(run({"--log", "inf", "info"}), 2, {"log level 'inf'", "did you mean 'info'"}));
  EXPECT_TRUE(refused(run({"info", "--lgo", "info"}), 2, {"'--lgo' was not expected"}));
}

TEST_F(CliTest, StartsWithoutTheLibrariesOfAGpu) {
  setenv("LD_DEBUG", "files", 1);
  const Ended help = run({"--help"});
  unsetenv("LD_DEBUG");
  ASSERT_TRUE(says(help.err, {"libdnnl"})) << "the loader says nothing of what it loads";
  EXPECT_FALSE(says(help.err, {"libcu"}));
  EXPECT_FALSE(says(help.err, {"libparetiny_cuda"}));
}

TEST_F(CliTest, TrainPrintsEpochsAndFigures) {
  const Ended ended = run({"train", "tiny.toml", "--set", "training.epochs=2", "--set",
                           "pruning.sparsity=0.5", "--seed", "5"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(says(ended.out, {"epoch   1/2", "epoch   2/2", "samples/s", "sparsity", "loss",
                               "% float", "% int8", "ROM", "RAM", "MACs", "parameters"}));
}

TEST_F(CliTest, ATrainingThatDivergesIsNoDefectOfTheProgram) {
  EXPECT_TRUE(refused(run({"train", "tiny.toml", "--set", "training.learning_rate=1000", "--set",
                           "training.weight_decay=1"}),
                      9, {}));
}

TEST_F(CliTest, SearchThenReport) {
  const Ended first = search({"--trials", "5", "--out", "report"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_TRUE(says(first.err, {"5/5 trial 4", "hypervolume"}));
  EXPECT_TRUE(says(first.out, {"accuracy", "FLOPs", "report.html"}));
  EXPECT_EQ(trials().size(), 5u);
  for (const char* name : {"report.html", "front.csv", "trials.csv", "study.json"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "report" / name)) << name;
  }
  std::ifstream json(folder_ / "report" / "study.json");
  EXPECT_NO_THROW(nlohmann::json::parse(json));

  const Ended fewer = search({"--trials", "3"});
  EXPECT_EQ(fewer.code, 0) << fewer.err;
  EXPECT_EQ(trials().size(), 5u);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "tiny" / "report.html"));

  const Ended report = run({"report", "tiny.sqlite", "--out", "again"});
  EXPECT_EQ(report.code, 0) << report.err;
  EXPECT_EQ(report.out.substr(0, report.out.find("report:")),
            first.out.substr(0, first.out.find("report:")));
}

TEST_F(CliTest, WrongArguments) {
  EXPECT_TRUE(refused(run({}), 2, {"--help"}));
  EXPECT_TRUE(refused(run({"serch"}), 2, {"'serch'", "did you mean 'search'"}));
  EXPECT_TRUE(refused(run({"search"}), 2, {"experiment"}));
  EXPECT_TRUE(refused(search({"--trails", "5"}), 2, {"'--trails'", "did you mean '--trials'"}));
  EXPECT_TRUE(refused(search({"--trials"}), 2, {"--trials"}));
  EXPECT_TRUE(refused(search({"--trials", "many"}), 2, {"study.trials"}));
  EXPECT_TRUE(refused(search({"--trials", "0"}), 2, {"study.trials is 0"}));
  EXPECT_TRUE(refused(search({"--trials", "99999999999999999999"}), 2, {"study.trials"}));
  EXPECT_TRUE(refused(search({"--seed=-1"}), 2, {"study.seed is -1"}));
  EXPECT_TRUE(refused(search({"--seed", "18446744073709551616"}), 2, {"study.seed"}));
  EXPECT_TRUE(refused(search({"--set", "training.epoch=2"}), 2, {"did you mean 'epochs'"}));
  EXPECT_TRUE(refused(search({"--device", "gpu"}), 2, {"'gpu'"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tiny.sqlite"));
}

TEST_F(CliTest, WhatIsRefusedLeavesNoStudy) {
  file(test::tiny_experiment(), "no_space.toml");
  EXPECT_TRUE(refused(run({"search", "no_space.toml"}), 2, {"no space to search"}));
  EXPECT_TRUE(refused(search({"--set", "sampler.polices=3"}), 2, {"'polices'"}));
  EXPECT_TRUE(refused(search({"--device", "cuda:99"}), 4, {"cuda"}));
  file("", "empty.toml");
  EXPECT_TRUE(refused(run({"search", "empty.toml"}), 2, {"dataset.format"}));
  EXPECT_TRUE(refused(run({"search", "none.toml"}), 3, {"none.toml"}));
  EXPECT_TRUE(refused(run({"search", "."}), 3, {"'.'"}));
  file("[study\n", "bad.toml");
  EXPECT_TRUE(refused(run({"search", "bad.toml"}), 2, {"bad.toml line 1"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tiny.sqlite"));
}

TEST_F(CliTest, MissingAndTruncatedData) {
  file(R"([dataset]
format = "cifar10"
path = "cifar"
[model]
name = "resnet8"
[space.training.learning_rate]
low = 0.1
high = 0.2
)",
       "cifar.toml");
  EXPECT_TRUE(refused(run({"search", "cifar.toml"}), 3, {"cifar"}));
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
    test::write_text(folder_ / "cifar" / name, std::string(3073 * 10 - 1, '\1'));
  }
  EXPECT_TRUE(refused(run({"search", "cifar.toml"}), 3, {"data_batch_1.bin"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "studies"));
  EXPECT_TRUE(
      refused(run({"train", "cifar.toml", "--set", "dataset.path=" + std::string(300, 'x')}), 3,
              {"too long"}));
}

TEST_F(CliTest, StudiesThatAreNone) {
  test::write_text(folder_ / "text.sqlite", std::string(5000, 'x'));
  EXPECT_TRUE(refused(search({"--set", "study.store=text.sqlite"}), 6, {"not a study"}));
  EXPECT_TRUE(refused(run({"report", "text.sqlite"}), 6, {"not a study"}));
  EXPECT_TRUE(refused(run({"report", "none.sqlite"}), 6, {"no study 'none.sqlite'"}));
  EXPECT_TRUE(refused(run({"report", "."}), 6, {"no study '.'"}));
  EXPECT_TRUE(refused(search({"--set", "study.store=/proc/x.sqlite"}), 6, {"/proc/x.sqlite"}));
  EXPECT_TRUE(refused(search({"--set", "study.store=tiny.toml/x.sqlite"}), 6, {"tiny.toml"}));
}

TEST_F(CliTest, AnotherExperimentsStudyIsLeftAlone) {
  ASSERT_EQ(search({"--trials", "2"}).code, 0);
  const std::vector<study::Trial> before = trials();
  EXPECT_TRUE(refused(search({"--set", "space.model.width.high=2.0"}), 6, {"space"}));
  EXPECT_TRUE(refused(search({"--seed", "9"}), 6, {"seed", "'3'", "'9'"}));
  EXPECT_TRUE(refused(search({"--set", "training.momentum=0.5"}), 6, {"momentum"}));
  EXPECT_TRUE(refused(search({"--set", "constraints.rom=1 MB"}), 6, {"objective"}));
  EXPECT_TRUE(refused(search({"--set", "study.sampler=lhs"}), 6, {"sampler"}));
  expect_equal(before, trials());
}

TEST_F(CliTest, AReportThatCannotBeWrittenIsFoundOutBeforeTheSearch) {
  EXPECT_TRUE(refused(search({"--out", "tiny.toml"}), 3, {"tiny.toml", "--out"}));
  EXPECT_TRUE(refused(search({"--out", "/proc/none"}), 3, {"/proc/none"}));
  EXPECT_TRUE(trials().empty());
}

TEST_F(CliTest, NamesThatSqliteWouldTakeForSomethingElse) {
  ASSERT_EQ(search({"--trials", "1", "--set", "study.store=:memory:"}).code, 0);
  EXPECT_EQ(trials(":memory:").size(), 1u);
  ASSERT_EQ(search({"--trials", "1", "--set", "study.store=ä ö/日本?#%.sqlite", "--set",
                    "study.name=größe"})
                .code,
            0);
  EXPECT_EQ(trials("ä ö/日本?#%.sqlite").size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "ä ö" / "日本?#%" / "report.html"));
}

TEST_F(CliTest, AnExperimentInAnotherFolder) {
  file(test::tiny_experiment() + test::tiny_space(), "deep/er/tiny.toml");
  EXPECT_EQ(run({"search", "deep/er/tiny.toml", "--trials", "1"}).code, 0);
  EXPECT_EQ(trials("tiny.sqlite").size(), 1u);
}

TEST_F(CliTest, OutputThatCannotBeWritten) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  EXPECT_TRUE(refused(run({"info"}, "/dev/full"), 3, {"standard output"}));
  EXPECT_TRUE(refused(run({"--help"}, "/dev/full"), 3, {"standard output"}));
  EXPECT_TRUE(refused(run({"search", "tiny.toml", "--trials", "2"}, "/dev/full"), 3, {"left on"}));
  EXPECT_EQ(trials().size(), 2u);
}

}  // namespace
}  // namespace paretiny::cli

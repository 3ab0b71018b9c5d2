// What the program says: one line whatever it quotes, and what a reader can act on.
#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

/// Whether standard error is whole lines without control characters.
testing::AssertionResult is_plain(const Ended& ended) {
  for (const char c : ended.err) {
    if (static_cast<unsigned char>(c) < ' ' && c != '\n') {
      return testing::AssertionFailure() << "a control character in: " << ended.err;
    }
  }
  return testing::AssertionSuccess();
}

TEST_F(CliTest, WholeNumbersAreWrittenInDigits) {
  file("[objectives.loss]\n[space.x]\nlow = 0.0\nhigh = 1.0\n", "box.toml");
  const auto ask = [&](const std::string& option, const std::string& value) {
    std::filesystem::remove(folder_ / "box.sqlite");
    return run({"ask", "box.sqlite", "--space", "box.toml", option + "=" + value});
  };
  for (const char* value : {"-1", "1.5", "1e3", "0x10", " ", "one", "1_0", "18446744073709551616",
                            "9223372036854775808", "99999999999999999999", "1,0", "nan"}) {
    EXPECT_TRUE(refused(ask("--seed", value), 2, {"--seed", "whole number"})) << value;
    EXPECT_TRUE(refused(ask("--count", value), 2, {"--count", "whole number"})) << value;
    EXPECT_EQ(search({std::string("--seed=") + value}).code, 2) << value;
    EXPECT_EQ(search({std::string("--trials=") + value}).code, 2) << value;
    const Ended runs = run({"verify", "--model", "none", std::string("--runs=") + value});
    EXPECT_TRUE(refused(runs, 2, {"--runs", "whole number"})) << value;
    const Ended initial = run({"optimize", "--problem", "ZDT1", "--sampler", "random", "--trials",
                               "1", std::string("--initial=") + value});
    EXPECT_TRUE(refused(initial, 2, {"--initial", "whole number"})) << value;
  }
  EXPECT_TRUE(refused(ask("--count", "0"), 2, {"'0' is no whole number from 1 to 10000"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "box.sqlite"));
  EXPECT_EQ(ask("--seed", "010").code, 0);
  EXPECT_EQ(study::open_study(folder_ / "box.sqlite")->header().seed, 10u);
}

TEST_F(CliTest, APathMayNotBeEmpty) {
  file("[objectives.loss]\n[space.x]\nlow = 0.0\nhigh = 1.0\n", "box.toml");
  const Ended made = run({"ask", "", "--space", "box.toml"});
  EXPECT_EQ(made.code, 2);
  EXPECT_TRUE(test::says(made.err, {"the path of a study's file is empty"}));
  for (const char* command : {"ask", "report"}) {
    const Ended read = run({command, ""});
    EXPECT_NE(read.code, 0);
    EXPECT_TRUE(test::says(read.err, {"there is no study ''"}));
  }
}

TEST_F(CliTest, QuotedTextStaysOnOneLine) {
  const std::string nasty = "a\nb\x1B[2Jc\rd\x9B";
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"search", nasty},
           {"search", "tiny.toml", "--set", nasty},
           {"search", "tiny.toml", "--set", "study.sampler=" + nasty},
           {"search", "tiny.toml", "--set", nasty + "=1"},
           {"search", "tiny.toml", "--device", nasty},
           {"train", "tiny.toml", "--set", "dataset.samples=" + nasty},
           {"train", "tiny.toml", "--seed", nasty},
           {"report", nasty},
           {"ask", nasty},
           {"verify", "--model", nasty},
           {"optimize", "--problem", nasty, "--sampler", "random", "--trials", "1"},
           {"hypervolume", nasty, "--reference", "1"},
           {"hypervolume", "tiny.toml", "--reference", nasty},
           {nasty}}) {
    const Ended ended = run(words);
    EXPECT_TRUE(refused(ended, ended.code, {"paretiny: "})) << words[0];
    EXPECT_NE(ended.code, 0) << words[0];
    EXPECT_TRUE(is_plain(ended)) << words[0];
  }
}

TEST_F(CliTest, AnotherTaskIsNamedByWhatDiffers) {
  const std::string without = test::tiny_experiment() + test::tiny_space();
  std::string with = without;
  with.replace(with.find("validation = 0.2\n"), 17, "seed = 5\nvalidation = 0.2\n");
  file(with, "other.toml");
  ASSERT_EQ(search({"--trials", "1"}).code, 0);
  const Ended added = run({"search", "other.toml"});
  EXPECT_TRUE(refused(added, 6, {"the task has 'dataset.seed = 5' now and not in the study"}));
  EXPECT_TRUE(
      refused(search({"--set", "dataset.validation=0.5"}), 6,
              {"'dataset.validation = 0.2' in the study", "'dataset.validation = 0.5' now"}));
}

TEST_F(CliTest, TrainNamesTheLimitsThatItBreaks) {
  const auto train = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"train", "tiny.toml"});
    return run(more);
  };
  const Ended broken = train({"--set", "constraints.rom=1 KB", "--set", "constraints.ram=1 KiB",
                              "--set", "constraints.accuracy=99.99 %"});
  EXPECT_EQ(broken.code, 0) << broken.err;
  EXPECT_TRUE(says(broken.out, {"limit     rom ", " KB is above the limit of 1 KB\n",
                                "limit     ram ", " KiB is above the limit of 1 KiB\n",
                                "limit     accuracy ", "% is below the limit of 99.99 %\n"}));
  EXPECT_LT(broken.out.find("limit     rom "), broken.out.find("epoch "));
  const Ended kept = train({"--set", "constraints.rom=1 MB"});
  EXPECT_EQ(kept.out.find("limit "), std::string::npos);
}

TEST_F(CliTest, WhatIsOddAboutADataSetIsNoted) {
  const Ended ended =
      run({"train", "tiny.toml", "--set", "dataset.limit=4", "--set", "training.batch=2"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(says(ended.err, {"note: classes ", "have no training samples"}));
  EXPECT_TRUE(says(ended.out, {"64 steps of 6 channels, 6 classes"}));
  EXPECT_TRUE(is_plain(ended));
}

}  // namespace
}  // namespace paretiny::cli

#include <gtest/gtest.h>

#include "tests/nas/cli/program.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::cli {
namespace {

using test::Ended;
using test::Program;

class OptimizeCliTest : public test::FolderTest {
 protected:
  Ended optimize(std::vector<std::string> more) {
    more.insert(more.begin(), "optimize");
    return test::run(folder_, more);
  }
  /// Lines of a file that begin with `start`.
  int lines(const std::string& name, const std::string& start) {
    std::ifstream file(folder_ / name);
    int count = 0;
    for (std::string line; std::getline(file, line);) count += line.starts_with(start) ? 1 : 0;
    return count;
  }
};

TEST_F(OptimizeCliTest, RunsAndAddsToWhatIsThere) {
  const Ended first =
      optimize({"--problem", "BraninCurrin", "--sampler", "random,sobol", "--trials", "12",
                "--seeds", "1..3", "--initial", "5", "--out", "r"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.out.find("BraninCurrin after 12 trials; known maximum 59.4037"),
            std::string::npos);
  EXPECT_EQ(lines("r/BraninCurrin.csv", "BraninCurrin,random,"), 36);
  EXPECT_EQ(lines("r/BraninCurrin.csv", "BraninCurrin,sobol,"), 36);
  EXPECT_EQ(lines("r/BraninCurrin.svg", "<polyline"), 4);
  EXPECT_EQ(lines("r/BraninCurrin-places.svg", "<circle"), 24);
  const Ended second = optimize({"--problem", "BraninCurrin", "--sampler", "lhs,random", "--trials",
                                 "12", "--seeds", "3..4", "--out", "r"});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(lines("r/BraninCurrin.csv", "BraninCurrin,random,"), 48) << "seed 3 is there";
  EXPECT_TRUE(test::says(second.err, {"1/3 "})) << "and not run again: " << second.err;
  EXPECT_EQ(lines("r/BraninCurrin.csv", "BraninCurrin,lhs,"), 24);
  EXPECT_NE(second.out.find("sobol"), std::string::npos);
}

TEST_F(OptimizeCliTest, SummarisesSeveralProblemsAndGoesOn) {
  const std::vector<std::string> words{"--problem", "GearTrain",  "--problem", "OilSorbent",
                                       "--sampler", "random,lhs", "--trials",  "16",
                                       "--out",     "r",          "--seeds"};
  const auto with = [&](const char* seeds) {
    std::vector<std::string> all = words;
    all.emplace_back(seeds);
    return optimize(all);
  };
  const Ended first = with("0..1");
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_TRUE(test::says(first.out, {"GearTrain after 16", "OilSorbent after 16",
                                     "2 problems, 2 seeds", "rank after 4 |", "rank after 16 |"}));
  EXPECT_TRUE(test::says(first.err, {"8/8 "}));
  for (const char* name : {"r/collection.md", "r/collection.csv", "r/collection.svg"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / name)) << name;
  }
  const Ended second = with("0..2");
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_TRUE(test::says(second.err, {"4/4 "})) << "what is there is not run again";
  EXPECT_EQ(lines("r/GearTrain.csv", "GearTrain,lhs,"), 48);
}

TEST_F(OptimizeCliTest, NamesFilesAfterTheProblem) {
  const Ended ended = optimize(
      {"--problem", "DTLZ2:m=3,d=4", "--sampler", "lhs", "--trials", "3", "--out", "deep/er"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(lines("deep/er/DTLZ2-d4-m3.csv", "\"DTLZ2:d=4,m=3\",lhs,1,"), 3);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "deep/er/DTLZ2-d4-m3.svg"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "deep/er/DTLZ2-d4-m3-places.svg"));
}

TEST_F(OptimizeCliTest, StopsCleanly) {
  Program program(folder_, {"optimize", "--problem", "DTLZ2", "--sampler", "sobol", "--trials",
                            "1500", "--seeds", "1..500", "--out", "r"});
  while (program.err_so_far().find("1/500") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  program.send(SIGINT);
  const Ended ended = program.wait();
  EXPECT_EQ(ended.code, 130) << ended.err;
  EXPECT_NE(ended.err.find("those are kept"), std::string::npos) << ended.err;
  const int rows = lines("r/DTLZ2-d11-m2.csv", "\"DTLZ2:d=11,m=2\",sobol,");
  EXPECT_GT(rows, 0);
  EXPECT_EQ(rows % 1500, 0) << "whole runs only";
}

TEST_F(OptimizeCliTest, RefusesInOneSentence) {
  const std::vector<std::string> good{"--problem", "OSY", "--sampler", "lhs", "--trials", "3"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = good;
    all.insert(all.end(), more.begin(), more.end());
    return optimize(all);
  };
  EXPECT_EQ(with({}).code, 0);
  EXPECT_EQ(with({"--seeds", "3..1"}).code, 2);
  EXPECT_EQ(with({"--seeds", "a"}).code, 2);
  EXPECT_EQ(with({"--option", "k"}).code, 2);
  EXPECT_EQ(with({"--option", "k=1"}).code, 2) << "lhs takes none";
  EXPECT_EQ(with({"--device", "tpu"}).code, 2);
  const Ended unknown = optimize({"--problem", "OSZ", "--sampler", "lhs", "--trials", "3"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_TRUE(test::says(unknown.err, {"there is no problem 'OSZ'", "'OSY'"}));
  EXPECT_EQ(optimize({"--problem", "OSY", "--sampler", "lsh", "--trials", "3"}).code, 2);
  std::ofstream(folder_ / "OSY.csv") << "something else\n";
  const Ended foreign = with({"--out", "."});
  EXPECT_EQ(foreign.code, 3);
  EXPECT_TRUE(test::says(foreign.err, {"OSY.csv line 1", "no results of OSY"}));
}

}  // namespace
}  // namespace paretiny::cli

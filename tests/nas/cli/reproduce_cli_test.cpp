// The paper's comparison as a user runs it: left, killed, gone on with, drawn.
#include <random>

#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using test::Ended;
using test::Program;
using test::refused;
using test::says;

class ReproduceCliTest : public test::FolderTest {
 protected:
  static std::vector<std::string> words(const std::string& out, const std::string& trials,
                                        std::vector<std::string> more = {}) {
    std::vector<std::string> all{"reproduce",  "synthetic2d", "--budget", "cpu",
                                 "--samplers", "ars,random",  "--seeds",  "3..4",
                                 "--trials",   trials,        "--out",    out};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Ended run(const std::vector<std::string>& arguments) { return test::run(folder_, arguments); }

  void expect_same_runs(const std::string& a, const std::string& b) {
    for (const char* name : {"ars-3", "ars-4", "random-3", "random-4"}) {
      SCOPED_TRACE(name);
      const auto at = [&](const std::string& out) {
        return study::open_study(folder_ / out / "studies" / (std::string(name) + ".sqlite"));
      };
      test::expect_equal(at(a)->trials(), at(b)->trials());
    }
  }
};

TEST_F(ReproduceCliTest, OneCommandOneFolderAndAReport) {
  const Ended ended = run(words("r", "8"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(says(ended.out, {"after 8 trials", "ars", "random", "best", "r/report.html"}));
  for (const char* name : {"comparison.json", "curves.csv", "runs.csv", "curves.svg", "fronts.svg",
                           "report.html", "studies/ars-3.sqlite", "studies/random-4.sqlite"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "r" / name)) << name;
  }
  // Seed by seed, sampler by sampler.
  EXPECT_LT(ended.err.find("2/4 random seed 3"), ended.err.find("3/4 ars seed 4"));
  // What is finished is only drawn.
  std::filesystem::remove(folder_ / "r" / "report.html");
  const Ended again = run(words("r", "8"));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, ended.out);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "r" / "report.html"));
  // The folder knows its budget and trials; samplers and seeds add to what is there.
  const Ended more =
      run({"reproduce", "synthetic2d", "--samplers", "lhs", "--seeds", "3", "--out", "r"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_TRUE(says(more.out, {"after 8 trials", "lhs", "ars"}));
}

TEST_F(ReproduceCliTest, KilledAtAnyMomentItEndsAsOneThatWasNot) {
  ASSERT_EQ(run(words("whole", "20")).code, 0);
  std::mt19937 random(20);
  bool done = false;
  for (int kills = 0; !done; ++kills) {
    ASSERT_LT(kills, 200);
    Program program(folder_, words("torn", "20", {"--jobs", "2"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 400 + 10 * kills));
    const Ended ended = kills % 3 == 0 ? program.end(SIGINT) : program.end(SIGKILL);
    if (ended.code == 130) {
      EXPECT_TRUE(refused(ended, 130, {""}));
    } else {
      ASSERT_TRUE(ended.code == 0 || ended.code == -SIGKILL) << ended.code << ended.err;
    }
    done = ended.code == 0;
  }
  expect_same_runs("whole", "torn");
}

TEST_F(ReproduceCliTest, OneProcessAtATimeButItCanBeDrawn) {
  Program program(folder_, words("r", "4000"));
  const auto begun = folder_ / "r" / "studies" / "ars-3.sqlite";
  for (int i = 0; i < 1000 && !std::filesystem::exists(begun); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(refused(run(words("r", "4000")), 2, {"another process", "r"}));
  const Ended drawn = run({"reproduce", "synthetic2d", "--draw", "--out", "r"});
  EXPECT_EQ(drawn.code, 0) << drawn.err;
  EXPECT_TRUE(says(drawn.out, {"no run is complete yet", "report.html"}));
  EXPECT_TRUE(refused(program.end(SIGINT), 130, {"stopped after 0 of 4 runs", "goes on"}));
}

TEST_F(ReproduceCliTest, RefusesWhatItCannotDo) {
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), "reproduce");
    return run(more);
  };
  EXPECT_TRUE(refused(with({"cifar", "--out", "r"}), 2, {"'cifar'", "cifar10"}));
  EXPECT_TRUE(refused(with({"daliac", "--budget", "cheap", "--out", "r"}), 2, {"'cheap'", "cpu"}));
  EXPECT_TRUE(refused(with({"daliac", "--samplers", "ars,arz", "--out", "r"}), 2,
                      {"--samplers", "'arz'", "ars"}));
  EXPECT_TRUE(refused(with({"daliac", "--seeds", "4..1", "--out", "r"}), 2, {"--seeds 4..1"}));
  EXPECT_TRUE(refused(with({"daliac", "--seeds", "x", "--out", "r"}), 2, {"--seeds x"}));
  EXPECT_TRUE(refused(with({"daliac", "--trials", "0", "--out", "r"}), 2, {"--trials"}));
  EXPECT_TRUE(refused(with({"daliac", "--jobs", "0", "--out", "r"}), 2, {"--jobs"}));
  EXPECT_TRUE(refused(with({"daliac", "--device", "tpu", "--out", "r"}), 2, {"tpu"}));
  EXPECT_TRUE(refused(with({"daliac", "--out", ""}), 2, {"--out"}));
  EXPECT_TRUE(refused(with({"daliac"}), 2, {"--out"}));
  EXPECT_TRUE(refused(with({"daliac", "--out", "r"}), 3, {"dataset_1.txt", "get_data", "--data"}));
  EXPECT_TRUE(refused(with({"cifar10", "--data", "there", "--out", "r"}), 3,
                      {"data_batch_1.bin", "'there'", "get_data cifar10"}));
  EXPECT_TRUE(refused(with({"daliac", "--draw", "--out", "r"}), 2, {"no comparison of daliac"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "r"));
}

TEST_F(ReproduceCliTest, RefusesAFolderOfSomethingElse) {
  ASSERT_EQ(run(words("r", "8")).code, 0);
  EXPECT_TRUE(refused(run({"reproduce", "synthetic2d", "--budget", "paper", "--out", "r"}), 2,
                      {"synthetic2d --budget cpu", "name another folder"}));
  EXPECT_TRUE(refused(run({"reproduce", "daliac", "--draw", "--out", "r"}), 2,
                      {"no comparison of daliac"}));
  EXPECT_TRUE(refused(run(words("r", "7")), 2, {"8 trials", "not lower"}));
  test::write_text(folder_ / "photos" / "cat.jpg", "");
  EXPECT_TRUE(refused(run(words("photos", "8")), 2, {"photos", "something else"}));
  EXPECT_TRUE(refused(run(words("r/report.html", "8")), 2, {"something else"}));
  // A study that was changed or put there by hand is said, not drawn over.
  std::filesystem::copy_file(folder_ / "r/studies/ars-3.sqlite",
                             folder_ / "r/studies/lhs-3.sqlite");
  EXPECT_TRUE(
      refused(run({"reproduce", "synthetic2d", "--samplers", "lhs", "--seeds", "3", "--out", "r"}),
              6, {"lhs-3.sqlite", "sampler"}));
  std::filesystem::remove(folder_ / "r/studies/lhs-3.sqlite");
  test::write_text(folder_ / "r/studies/ars-3.sqlite",
                   "no study at all, but long enough to be one");
  EXPECT_TRUE(refused(run(words("r", "8")), 6, {"ars-3.sqlite"}));
}

}  // namespace
}  // namespace paretiny::cli

// export, verify and the end of a search, as a user runs them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "base/command.h"
#include "nas/study/study.h"
#include "tests/nas/cli/program.h"
#include "tests/nas/search/experiments.h"

namespace paretiny::cli {
namespace {

using test::Ended;
using test::says;

class DeployCliTest : public test::FolderTest {
 protected:
  DeployCliTest() { file(test::tiny_experiment() + test::tiny_space()); }

  Ended run(const std::vector<std::string>& arguments) { return test::run(folder_, arguments); }
  Ended run_with_path(const std::string& path, const std::vector<std::string>& arguments) {
    const std::string before = std::getenv("PATH");
    setenv("PATH", path.c_str(), 1);
    const Ended ended = run(arguments);
    setenv("PATH", before.c_str(), 1);
    return ended;
  }
  /// The same where no other program is found.
  Ended run_without_tools(const std::vector<std::string>& arguments) {
    return run_with_path(folder_.string(), arguments);
  }
  void train() {
    const Ended ended = run({"train", "tiny.toml", "--save", "tiny.model"});
    ASSERT_EQ(ended.code, 0) << ended.err;
  }
  Ended search(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"search", "tiny.toml", "--trials", "4"});
    return run(more);
  }
  std::set<std::string> names(const std::string& folder) {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / folder)) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }
};

/// A run that must end with `code` and name all of `parts` on standard error.
testing::AssertionResult refused(const Ended& ended, int code,
                                 const std::vector<std::string>& parts) {
  if (ended.code != code) {
    return testing::AssertionFailure() << "exit code " << ended.code << ": " << ended.err;
  }
  return says(ended.err, parts);
}

bool has_tools() {
  return has_command("arm-none-eabi-gcc") && has_command("qemu-system-arm");
}

TEST_F(DeployCliTest, AnExportPassesItsOwnTest) {
  train();
  const Ended ended = run({"export", "--model", "tiny.model", "--out", "c", "--runs", "150"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(says(ended.out, {"planned", "linked", "ROM", "RAM", "tiny.model",
                               "checked  150 runs of the code on this machine"}));
  const CommandResult built = run_command(
      {"sh", "-c",
       PARETINY_CC " -std=c99 -Wall -Wextra -Werror -I . *.c test/*.c -o host_test && ./host_test"},
      folder_ / "c", "the C compiler");
  EXPECT_EQ(built.code, 0) << built.output;
  EXPECT_TRUE(says(built.output, {"150 runs"}));
}

/// A C compiler that makes, of an export's test, a program of its own.
void compiler(const std::filesystem::path& folder, const std::string& program) {
  const std::filesystem::path file = folder / "bin" / "cc";
  test::write_text(file, "#!/bin/sh\n" + program);
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
}

TEST_F(DeployCliTest, AnExportThatFailsItsOwnTestIsNone) {
  train();
  const auto exported = [&] {
    return run_with_path((folder_ / "bin").string() + ":" + std::getenv("PATH"),
                         {"export", "--model", "tiny.model", "--out", "c", "--runs", "2"});
  };
  compiler(folder_,
           "printf '#!/bin/sh\\necho 2 runs, 3 differing bytes\\nexit 1\\n' > host_test\n"
           "chmod +x host_test\n");
  EXPECT_TRUE(refused(exported(), 1, {"gives other bytes", "2 runs, 3 differing bytes", "'cc'"}));
  // A fault of the code is one where the compiler takes other code.
  compiler(folder_,
           "case \"$*\" in *any.c*) exit 0 ;; esac\n"
           "echo \"In file x\"\necho \"model.c:7: error: what is this\" >&2\nexit 1\n");
  EXPECT_TRUE(refused(exported(), 1, {"does not compile", "model.c:7: error: what is this"}));
  for (const std::string& name : names("")) EXPECT_FALSE(name.starts_with("c")) << name;

  compiler(folder_, "echo broken\nexit 1\n");
  const Ended unchecked = exported();
  EXPECT_EQ(unchecked.code, 0) << unchecked.err;
  EXPECT_TRUE(says(unchecked.out, {"not on this machine", "cc, ended with code 1"}));
  EXPECT_EQ(names("c").count("check"), 0u);
}

TEST_F(DeployCliTest, TestSamplesInPlaceOfRandomInputs) {
  train();
  const auto runs_of = [&](const std::string& folder, std::vector<std::string> more) {
    more.insert(more.begin(), {"export", "--model", "tiny.model", "--out", folder, "--runs", "9"});
    const Ended ended = run(more);
    EXPECT_EQ(ended.code, 0) << ended.err;
    std::ifstream file(folder_ / folder / "test" / "runs.h", std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  const std::string samples = runs_of("samples", {"--data", "tiny.toml"});
  EXPECT_EQ(samples, runs_of("again", {"--data", "tiny.toml"}));
  EXPECT_NE(samples, runs_of("random", {}));
  const CommandResult built = run_command(
      {"sh", "-c", PARETINY_CC " -std=c99 -I . *.c test/*.c -o host_test && ./host_test"},
      folder_ / "samples", "the C compiler");
  EXPECT_TRUE(says(built.output, {"9 runs, 0 differing"}));
  EXPECT_TRUE(refused(run({"export", "--model", "tiny.model", "--out", "c", "--data", "tiny.toml",
                           "--runs", "9000"}),
                      2, {"9000 runs", "samples"}));
  test::write_text(folder_ / "other.toml",
                   "[dataset]\nformat = \"synthetic\"\nlength = 96\n[model]\nname = \"ds_cnn\"\n");
  EXPECT_TRUE(
      refused(run({"export", "--model", "tiny.model", "--out", "c", "--data", "other.toml"}), 2,
              {"a sample is 1x96x6", "takes 1x64x6"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "c"));
  if (!has_tools()) return;
  const Ended verified =
      run({"verify", "--model", "tiny.model", "--runs", "5", "--data", "tiny.toml"});
  ASSERT_EQ(verified.code, 0) << verified.err;
  EXPECT_TRUE(says(verified.out, {"tiny.model"}));
}

TEST_F(DeployCliTest, AFolderInUseIsLeftAlone) {
  train();
  test::write_text(folder_ / "c" / "mine.txt", "mine");
  EXPECT_TRUE(
      refused(run({"export", "--model", "tiny.model", "--out", "c"}), 2, {"'c'", "not empty"}));
  EXPECT_EQ(names("c"), std::set<std::string>{"mine.txt"});
  EXPECT_EQ(names("").count("c.part"), 0u);
}

TEST_F(DeployCliTest, TooLargeForTheBoard) {
  train();
  test::write_text(folder_ / "boards.toml",
                   "[no_flash]\nboard = \"A\"\ncore = \"cortex-m4\"\nflash = \"100 B\"\n"
                   "[no_ram]\nboard = \"B\"\ncore = \"cortex-m4\"\nram = \"100 B\"\n");
  const auto to = [&](const std::string& target) {
    return run({"export", "--model", "tiny.model", "--out", "c", "--targets", "boards.toml",
                "--target", target});
  };
  EXPECT_TRUE(refused(to("no_flash"), 2, {"flash", "A has 100 B", "too much"}));
  EXPECT_TRUE(refused(to("no_ram"), 2, {"RAM", "B has 100 B", "too much"}));
  EXPECT_TRUE(refused(to("no_rom"), 2, {"'no_rom' is no target", "did you mean 'no_ram'"}));
  EXPECT_TRUE(refused(run({"verify", "--model", "tiny.model", "--target", "cortex-m44"}), 2,
                      {"'cortex-m44'", "did you mean 'cortex-m4'"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "c"));
}

TEST_F(DeployCliTest, AStudyAloneGivesTheMostAccurateOfItsFront) {
  ASSERT_EQ(search().code, 0);
  const Ended ended = run({"export", "tiny.sqlite", "--format", "tflite", "--out", "best.tflite"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  double least = 1;
  double exported = 2;
  const auto study = study::open_study(folder_ / "tiny.sqlite");
  for (const study::Trial& trial : study->trials()) {
    if (trial.state != study::TrialState::done) continue;
    least = std::min(least, trial.objectives[0]);
    if (says(ended.out, {"trial " + std::to_string(trial.number) + ":"})) {
      exported = trial.objectives[0];
    }
  }
  EXPECT_EQ(exported, least) << ended.out;
}

TEST_F(DeployCliTest, CorruptModels) {
  train();
  std::ifstream whole(folder_ / "tiny.model", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(whole), {}};
  std::string flipped = bytes;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  for (const std::string& text : {std::string("x"), bytes.substr(0, bytes.size() / 2), flipped}) {
    test::write_text(folder_ / "bad.model", text);
    EXPECT_TRUE(refused(run({"export", "--model", "bad.model", "--out", "c"}), 3, {"bad.model"}));
  }
  EXPECT_TRUE(refused(run({"verify", "--model", "none.model"}), 3, {"none.model"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "c"));
}

TEST_F(DeployCliTest, NamesOneModel) {
  ASSERT_EQ(search({"--set", "constraints.rom=1 B"}).code, 0);
  const auto exported = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"export", "--out", "c"});
    return run(more);
  };
  EXPECT_TRUE(refused(exported({}), 2, {"--trial N", "--model FILE"}));
  EXPECT_TRUE(refused(exported({"tiny.sqlite", "--model", "m"}), 2, {"either"}));
  EXPECT_TRUE(refused(exported({"--model", "m", "--trial", "1"}), 2, {"--trial belongs"}));
  EXPECT_TRUE(refused(exported({"tiny.sqlite"}), 2, {"inside the limits", "--trial N"}));
  EXPECT_TRUE(refused(exported({"tiny.sqlite", "--trial", "4"}), 2, {"no trial 4", "4 trials"}));
  EXPECT_TRUE(refused(exported({"tiny.sqlite", "--trial", "-1"}), 2, {"no trial -1"}));
  // Above its limit it was not trained.
  EXPECT_TRUE(refused(exported({"tiny.sqlite", "--trial", "0"}), 2, {"no model", "infeasible"}));
  EXPECT_TRUE(refused(run({"verify"}), 2, {"--model FILE"}));
  EXPECT_TRUE(refused(run({"verify", "tiny.sqlite"}), 2, {"inside the limits"}));
  EXPECT_TRUE(refused(run({"verify", "tiny.sqlite", "--model", "m"}), 2, {"either"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "c"));
}

TEST_F(DeployCliTest, WithoutTheToolsTheRestWorks) {
  train();
  EXPECT_TRUE(refused(run_without_tools({"verify", "--model", "tiny.model"}), 7,
                      {"arm-none-eabi-gcc", "gcc-arm-none-eabi"}));
  const Ended exported = run_without_tools({"export", "--model", "tiny.model", "--out", "c"});
  EXPECT_EQ(exported.code, 0) << exported.err;
  EXPECT_TRUE(says(exported.out, {"not measured", "gcc-arm-none-eabi", "instructions on a cor",
                                  "checked  not on this machine: there is no C compiler"}));
  const Ended searched = run_without_tools(
      {"search", "tiny.toml", "--trials", "4", "--set", "study.verify=cortex-m4"});
  EXPECT_EQ(searched.code, 0) << searched.err;
  EXPECT_TRUE(says(searched.err, {"front is not verified", "gcc-arm-none-eabi"}));
  EXPECT_TRUE(says(searched.out, {"report.html"}));
}

TEST_F(DeployCliTest, ASearchVerifiesItsFront) {
  if (!has_tools()) GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
  const Ended ended = search({"--set", "study.verify=nano33ble", "--set", "constraints.rom=1 MB"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(says(ended.out, {"trial ", "counted", "differing", "report.html"}));
  const Ended verified = run({"verify", "tiny.sqlite", "--target", "m4"});
  ASSERT_EQ(verified.code, 0) << verified.err;
  EXPECT_EQ(ended.out.substr(0, verified.out.size()), verified.out);
  const Ended one = run({"verify", "tiny.sqlite", "--trial", "0", "--runs", "2", "--steps"});
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_TRUE(says(one.out, {"trial 0", "classifier"}));
  const Ended pico =
      run({"verify", "tiny.sqlite", "--trial", "0", "--runs", "101", "--target", "pico"});
  ASSERT_EQ(pico.code, 0) << pico.err;
  EXPECT_TRUE(says(pico.out, {"trial 0", " 101 "}));  // more than one start of the emulator makes
}

TEST_F(DeployCliTest, AByteThatDiffersIsAnError) {
  if (!has_tools()) GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
  const std::filesystem::path emulator = folder_ / "bin" / "qemu-system-arm";
  test::write_text(emulator, "#!/bin/sh\necho 'stack 8 step 9 runs 10 differing 3'\nexit 1\n");
  std::filesystem::permissions(emulator, std::filesystem::perms::owner_all);
  const Ended ended =
      run_with_path((folder_ / "bin").string() + ":" + std::getenv("PATH"),
                    {"search", "tiny.toml", "--trials", "3", "--set", "study.verify=m4"});
  EXPECT_TRUE(refused(ended, 1, {"output bytes differ"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tiny" / "report.html"));
}

TEST_F(DeployCliTest, ModelsArePrintedInTheirOrder) {
  if (!has_tools()) GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
  ASSERT_EQ(search({"--set", "constraints.rom=1 MB"}).code, 0);
  const Ended expected = run({"verify", "tiny.sqlite", "--runs", "1"});
  ASSERT_EQ(expected.code, 0) << expected.err;
  // Whoever comes first is held up until the others have passed.
  test::write_text(folder_ / "bin" / "qemu-system-arm",
                   "#!/bin/sh\nmkdir " + (folder_ / "first").string() +
                       " 2> /dev/null && sleep 2\nPATH=" + std::getenv("PATH") +
                       "\nexec qemu-system-arm \"$@\"\n");
  std::filesystem::permissions(folder_ / "bin" / "qemu-system-arm",
                               std::filesystem::perms::owner_all);
  const Ended held = run_with_path((folder_ / "bin").string() + ":" + std::getenv("PATH"),
                                   {"verify", "tiny.sqlite", "--runs", "1"});
  EXPECT_EQ(held.out, expected.out);
  EXPECT_GT(std::count(held.out.begin(), held.out.end(), '\n'), 2);
}

TEST_F(DeployCliTest, TheTargetIsCheckedBeforeTheSearch) {
  EXPECT_TRUE(refused(search({"--set", "study.verify=cortex-n4"}), 2,
                      {"study.verify", "did you mean 'cortex-m4'"}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tiny.sqlite"));
}

TEST_F(DeployCliTest, VerificationIsInterrupted) {
  if (!has_tools()) GTEST_SKIP() << "no arm-none-eabi-gcc or qemu-system-arm here";
  train();
  test::Program program(folder_, {"verify", "--model", "tiny.model", "--runs", "100000"});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_TRUE(refused(program.end(SIGINT), 130, {"interrupted"}));
}

TEST_F(DeployCliTest, AnInterruptedExportLeavesNothing) {
  train();
  const std::filesystem::path begun = folder_ / "begun";
  test::write_text(folder_ / "bin" / "cc",
                   "#!/bin/sh\ntouch '" + begun.string() + "'\nexec sleep 60\n");
  std::filesystem::permissions(folder_ / "bin" / "cc", std::filesystem::perms::owner_all);
  for (const int signal : {SIGINT, SIGTERM}) {
    test::Program program(folder_, {"export", "--model", "tiny.model", "--out", "c"}, "", [&] {
      setenv("PATH", ((folder_ / "bin").string() + ":/usr/bin:/bin").c_str(), 1);
    });
    for (int i = 0; i < 6000 && !std::filesystem::exists(begun); ++i) usleep(10000);
    EXPECT_TRUE(refused(program.end(signal), 130, {"interrupted"}));
    EXPECT_TRUE(std::filesystem::remove(begun));
    for (const std::string& name : names("")) EXPECT_FALSE(name.starts_with("c")) << name;
  }
}

TEST_F(DeployCliTest, InstructionsAreAFifthObjective) {
  // The last two are the sampler's own.
  const Ended ended =
      run({"search", "tiny.toml", "--trials", "6", "--set", "study.instructions=true", "--set",
           "sampler.policies=2", "--set", "sampler.steps=3"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto study = study::open_study(folder_ / "tiny.sqlite");
  ASSERT_EQ(study->header().objectives.size(), 5u);
  EXPECT_EQ(study->header().objectives[4].name, "instructions");
  for (const study::Trial& trial : study->trials()) {
    ASSERT_EQ(trial.objectives.size(), 5u);
    EXPECT_GT(trial.objectives[4], 0);
    EXPECT_EQ(trial.objectives[4], trial.metrics.at("instructions"));
  }
  std::ifstream front(folder_ / "tiny" / "front.csv");
  std::string heading;
  std::getline(front, heading);
  EXPECT_TRUE(says(heading, {"number,error,rom,ram,flops,instructions"}));
  const Ended limited =
      search({"--set", "study.store=limited.sqlite", "--set", "constraints.instructions=1 k"});
  ASSERT_EQ(limited.code, 0) << limited.err;
  EXPECT_TRUE(says(limited.err, {"instructions", "is above the limit of 1 k"}));
}

}  // namespace
}  // namespace paretiny::cli

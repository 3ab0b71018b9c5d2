// Searches that are cut short, shared or out of space: nothing is lost.
#include <set>

#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

TEST_F(CliTest, AReaderThatGoesAwayEndsNoSearch) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (chdir(folder_.c_str()) != 0) _exit(125);
    execl(PARETINY_BIN "/paretiny", "paretiny", "search", "tiny.toml", "--trials", "3", nullptr);
    _exit(126);
  }
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(trials().size(), 3u);
  EXPECT_EQ(trials().back().attempts, 1);
}

TEST_F(CliTest, KilledAtAnyMomentItGoesOnAsIfNothingHadHappened) {
  const std::vector<std::string> command = {"--trials", "8",
                                            "--set",    "dataset.samples=1000",
                                            "--set",    "sampler.policies=2",
                                            "--set",    "sampler.steps=3",
                                            "--set",    "study.checkpoint=0"};
  std::vector<std::string> whole = command;
  whole.insert(whole.end(), {"--set", "study.store=whole.sqlite"});
  const auto started = std::chrono::steady_clock::now();
  ASSERT_EQ(search(whole).code, 0);
  const auto took = std::chrono::steady_clock::now() - started;

  int killed = 0;
  for (int i = 0; i < 6; ++i) {
    std::vector<std::string> words = {"search", "tiny.toml"};
    words.insert(words.end(), command.begin(), command.end());
    Program program(folder_, words);
    std::this_thread::sleep_for(took * (3 + 5 * ((i * 7) % 6)) / 100);
    killed += program.end(SIGKILL).code == -SIGKILL ? 1 : 0;
  }
  EXPECT_GE(killed, 3);
  const Ended last = search(command);
  ASSERT_EQ(last.code, 0) << last.err;
  expect_equal(trials("whole.sqlite"), trials());
}

TEST_F(CliTest, InterruptedItSaysHowToGoOnAndLosesNothing) {
  const std::vector<std::string> command = {"search",   "tiny.toml",
                                            "--set",    "study.store=i.sqlite",
                                            "--trials", "2",
                                            "--set",    "training.epochs=60",
                                            "--set",    "dataset.samples=1000",
                                            "--set",    "constraints.rom=1 MB"};
  for (const int signal : {SIGINT, SIGTERM}) {
    Program program(folder_, command);
    ASSERT_TRUE(wait_for_work("i.sqlite"));
    EXPECT_TRUE(refused(program.end(signal), 130, {"of 2 trials", "the same command goes on"}));
    for (const study::Trial& trial : trials("i.sqlite"))
      EXPECT_NE(trial.state, study::TrialState::running);
  }
  ASSERT_EQ(run(command).code, 0);
  std::vector<std::string> whole = command;
  whole[3] = "study.store=whole.sqlite";
  ASSERT_EQ(run(whole).code, 0);
  expect_equal(trials("whole.sqlite"), trials("i.sqlite"));
  for (const study::Trial& trial : trials("i.sqlite")) EXPECT_LE(trial.attempts, 1);
}

TEST_F(CliTest, TrainIsInterruptedToo) {
  Program program(folder_, {"train", "tiny.toml", "--set", "training.epochs=100000"});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_TRUE(refused(program.end(SIGINT), 130, {"interrupted"}));
}

TEST_F(CliTest, TwoProcessesShareAStudy) {
  const std::vector<std::string> command = {"search", "tiny.toml", "--trials",
                                            "12",     "--set",     "dataset.samples=1500"};
  Program first(folder_, command);
  Program second(folder_, command);
  const Ended a = first.wait();
  const Ended b = second.wait();
  EXPECT_EQ(a.code, 0) << a.err;
  EXPECT_EQ(b.code, 0) << b.err;
  std::set<std::uint64_t> architectures;
  std::set<std::string> owners;
  const std::vector<study::Trial> all = trials();
  ASSERT_EQ(all.size(), 12u);
  for (const study::Trial& trial : all) {
    EXPECT_TRUE(trial.state == study::TrialState::done ||
                trial.state == study::TrialState::infeasible);
    EXPECT_EQ(trial.attempts, 1);
    EXPECT_TRUE(architectures.insert(trial.architecture).second) << "trial " << trial.number;
    owners.insert(trial.owner);
  }
  EXPECT_EQ(owners.size(), 2u) << "both should have worked";
}

/// As numpy.save writes a one-byte type.
std::string npy_of_bytes(const std::string& shape, const std::string& bytes) {
  std::string text = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + shape + "), }";
  text.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + text + "\n" + bytes;
}

TEST_F(CliTest, ADataSetThatHasChangedIsNotGoneOnWith) {
  std::string samples(60 * 64 * 4, '\0');
  std::string labels(60, '\0');
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<char>(i * i / 7 % 97);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<char>(i % 3);
  const auto write = [&](const std::string& shape) {
    write_text(folder_ / "set" / "x.npy", npy_of_bytes(shape, samples));
    write_text(folder_ / "set" / "y.npy", npy_of_bytes("60,", labels));
  };
  const std::vector<std::string> command = {
      "--trials", "1",
      "--set",    "dataset={format = \"npy\", path = \"set\", test = 0.2}",
      "--set",    "training.batch=8"};
  const auto refused_for = [&](const std::vector<std::string>& parts) {
    const Ended ended = search(command);
    EXPECT_TRUE(refused(ended, 6, {"tiny.sqlite", "the data set is "}));
    EXPECT_TRUE(refused(ended, 6, parts));
  };
  write("60, 1, 64, 4");
  ASSERT_EQ(search(command).code, 0);
  ASSERT_EQ(search(command).code, 0);
  samples[1000] ^= 1;
  write("60, 1, 64, 4");
  refused_for({"samples of 1x64x4 u8, content"});
  samples[1000] ^= 1;
  write("60, 1, 32, 8");
  refused_for({"of 1x64x4 u8", "of 1x32x8 u8"});
  labels[3] = 1;
  write("60, 1, 64, 4");
  refused_for({"content"});
  labels[3] = 0;
  write("60, 1, 64, 4");
  write_text(folder_ / "set" / "classes.txt", "one\ntwo\nthree\n");
  refused_for({"3 classes, names"});
  std::filesystem::remove(folder_ / "set" / "classes.txt");
  EXPECT_EQ(search(command).code, 0);
}

TEST_F(CliTest, ReportsOfStudiesInOneFolderLieApart) {
  const std::vector<std::string> quick = {"--trials", "1", "--set", "constraints.rom=1 B"};
  for (const char* store : {"a.sqlite", "b.sqlite"}) {
    std::vector<std::string> words = quick;
    words.insert(words.end(), {"--set", std::string("study.store=") + store});
    ASSERT_EQ(search(words).code, 0);
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ / "a" / "report.html"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "b" / "report.html"));
  std::filesystem::remove_all(folder_ / "a");
  const Ended report = run({"report", "a.sqlite"});
  ASSERT_EQ(report.code, 0) << report.err;
  EXPECT_TRUE(says(report.out, {(folder_ / "a" / "report.html").string()}));
}

TEST_F(CliTest, AFullDiskLosesNothing) {
  const std::filesystem::path disk = folder_ / "disk";
  std::filesystem::create_directories(disk);
  const std::string mount = "mount -t tmpfs -o size=256k none '" + disk.string() + "' 2> /dev/null";
  if (std::system(mount.c_str()) != 0) GTEST_SKIP() << "a small file system cannot be mounted";
  const std::vector<std::string> command = {"--trials", "400",
                                            "--out",    "report",
                                            "--set",    "study.store=disk/tiny.sqlite",
                                            "--set",    "constraints.rom=1 B",
                                            "--set",    "study.sampler=lhs"};
  const Ended full = search(command);
  const std::size_t recorded = full.code == 6 ? trials("disk/tiny.sqlite").size() : 0;
  const Ended again = search(command);
  const std::string unmount = "umount -l '" + disk.string() + "'";
  EXPECT_EQ(std::system(unmount.c_str()), 0);
  EXPECT_TRUE(refused(full, 6, {"no space is left", "disk/tiny.sqlite"}));
  EXPECT_GT(recorded, 10u);
  EXPECT_EQ(again.code, 6) << again.err;
}

}  // namespace
}  // namespace paretiny::cli

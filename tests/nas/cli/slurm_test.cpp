// Workers that a real Slurm starts: slurmctld and three slurmd on this machine.
#include <algorithm>

#include "tests/nas/cli/postgres_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

constexpr const char* kCluster = PARETINY_SOURCE "/scripts/slurm/cluster";

class PostgresSlurmTest : public PostgresCliTest {
 protected:
  void SetUp() override {
    PostgresCliTest::SetUp();
    if (IsSkipped()) return;
    const std::filesystem::path place =
        std::filesystem::temp_directory_path() / ("paretiny_slurm_" + std::to_string(getpid()));
    const CommandResult started = run_command({kCluster, "start", place.string()}, "/", "bash");
    if (started.code == 125) GTEST_SKIP() << started.output;  // nothing was started
    cluster_ = place;  // to be stopped also where it did not come up whole
    ASSERT_EQ(started.code, 0) << started.output;
    setenv("SLURM_CONF", (cluster_ / "slurm.conf").c_str(), 1);
    setenv("PARETINY", PARETINY_BIN "/paretiny", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
  }
  void TearDown() override {
    if (!cluster_.empty()) {
      (void)run_command({"scancel", "--user", "root"}, "/", "slurm-client");
      (void)run_command({kCluster, "stop", cluster_.string()}, "/", "bash");
      std::filesystem::remove_all(cluster_);
    }
    PostgresCliTest::TearDown();
  }
  std::string slurm(const std::vector<std::string>& command) {
    const CommandResult result = run_command(command, folder_, "slurm-client");
    EXPECT_EQ(result.code, 0) << result.output;
    return result.output;
  }
  std::size_t running() {
    const std::string list = slurm({"squeue", "--noheader", "--array", "--states", "R"});
    return static_cast<std::size_t>(std::ranges::count(list, '\n'));
  }

  std::filesystem::path cluster_;
};

TEST_F(PostgresSlurmTest, AnArrayEndsItsStudyThoughOneIsCancelledAndOneIsQueuedAgain) {
  std::vector<std::string> command{PARETINY_SOURCE "/scripts/slurm/search.sbatch"};
  const std::vector<std::string> words =
      worker({"--set", "study.trials=24", "--set", "training.epochs=30", "--set",
              "dataset.samples=1000", "--set", "constraints.rom=1 MB"});
  command.insert(command.end(), words.begin() + 1, words.end());  // but "worker"
  command.insert(command.end(), {"--workers", "6", "--", "--output", "w-%a.txt"});
  const std::string said = slurm(command);
  const std::string job =
      said.substr(said.find_last_of(' ') + 1, said.size() - said.find_last_of(' ') - 2);
  ASSERT_TRUE(wait_for_epoch()) << said;
  for (int i = 0; i < 300 && running() < 6; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  slurm({"scancel", job + "_2"});
  slurm({"scontrol", "requeue", job + "_3"});
  // Slurm would queue it again in two minutes. Until it has ended it cannot be told otherwise.
  for (int i = 0; i < 20; ++i) {
    (void)run_command({"scontrol", "update", "jobid=" + job + "_3", "StartTime=now"}, "/",
                      "slurm-client");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  for (int i = 0; i < 1500; ++i) {
    if (slurm({"squeue", "--noheader"}).empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  const std::vector<study::Trial> trials = placed_trials();
  ASSERT_EQ(trials.size(), 24u);
  for (const study::Trial& trial : trials) EXPECT_TRUE(study::has_ended(trial)) << trial.number;
  for (const char* log : {"w-1.txt", "w-3.txt"}) {
    std::ifstream file(folder_ / log);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(says(text, {"complete: 24 of 24 trials have ended"}));
  }
}

}  // namespace
}  // namespace paretiny::cli

// Workers that are killed, frozen or cut off, and servers that crash: nothing is lost, nothing is
// done twice. PARETINY_KILLS=1000 has so many workers killed instead of some hundred.
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <thread>

#include "kernels/core/random.h"
#include "tests/nas/study/postgres_server.h"
#include "tests/nas/study/study_fixture.h"

namespace paretiny::study {
namespace {

using namespace std::chrono_literals;
using test::PostgresServer;

std::int64_t kills_wanted() {
  const char* wanted = std::getenv("PARETINY_KILLS");
  return wanted == nullptr ? 200 : std::atoll(wanted);
}

/// The first connection has no patience: whoever is hired during a crash comes again.
std::unique_ptr<Study> open_through_crashes(const Location& place) {
  for (int i = 0; i < 500; ++i) {
    try {
      return create_or_open_study(place, example_header(), {5min, {}, {}});
    } catch (const StoreError&) {
      std::this_thread::sleep_for(20ms);
    }
  }
  _exit(1);
}

/// Works on the study until it has `total` trials that have ended, telling the numbers of those
/// that it has ended through `pipe`.
[[noreturn]] void work_until(const Location& place, std::int64_t total, int pipe) {
  const auto study = open_through_crashes(place);
  const Lease lease{process_owner(), 1h};
  while (true) {
    std::optional<Trial> trial = study->claim(lease);
    if (!trial) {
      const std::int64_t next = study->trial_count();
      if (next < total) {
        trial = study->add_trial(next, example_values(next), 0, 0, lease);
      } else if (std::ranges::all_of(study->trials(), has_ended)) {
        _exit(0);
      } else {
        std::this_thread::sleep_for(20ms);
      }
    }
    if (!trial || !study->add_epoch(trial->number, lease.owner, {1, 0.5, 0.5, 0})) continue;
    std::this_thread::sleep_for(2ms);
    const double rom = static_cast<double>(trial->number);
    if (study->finish(trial->number, lease.owner, {{0.5, rom}, {}, "", {1, 2, 3}}) &&
        write(pipe, &trial->number, sizeof trial->number) < 0) {
      _exit(1);
    }
  }
}

/// Forked workers, each of which is replaced when it was killed.
class Crew {
 public:
  Crew(Location place, std::int64_t total, std::size_t size)
      : place_(std::move(place)), total_(total) {
    EXPECT_EQ(pipe(ends_), 0);
    for (std::size_t i = 0; i < size; ++i) workers_.push_back(hire());
  }
  ~Crew() {
    close(ends_[0]);
    close(ends_[1]);
  }
  void kill_one(std::uint64_t which) {
    pid_t& worker = workers_[which % workers_.size()];
    kill(worker, SIGKILL);
    int status = 0;
    waitpid(worker, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "a worker has failed";
    worker = hire();
  }
  void read_reports() {
    std::int64_t number = 0;
    pollfd ready{ends_[0], POLLIN, 0};
    while (poll(&ready, 1, 0) == 1 && read(ends_[0], &number, sizeof number) == sizeof number) {
      EXPECT_TRUE(reported_.insert(number).second) << "trial " << number << " ended twice";
    }
  }
  void wait_for_all() {
    for (const pid_t worker : workers_) {
      int status = 0;
      waitpid(worker, &status, 0);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "a worker has failed";
    }
    read_reports();
  }
  const std::set<std::int64_t>& reported() const { return reported_; }

 private:
  pid_t hire() {
    const pid_t child = fork();
    if (child == 0) {
      try {
        work_until(place_, total_, ends_[1]);
      } catch (const std::exception& error) {
        fmt::print(stderr, "worker: {}\n", error.what());
        _exit(1);
      }
    }
    return child;
  }

  const Location place_;
  const std::int64_t total_;
  int ends_[2] = {-1, -1};
  std::vector<pid_t> workers_;
  std::set<std::int64_t> reported_;
};

class PostgresKillTest : public StudyTest {
 protected:
  void SetUp() override {
    StudyTest::SetUp();
    PARETINY_NEEDS_POSTGRES();
    server_ = PostgresServer::shared();
    place_ = server_->study(testing::UnitTest::GetInstance()->current_test_info()->name());
  }

  PostgresServer* server_ = nullptr;
  Location place_;
};

TEST_F(PostgresKillTest, KilledWorkersAndCrashesOfTheServerLoseNothing) {
  const std::int64_t kills = kills_wanted();
  const std::int64_t total = 2 * kills;
  create_or_open_study(place_, example_header());
  Crew crew(place_, total, 4);
  Random random(1, "kill");
  for (std::int64_t i = 1; i <= kills; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(10000)));
    crew.kill_one(random.below(1000));
    crew.read_reports();
    if (i % 50 == 0) {
      server_->kill();
      server_->start();
    }
  }
  crew.wait_for_all();

  const auto study = open_study(place_);
  const std::vector<Trial>& trials = study->trials();
  ASSERT_EQ(trials.size(), static_cast<std::size_t>(total));
  for (const Trial& trial : trials) {
    // One whose workers were all killed is failed, as it should be.
    if (trial.state == TrialState::failed && trial.attempts == Study::kMaxAttempts) continue;
    ASSERT_EQ(trial.state, TrialState::done) << trial.number;
    EXPECT_EQ(trial.objectives[1], static_cast<double>(trial.number));
    EXPECT_EQ(trial.values, example_values(trial.number));
    EXPECT_EQ(study->epochs(trial.number).size(), 1u);
    EXPECT_EQ(study->model(trial.number), (std::vector<std::uint8_t>{1, 2, 3}));
  }
  for (const std::int64_t number : crew.reported()) {
    EXPECT_EQ(trials.at(static_cast<std::size_t>(number)).state, TrialState::done);
  }
  EXPECT_EQ(server_->psql("SELECT deadlocks FROM pg_stat_database WHERE datname = 'paretiny'"),
            "0");
}

TEST_F(PostgresKillTest, AWorkerFrozenPastItsLeaseIsRefused) {
  create_or_open_study(place_, example_header());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t frozen = fork();
  if (frozen == 0) {
    const auto study = create_or_open_study(place_, example_header());
    const std::string owner = process_owner();
    char ready = study->add_trial(0, example_values(0), 0, 0, {owner, 50ms}) ? 'y' : 'n';
    (void)!write(ends[1], &ready, 1);
    raise(SIGSTOP);
    ready = study->renew(0, {owner, 1h}) || study->finish(0, owner, {{0.1, 1}, {}, ""}) ? 'y' : 'n';
    _exit(write(ends[1], &ready, 1) == 1 ? 0 : 1);
  }
  char answer = 0;
  ASSERT_EQ(read(ends[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto study = create_or_open_study(place_, example_header());
  std::optional<Trial> taken;
  for (int i = 0; i < 500 && !taken; ++i) {
    std::this_thread::sleep_for(10ms);
    taken = study->claim({me_, 1h});
  }
  ASSERT_TRUE(taken);
  kill(frozen, SIGCONT);
  ASSERT_EQ(read(ends[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'n') << "the lease was lost";
  waitpid(frozen, nullptr, 0);
  EXPECT_TRUE(study->finish(0, me_, {{0.2, 2}, {}, ""}));
  EXPECT_EQ(study->trials()[0].objectives[0], 0.2);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace paretiny::study

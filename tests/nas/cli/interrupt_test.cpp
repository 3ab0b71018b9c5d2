// What signals do to the program.
#include "nas/cli/terminal/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;
using testing::ExitedWithCode;

constexpr int kAsking[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};

/// Waits, at most ten seconds.
template <class Condition>
bool eventually(const Condition& holds) {
  for (int i = 0; i < 1000 && !holds(); ++i) usleep(10000);
  return holds();
}

TEST(InterruptGuard, EndsAtOnceWhereNothingHeeds) {
  for (const int signal : kAsking) {
    EXPECT_EXIT(
        {
          const InterruptGuard guard;
          raise(signal);
          _exit(0);
        },
        ExitedWithCode(130), "paretiny: interrupted\n");
  }
}

TEST(InterruptGuard, TheFirstSignalIsAStopRequest) {
  for (const int signal : kAsking) {
    InterruptGuard guard;
    const std::stop_token stop = guard.token();
    EXPECT_FALSE(stop.stop_requested());
    raise(signal);
    EXPECT_TRUE(eventually([&] { return stop.stop_requested(); })) << signal;
    EXPECT_THROW(guard.end_at_once(), Interrupted);
  }
}

TEST(InterruptGuard, TheSameSignalTwiceInARowIsOneRequest) {
  // GNU timeout sends it to its child and then to the group.
  InterruptGuard guard;
  const std::stop_token stop = guard.token();
  raise(SIGTERM);
  raise(SIGTERM);
  EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
}

TEST(InterruptGuard, ASecondRequestEndsAtOnceAndABatchSystemsWarningDoesNot) {
  const auto twice = [](int first, int second) {
    InterruptGuard guard;
    guard.token();
    raise(first);
    usleep(700000);
    raise(second);
    _exit(0);
  };
  EXPECT_EXIT(twice(SIGINT, SIGINT), ExitedWithCode(130), "stopping");
  EXPECT_EXIT(twice(SIGUSR1, SIGTERM), ExitedWithCode(130), "stopping");
  EXPECT_EXIT(twice(SIGINT, SIGUSR1), ExitedWithCode(0), "stopping");
}

TEST(InterruptGuard, ASignalToAnyThreadCounts) {
  InterruptGuard guard;
  const std::stop_token stop = guard.token();
  std::atomic<bool> ended = false;
  std::thread other([&] {
    while (!ended) usleep(1000);
  });
  pthread_kill(other.native_handle(), SIGUSR1);
  EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
  ended = true;
  other.join();
}

TEST(InterruptGuard, LeavesSignalsAsItFoundThem) {
  std::signal(SIGHUP, SIG_IGN);
  {
    InterruptGuard guard;
    const std::stop_token stop = guard.token();
    raise(SIGHUP);
    usleep(50000);
    EXPECT_FALSE(stop.stop_requested()) << "nohup was not respected";
    guard.end_at_once();
    raise(SIGHUP);
  }
  EXPECT_EQ(std::signal(SIGHUP, SIG_DFL), SIG_IGN);
  EXPECT_EQ(std::signal(SIGUSR1, SIG_DFL), SIG_DFL);
}

class Signals : public CliTest {
 protected:
  const std::vector<std::string> long_search_ = {"search",   "tiny.toml",
                                                 "--set",    "study.store=i.sqlite",
                                                 "--trials", "2",
                                                 "--set",    "training.epochs=400",
                                                 "--set",    "dataset.samples=1000",
                                                 "--set",    "constraints.rom=1 MB"};
};

TEST_F(Signals, EndASearchThatGivesItsTrialBack) {
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
    Program program(folder_, long_search_);
    ASSERT_TRUE(wait_for_work("i.sqlite"));
    EXPECT_TRUE(refused(program.end(signal), 130, {"of 2 trials", "the same command goes on"}));
    for (const study::Trial& trial : trials("i.sqlite"))
      EXPECT_NE(trial.state, study::TrialState::running);
  }
}

TEST_F(Signals, OfOneRequestMayComeTwice) {
  Program program(folder_, long_search_);
  ASSERT_TRUE(wait_for_work("i.sqlite"));
  program.send(SIGTERM);
  EXPECT_TRUE(refused(program.end(SIGTERM), 130, {"of 2 trials", "the same command goes on"}));
}

TEST_F(Signals, ThatWereIgnoredStayIgnored) {
  std::vector<std::string> command = long_search_;
  command[7] = "training.epochs=30";
  Program program(folder_, command, "", [] {
    std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
  });
  ASSERT_TRUE(wait_for_work("i.sqlite"));
  program.send(SIGHUP);
  const Ended ended = program.end(SIGINT);
  EXPECT_EQ(ended.code, 0) << ended.err;
}

}  // namespace
}  // namespace paretiny::cli

// Programs of others do not outlive the one that runs them.
#include "base/command.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace paretiny {
namespace {

/// Whether a process runs still: it is neither gone nor waiting to be reaped.
bool runs(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string number, name, state;
  return stat >> number >> name >> state && state != "Z";
}

template <class Condition>
bool eventually(const Condition& holds) {
  for (int i = 0; i < 1000 && !holds(); ++i) usleep(10000);
  return holds();
}

TEST(Command, EndsWithWhoeverStartedIt) {
  const TempFolder folder;
  const std::filesystem::path file = folder.path() / "pid";
  for (const int signal : {SIGKILL, SIGTERM}) {
    std::filesystem::remove(file);
    const pid_t starter = fork();
    if (starter == 0) {
      static_cast<void>(run_command(
          {"sh", "-c", "echo $$ > pid.part; mv pid.part pid; exec sleep 60"}, folder.path(), "sh"));
      _exit(0);
    }
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file); }));
    pid_t child = 0;
    std::ifstream(file) >> child;
    ASSERT_TRUE(runs(child));
    kill(starter, signal);
    waitpid(starter, nullptr, 0);
    EXPECT_TRUE(eventually([&] { return !runs(child); })) << signal;
  }
}

}  // namespace
}  // namespace paretiny

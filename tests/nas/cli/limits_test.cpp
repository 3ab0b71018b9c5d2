// The program where the system allows it little: memory, file sizes, descriptors, a closed output.
#include <sys/resource.h>

#include <cstdlib>

#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

void limit(decltype(RLIMIT_AS) resource, rlim_t most) {
  const rlimit both{most, most};
  if (setrlimit(resource, &both) != 0) _exit(124);
}

class Limits : public CliTest {
 protected:
  Ended run_with(const std::vector<std::string>& arguments, const std::function<void()>& before) {
    return Program(folder_, arguments, "", before).wait();
  }
};

/// MB of address space at which each command is tried; PARETINY_MEMORY_STEP for a finer sweep.
std::vector<rlim_t> megabytes() {
  const char* given = std::getenv("PARETINY_MEMORY_STEP");
  const rlim_t step = given == nullptr ? 40 : std::strtoull(given, nullptr, 10);
  std::vector<rlim_t> list;
  for (rlim_t mb = 30; mb <= (given == nullptr ? 150 : 2000); mb += step) list.push_back(mb);
  return list;
}

#if !defined(__SANITIZE_ADDRESS__)  // whose own memory is not to be limited
TEST_F(Limits, OfMemoryEndInASentence) {
  write_text(folder_ / "space.toml",
             "[space.x]\nlow = 0.0\nhigh = 1.0\n[objectives.loss]\n[study]\ninitial = 1\n");
  write_text(folder_ / "points.csv", "0.1,0.2\n0.3,0.1\n");
  ASSERT_EQ(search({"--trials", "2"}).code, 0);
  ASSERT_EQ(run({"ask", "asked.sqlite", "--space", "space.toml"}).code, 0);
  const std::vector<std::vector<std::string>> commands = {
      {"info"},
      {"hypervolume", "points.csv", "--reference", "1,1"},
      {"report", "tiny.sqlite"},
      {"ask", "asked.sqlite"},
      {"train", "tiny.toml"},
      {"search", "tiny.toml", "--trials", "3", "--set", "study.store=NEW.sqlite"},
      {"optimize", "--problem", "ZDT1:d=3", "--sampler", "ars", "--trials", "9"}};
  int done = 0, refused_ones = 0;
  for (const std::vector<std::string>& command : commands) {
    for (const rlim_t mb : megabytes()) {
      SCOPED_TRACE(command[0] + " with " + std::to_string(mb) + " MB");
      std::vector<std::string> words = command;
      if (words[0] == "search") words.back() = "study.store=" + std::to_string(mb) + ".sqlite";
      const Ended ended = run_with(words, [mb] {
        setenv("OMP_NUM_THREADS", "2", 1);
        limit(RLIMIT_AS, mb << 20);
      });
      // Before the program's own code there is the loader's, which ends with 127.
      if (ended.code == 0) {
        ++done;
      } else if (ended.code != 127) {
        // 3: a file, and 6: a study, that memory was missing for.
        EXPECT_TRUE(ended.code == 5 || ended.code == 3 || ended.code == 6) << ended.code;
        EXPECT_TRUE(refused(ended, ended.code, {}));
        ++refused_ones;
      }
    }
  }
  EXPECT_GT(done, 0);
  EXPECT_GT(refused_ones, 0);
}
#endif

TEST_F(Limits, OfThreadsEndInASentence) {
  const Ended ended = run_with({"train", "tiny.toml"}, [] {
    setenv("OMP_NUM_THREADS", "64", 1);
    limit(RLIMIT_AS, rlim_t{300} << 20);  // 64 stacks of 8 MB do not fit
  });
  EXPECT_TRUE(refused(ended, 5, {"of 64 threads", "OMP_NUM_THREADS"}));
}

TEST_F(Limits, OfFileSizesAreErrorsOfTheWrite) {
  ASSERT_EQ(search({"--trials", "3"}).code, 0);
  const auto small = [] { limit(RLIMIT_FSIZE, 40000); };  // a database's -shm file takes 32 KB
  EXPECT_TRUE(refused(run_with({"search", "tiny.toml", "--trials", "40", "--set",
                                "constraints.rom=1 B", "--set", "study.store=b.sqlite"},
                               small),
                      6, {"b.sqlite", "ulimit -f"}));
  EXPECT_TRUE(refused(run_with({"report", "tiny.sqlite"}, small), 3, {"cannot be written"}));
}

TEST_F(Limits, StandardDescriptorsThatAreClosedBecomeNoFiles) {
  const auto closed = [] {
    for (const int descriptor : {0, 1, 2}) close(descriptor);
  };
  EXPECT_EQ(run_with({"search", "tiny.toml", "--trials", "2"}, closed).code, 3)
      << "the table could not be written";
  const std::vector<study::Trial> all = trials();
  EXPECT_EQ(all.size(), 2u);
  for (const char* name : {"report.html", "trials.csv"}) {
    std::ifstream file(folder_ / "tiny" / name);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(text.find("report: "), std::string::npos) << name;
  }
}

TEST_F(Limits, AFullDeviceIsAnErrorOfTheWrite) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"info"}, {"train", "tiny.toml"}, {"--help"}, {"--version"}}) {
    EXPECT_TRUE(refused(run(words, "/dev/full"), 3, {"standard output"})) << words[0];
  }
}

}  // namespace
}  // namespace paretiny::cli

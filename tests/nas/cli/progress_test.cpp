#include <pty.h>

#include "nas/cli/terminal/bar.h"
#include "tests/nas/cli/cli_fixture.h"

namespace paretiny::cli {
namespace {

using namespace test;

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
  }));
}

const BarState kState{7, 100, "hypervolume 0.1234, best 91.25 %", "4 min 5 s",
                      "trial 8: epoch 3/50"};

TEST(Bar, ShowsAllThatThereIsRoomFor) {
  EXPECT_EQ(bar_line(kState, 200, BarSigns::unicode),
            "━─────────────────── 7/100  hypervolume 0.1234, best 91.25 %, 4 min 5 s left  "
            "trial 8: epoch 3/50");
  EXPECT_EQ(bar_line(kState, 80, BarSigns::ascii),
            "#------------------- 7/100  hypervolume 0.1234, best 91.25 %, 4 min 5 s left");
  EXPECT_EQ(bar_line(kState, 60, BarSigns::ascii),
            "7/100  hypervolume 0.1234, best 91.25 %, 4 min 5 s left");
  EXPECT_EQ(bar_line(kState, 30, BarSigns::ascii), "7/100  4 min 5 s left");
  EXPECT_EQ(bar_line(kState, 10, BarSigns::ascii), "7/100");
  EXPECT_EQ(bar_line(kState, 4, BarSigns::ascii), "7/1");
}

TEST(Bar, ShowsWhatSeveralDoBeforeItself) {
  BarState state = kState;
  state.activity = "trial 8: epoch 3/50, trial 9: 2.66 MFLOPs";
  state.brief = "8: 3/50, 9: 0";
  EXPECT_EQ(bar_line(state, 200, BarSigns::ascii),
            "#------------------- 7/100  hypervolume 0.1234, best 91.25 %, 4 min 5 s left  "
            "trial 8: epoch 3/50, trial 9: 2.66 MFLOPs");
  EXPECT_EQ(bar_line(state, 100, BarSigns::ascii),
            "#------------------- 7/100  hypervolume 0.1234, best 91.25 %, 4 min 5 s left  "
            "8: 3/50, 9: 0");
  EXPECT_EQ(bar_line(state, 80, BarSigns::ascii),
            "-------- 7/100  hypervolume 0.1234, best 91.25 %, 4 min 5 s left  8: 3/50, 9: 0");
  EXPECT_EQ(bar_line(state, 79, BarSigns::ascii),
            "7/100  hypervolume 0.1234, best 91.25 %, 4 min 5 s left  8: 3/50, 9: 0");
  EXPECT_EQ(bar_line(state, 50, BarSigns::ascii), "7/100  4 min 5 s left  8: 3/50, 9: 0");
  EXPECT_EQ(bar_line(state, 30, BarSigns::ascii), "7/100  4 min 5 s left");
}

TEST(Bar, FitsEveryWidth) {
  for (const BarSigns signs : {BarSigns::unicode, BarSigns::ascii}) {
    for (std::size_t columns = 0; columns < 150; ++columns) {
      for (const std::int64_t done : {0, 7, 100, 300}) {
        BarState state = kState;
        state.done = done;
        EXPECT_LE(characters(bar_line(state, columns, signs)), columns == 0 ? 0 : columns - 1);
      }
    }
  }
  EXPECT_EQ(bar_line({0, 0, "", "?", ""}, 80, BarSigns::ascii), "-------------------- 0/0  ? left");
}

/// What the program writes to a terminal of so many columns.
std::string on_terminal(const std::filesystem::path& folder, unsigned short columns,
                        const char* kind, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {PARETINY_BIN "/paretiny"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  winsize size{24, columns, 0, 0};
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, &size);
  if (pid == 0) {
    setenv("TERM", kind, 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (chdir(folder.c_str()) == 0) execv(argv[0], argv.data());
    _exit(126);
  }
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(terminal, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  close(terminal);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << text;
  return text;
}

/// What was drawn as a bar, one text a time.
std::vector<std::string> bars(const std::string& text) {
  constexpr std::string_view begin = "\r\033[J";
  std::vector<std::string> found;
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
    const std::size_t from = at + begin.size();
    found.push_back(text.substr(from, text.find_first_of("\r\n", from) - from));
  }
  return found;
}

TEST_F(CliTest, ABarOnTerminalsOfEveryWidth) {
  for (const unsigned short columns :
       std::initializer_list<unsigned short>{0, 1, 5, 20, 40, 59, 80, 200}) {
    std::filesystem::remove(folder_ / "tiny.sqlite");
    const std::string text =
        on_terminal(folder_, columns, "xterm", {"search", "tiny.toml", "--trials", "3"});
    const std::vector<std::string> drawn = bars(text);
    EXPECT_GE(drawn.size(), 6u) << columns;
    for (const std::string& bar : drawn) {
      EXPECT_LT(characters(bar), columns == 0 ? std::size_t{80} : columns) << bar;
    }
  }
}

TEST_F(CliTest, ABarShowsEveryWorker) {
  const std::string text =
      on_terminal(folder_, 200, "xterm",
                  {"search", "tiny.toml", "--trials", "4", "--jobs", "2", "--set",
                   "constraints.rom=1 MB", "--set", "dataset.samples=1000"});
  bool both = false;
  for (const std::string& bar : bars(text)) {
    both = both || says(bar, {"0/4", "trial 0: ", "trial 1: "});
  }
  EXPECT_TRUE(both) << text;
}

TEST_F(CliTest, ATerminalShowsWhyTrialsFailed) {
  const std::string text =
      on_terminal(folder_, 40, "xterm",
                  {"search", "tiny.toml", "--trials", "2", "--set", "constraints.rom=1 KB"});
  EXPECT_TRUE(says(text, {"trial 0 infeasible: rom ", " KB is above the limit of 1 KB",
                          "trial 1 infeasible: rom "}));
}

TEST_F(CliTest, ATerminalThatCannotRedrawGetsPlainLines) {
  const std::string text =
      on_terminal(folder_, 80, "dumb", {"search", "tiny.toml", "--trials", "2"});
  EXPECT_TRUE(says(text, {"1/2 trial 0", "2/2 trial 1"}));
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace paretiny::cli

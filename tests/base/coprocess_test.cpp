#include "base/coprocess.h"

#include <gtest/gtest.h>

namespace paretiny {
namespace {

TEST(Coprocesses, AnswerLineByLine) {
  Coprocess cat("cat");
  EXPECT_EQ(cat.answer("one"), "one");
  EXPECT_EQ(cat.answer("two words"), "two words");
  EXPECT_EQ(cat.answer(std::string(100000, 'x')).size(), 100000u) << "longer than a pipe holds";
  Coprocess counting("n=0; while read line; do n=$((n + 1)); echo \"$n $line\"; done");
  EXPECT_EQ(counting.answer("a"), "1 a");
  EXPECT_EQ(counting.answer("b"), "2 b") << "one process answers all";
}

/// What a call is refused with.
template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const ToolError& error) {
    return error.what();
  }
  return "";
}

TEST(Coprocesses, FailInOneSentence) {
  for (const char* command : {"true", "exit 3", "none-such-program", "read line"}) {
    Coprocess program(command);
    const std::string said = refusal([&] {
      for (int i = 0; i < 1000; ++i) program.answer("line");
    });
    EXPECT_NE(said.find(command), std::string::npos) << said;
    EXPECT_NE(said.find("has ended"), std::string::npos) << said;
  }
  Coprocess silent("while read line; do :; done");
  const std::string said = refusal([&] { silent.answer("line", {}, std::chrono::seconds(0)); });
  EXPECT_NE(said.find("flush"), std::string::npos) << said;
}

TEST(Coprocesses, AreStoppedAndLeaveNothing) {
  std::stop_source stop;
  stop.request_stop();
  Coprocess silent("trap '' TERM; while true; do sleep 100; done");
  EXPECT_THROW(silent.answer("line", stop.get_token()), Interrupted);
}

}  // namespace
}  // namespace paretiny

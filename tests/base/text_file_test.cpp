#include "base/text_file.h"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "tests/support/temp_folder.h"

namespace paretiny {
namespace {

TEST(ReadText, GivesEveryByteOfAFile) {
  const TempFolder folder;
  const std::string bytes("a\r\n\0b\xff\n\n", 8);
  std::ofstream(folder.path() / "file", std::ios::binary) << bytes;
  const std::ofstream empty(folder.path() / "empty");
  EXPECT_EQ(read_text(folder.path() / "file"), bytes);
  EXPECT_EQ(read_text(folder.path() / "empty"), "");
}

TEST(ReadText, GivesNothingOfWhatIsNoFile) {
  const TempFolder folder;
  EXPECT_FALSE(read_text(folder.path() / "none"));
  EXPECT_FALSE(read_text(folder.path()));
  EXPECT_FALSE(read_text(""));
}

TEST(ReadText, ReadsPipesAndProcToTheirEnd) {
  const TempFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe) << std::string(100000, 'x'); });
  EXPECT_EQ(read_text(pipe), std::string(100000, 'x'));
  writer.join();
  EXPECT_NE(read_text("/proc/self/status").value_or("").find("Pid:"), std::string::npos);
}

}  // namespace
}  // namespace paretiny

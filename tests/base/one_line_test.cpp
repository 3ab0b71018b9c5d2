#include "base/one_line.h"

#include <gtest/gtest.h>

namespace paretiny {
namespace {

TEST(OneLine, KeepsText) {
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("plain 'text' \\ %s"), "plain 'text' \\ %s");
  EXPECT_EQ(one_line("größe 日本 😀 \u00A0"), "größe 日本 😀 \u00A0");
}

TEST(OneLine, PutsBlanksForWhatBreaksALineOrMovesTheCursor) {
  EXPECT_EQ(one_line("a\nb\r\nc\td\x1B[2Je\x7F"
                     "f"),
            "a b  c d [2Je f");
  EXPECT_EQ(one_line(std::string("a\0b", 3)), "a b");
  EXPECT_EQ(one_line("a\u0085b\u009B2Jc"), "a b 2Jc");
  EXPECT_EQ(one_line("a\u2028b\u2029c\u202Ed\u2066e"), "a b c d e");
}

TEST(OneLine, MarksBytesThatAreNoUtf8) {
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE2\x80", "\xED\xA0\x80",
                          "\xE0\x80\x80", "\xF5\x80\x80\x80", "\xF0\x80\x80\x80", "\xFF"}) {
    std::string marks;
    for (std::size_t i = 0; i < std::string_view(bad).size(); ++i) marks += "\uFFFD";
    EXPECT_EQ(one_line(bad), marks) << bad;
    EXPECT_EQ(one_line(std::string("a") + bad), "a" + marks);
  }
}

TEST(OneLine, CutsBetweenCharacters) {
  EXPECT_EQ(one_line("abcdef", 6), "abcdef");
  EXPECT_EQ(one_line("abcdef", 3), "abc...");
  EXPECT_EQ(one_line("aöb", 2), "a...");
  EXPECT_EQ(one_line("日本", 4), "日...");
}

}  // namespace
}  // namespace paretiny

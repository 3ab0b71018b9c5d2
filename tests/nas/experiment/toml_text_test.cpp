#include "nas/experiment/toml_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "nas/experiment/table_reader.h"

namespace paretiny::experiment {
namespace {

/// What is said of a text, "" where it is read.
std::string message(const std::string& text) {
  try {
    parse_toml(text, "there.toml");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(TomlText, KeysOfManyPartsAreRefused) {
  constexpr int kMany = 1000000;
  for (const std::string& text :
       {repeated("a.", kMany) + "b = 1\n", "[" + repeated("a.", kMany) + "b]\nc = 1\n",
        "[[" + repeated("a . ", kMany) + "b]]\n", "x = {" + repeated("a.", kMany) + "b = 1}\n",
        repeated("\"a\".", kMany) + "b = 1\n", repeated("'a.b'\t.", kMany) + "b = 1\n",
        repeated("a.", 16) + "b = 1\n"}) {
    EXPECT_EQ(message(text), "there.toml line 1: a key has more than 16 parts");
  }
  EXPECT_EQ(message("# a\nx = \"\"\"\n\n\"\"\"\n" + repeated("a.", 99) + "b = 1\n"),
            "there.toml line 5: a key has more than 16 parts");
  EXPECT_NE(message("x = " + repeated("[", kMany)), "");
  EXPECT_NE(message("x = " + repeated("{a = ", kMany)), "");
  toml::table root;
  EXPECT_THROW(set_path(root, repeated("a.", 30000) + "b", toml::value<bool>(true)), UsageError);
}

TEST(TomlText, SaysWhatALineMayLack) {
  const auto advice = [](const std::string& text) {
    const std::string sentence = message(text);
    return sentence.substr(std::min(sentence.rfind("; "), sentence.size()));
  };
  const std::string quotes = "; a text stands in quotes: key = \"text\"";
  EXPECT_EQ(advice("[dataset]\nformat = npy\n"), quotes);
  EXPECT_EQ(advice("[dataset]\nformat = npy"), quotes);
  EXPECT_EQ(advice("x = 1\npath = ./data\ny = 2\n"), quotes);
  EXPECT_EQ(advice("path = /data\n"), quotes);
  EXPECT_EQ(advice("x =\n"), "; a value is missing");
  EXPECT_EQ(advice("dataset:\n  format: npy\n"), "; write key = value");
  EXPECT_NE(message("x = 1,2\n"), "");
  EXPECT_EQ(message("x = 1,2\n").find("quotes"), std::string::npos);
}

TEST(TomlText, DotsOfOtherThingsAreNone) {
  const std::string dots = repeated(".", 40);
  EXPECT_EQ(message(repeated("a.", 15) + "b = 1\n"), "");
  EXPECT_EQ(message("x = \"" + dots + "\\\"" + dots + "\" # " + dots + "\ny = '" + dots + "'\n"),
            "");
  EXPECT_EQ(message("x = \"\"\"\n" + dots + "\"" + dots + "\"\"\"\ny = '''" + dots + "\n''''\n"),
            "");
  EXPECT_EQ(message("x = [" + repeated("0.5, ", 50) + "1.5]\n"), "");
  EXPECT_EQ(message("x = 1979-05-27T07:32:00.999\n"), "");
  EXPECT_NE(message("x = \"open\ny = 1\n"), "");
  EXPECT_NE(message("x = \"\"\"open\n"), "");
}

}  // namespace
}  // namespace paretiny::experiment

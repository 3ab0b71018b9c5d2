// Names of classes in classes.txt, as editors of all kinds leave them.
#include "engine/data/formats/class_names.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/temp_folder.h"

namespace paretiny::data {
namespace {

std::vector<std::string> names_in(const std::string& text,
                                  const std::string& file = "classes.txt") {
  const TempFolder folder;
  folder.write(file, text);
  return class_names(folder.path(), {"0", "1"});
}

TEST(ClassNames, AreTheLines) {
  const std::vector<std::string> expected = {"one", "the other"};
  for (const char* text : {
           "one\nthe other\n",
           "one\nthe other",
           "one\r\nthe other\r\n",
           "\n\none\n\r\n  \nthe other\n\n",
           "\xEF\xBB\xBFone\r\nthe other",
           " one \t\n\tthe other ",
       }) {
    EXPECT_EQ(names_in(text), expected) << text;
  }
  EXPECT_EQ(names_in("K\xC3\xA4se\n*/ x\n"), (std::vector<std::string>{"K\xC3\xA4se", "*/ x"}));
  EXPECT_EQ(names_in("one\n", "other.txt"), (std::vector<std::string>{"0", "1"}));
}

TEST(ClassNames, AreRefusedWithTheirLine) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      names_in(text);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(refusal("one\nK\xE4se\n").find("line 2: the name is not UTF-8"), std::string::npos);
  EXPECT_NE(refusal(std::string("\xFF\xFEo\0n\0", 6)).find("line 1"), std::string::npos);
  EXPECT_NE(refusal("one\n").find("1 names for 2 classes"), std::string::npos);
  EXPECT_NE(refusal("").find("0 names for 2 classes"), std::string::npos);
  EXPECT_NE(refusal("\xEF\xBB\xBF").find("0 names"), std::string::npos);
}

}  // namespace
}  // namespace paretiny::data

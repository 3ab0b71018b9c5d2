#include "engine/data/formats/text_rows.h"

#include <array>

#include "base/error.h"
#include "tests/engine/data/data_files.h"

namespace paretiny::data {
namespace {

std::vector<std::array<float, 3>> floats(std::string_view text, char separator) {
  TextRows rows("some.txt", text, separator);
  std::vector<std::array<float, 3>> result;
  for (std::array<float, 3> row{}; rows.next(row);) result.push_back(row);
  return result;
}

TEST(TextRows, ReadsNumbersHoweverTheyAreSpaced) {
  const std::vector<std::array<float, 3>> expected = {{1.0f, -2.5f, 3e-7f}, {0.0f, 0.1f, 1e20f}};
  EXPECT_EQ(floats("1 -2.5 3e-7\n0 0.1 1e20\n", ' '), expected);
  EXPECT_EQ(floats("\n 1  -2.5\t3e-7 \r\n\r\n  \n0 0.1 1e20", ' '), expected);
  EXPECT_EQ(floats("1,-2.5,3e-7\n0 , 0.1,\t1e20 \r\n", ','), expected);
  EXPECT_EQ(floats("1 2 1e-60", ' ')[0][2], 0.0f);
  EXPECT_TRUE(floats("", ' ').empty());
  EXPECT_TRUE(floats("\n\n", ',').empty());
}

TEST(TextRows, BeginsAfterAByteOrderMark) {
  TextRows rows("some.txt",
                "\xEF\xBB\xBF"
                "7 -8\r\n\r\n9 1",
                ' ');
  std::array<std::int64_t, 2> row{};
  ASSERT_TRUE(rows.next(row));
  EXPECT_EQ(row, (std::array<std::int64_t, 2>{7, -8}));
  ASSERT_TRUE(rows.next(row));
  EXPECT_EQ(row, (std::array<std::int64_t, 2>{9, 1}));
  EXPECT_FALSE(rows.next(row));
}

TEST(TextRows, NamesTheLineAndColumnOfWhatItCannotRead) {
  const auto refuse = [](std::string_view text, char separator,
                         const std::vector<std::string>& parts) {
    expect_error<DataError>([&] { floats(text, separator); }, parts);
  };
  refuse("1 2 3\n\n4 5\n", ' ', {"some.txt, line 3", "2 numbers, where 3"});
  refuse("1,2,3\n4,5\n", ',', {"some.txt, line 2", "2 numbers"});
  refuse("1,2,\n", ',', {"line 1", "2 numbers, where 3"});
  refuse("1,,3\n", ',', {"line 1", "column 2"});
  refuse("1 2 3 4\n", ' ', {"line 1", "more than the 3 numbers"});
  refuse("1,2,3,\n", ',', {"line 1", "more than the 3 numbers"});
  refuse("1 2 nan\n", ' ', {"line 1", "'nan' in column 3", "finite"});
  refuse("1 inf 2\n", ' ', {"'inf' in column 2"});
  refuse("1 1e39 2\n", ' ', {"'1e39' in column 2"});
  refuse("1 1e999 2\n", ' ', {"'1e999' in column 2"});
  refuse("1 two 3\n", ' ', {"'two' in column 2"});
  refuse("1 2x 3\n", ' ', {"foreign text", "column 2"});
  refuse("1;2;3\n", ',', {"foreign text", "column 1"});
  refuse("1 2 3\n", ',', {"line 1"});
}

TEST(TextRows, WholeNumbersAreWhole) {
  TextRows rows("some.txt", "7 -8\n9 1.5\n", ' ');
  std::array<std::int64_t, 2> row{};
  ASSERT_TRUE(rows.next(row));
  EXPECT_EQ(row, (std::array<std::int64_t, 2>{7, -8}));
  expect_error<DataError>([&] { static_cast<void>(rows.next(row)); }, {"line 2", "column 2"});
}

}  // namespace
}  // namespace paretiny::data

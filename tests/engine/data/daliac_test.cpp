#include <set>

#include "base/error.h"
#include "tests/engine/data/data_files.h"

namespace paretiny::data {
namespace {

/// The published layout with short files: nineteen people, 24 channels and the label, commas.
class DaliacFiles : public testing::Test {
 protected:
  DaliacFiles() {
    for (int person = 1; person <= 19; ++person) {
      std::string rows;
      for (int label = 1; label <= 13; ++label) rows += run(person, label, 11);
      rows += run(person, 1, 3);  // too short for a window
      rows += run(person, 2, 4);
      put(person, rows);
    }
  }
  /// `length` rows that tell person, label, time and channel apart.
  static std::string run(int person, int label, int length) {
    std::string rows;
    for (int t = 0; t < length; ++t) {
      for (int c = 0; c < 24; ++c) rows += std::to_string(value(person, label, t, c)) + ",";
      rows += std::to_string(label) + "\n";
    }
    return rows;
  }
  static int value(int person, int label, int t, int c) {
    return ((person * 16 + label) * 32 + t) * 32 + c;
  }
  void put(int person, const std::string& rows) const {
    folder_.write("dataset_" + std::to_string(person) + ".txt", rows);
  }
  Dataset load(std::map<std::string, std::string> options = {}, double validation = 0) const {
    options.insert({{"window", "4"}, {"step", "2"}});
    return load_dataset({.format = "daliac",
                         .path = folder_.string(),
                         .validation = validation,
                         .options = options});
  }
  static std::set<int> people(const Samples& samples) {
    std::set<int> found;
    for (std::int64_t i = 0; i < samples.size(); ++i) {
      found.insert(static_cast<int>(value_at(samples, static_cast<std::size_t>(i) * 96)) / 16384);
    }
    return found;
  }

  TempFolder folder_;
};

TEST_F(DaliacFiles, CutsWindowsInsideRunsOfOneLabel) {
  const Dataset set = load();
  EXPECT_EQ(set.sample(), (Shape{1, 1, 4, 24}));
  EXPECT_EQ(set.classes.size(), 13u);
  // A run of 11 gives windows at 0, 2, 4, 6; the run of 3 none; the run of 4 one.
  std::vector<std::int64_t> expected(13, 16 * 4);
  expected[1] += 16;
  EXPECT_EQ(histogram(set.train, 13), expected);
  for (std::int64_t i = 0; i < set.train.size(); ++i) {
    const int label = set.train.labels[static_cast<std::size_t>(i)] + 1;
    const int first = static_cast<int>(value_at(set.train, static_cast<std::size_t>(i) * 96));
    const int person = first / 16384;
    const int time = first / 32 % 32;
    for (int k = 0; k < 96; ++k) {
      ASSERT_EQ(value_at(set.train, static_cast<std::size_t>(i * 96 + k)),
                value(person, label, time + k / 24, k % 24));
    }
  }
  expect_normalised(set, set.train);
}

TEST_F(DaliacFiles, HoldsPeopleOut) {
  EXPECT_EQ(people(load().test), (std::set<int>{17, 18, 19}));
  const Dataset set = load({{"test_subjects", " 7,3"}}, 0.2);
  EXPECT_EQ(people(set.test), (std::set<int>{3, 7}));
  const std::set<int> train = people(set.train);
  const std::set<int> validation = people(set.validation);
  EXPECT_EQ(validation.size(), 3u);
  EXPECT_EQ(train.size(), 14u);
  for (const int person : validation) EXPECT_EQ(train.count(person), 0u);
  for (const char* bad :
       {"0", "20", "1,1", "1;2", "", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19"}) {
    expect_error<UsageError>([&] { load({{"test_subjects", bad}}); }, {"test_subjects"});
  }
}

TEST_F(DaliacFiles, NamesTheRowOfWhatItCannotRead) {
  const std::string good = run(5, 1, 20);
  const auto refuse = [&](const std::string& last_row, const std::vector<std::string>& parts) {
    put(5, good + last_row);
    expect_error<DataError>([&] { load(); }, parts);
  };
  std::string row = run(5, 1, 1);
  refuse(row.substr(0, row.size() / 2), {"dataset_5.txt, line 21", "where 25"});
  refuse(row.substr(row.find(',') + 1), {"dataset_5.txt, line 21", "24 numbers"});
  refuse("0," + row, {"dataset_5.txt, line 21", "more than the 25"});
  refuse("nan" + row.substr(row.find(',')), {"line 21", "'nan' in column 1"});
  for (const char* label : {"0", "14", "-3", "1.5", "1e30"}) {
    refuse(row.substr(0, row.rfind(',') + 1) + label, {"line 21", "label", "1 to 13"});
  }
  std::filesystem::remove(folder_.path() / "dataset_5.txt");
  expect_error<DataError>([&] { load(); }, {"dataset_5.txt", "no such file"});
}

TEST_F(DaliacFiles, SaysWhenNothingIsLeft) {
  expect_error<DataError>(
      [&] {
        load({{"window", "12"}});
      },
      {folder_.string(), "0 training and 0 test"});
}

}  // namespace
}  // namespace paretiny::data

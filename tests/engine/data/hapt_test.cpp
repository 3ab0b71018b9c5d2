#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "tests/engine/data/data_files.h"
#include "tests/support/shared.h"

namespace paretiny::data {
namespace {

const std::string kArchive = test::shared("data/hapt/hapt.tar.xz").string();

TEST(Hapt, RealRecordingsGiveThePublishedWindows) {
  if (!std::filesystem::exists(kArchive)) GTEST_SKIP() << kArchive << " is not here";
  const TempFolder folder;
  ASSERT_EQ(std::system(("tar xJf '" + kArchive + "' -C '" + folder.string() + "'").c_str()), 0);

  const Dataset six = load_dataset({.format = "hapt", .path = folder.string(), .validation = 0});
  EXPECT_EQ(six.sample(), (Shape{1, 1, 128, 6}));
  EXPECT_EQ(six.train.size(), 7415);
  EXPECT_EQ(six.test.size(), 2996);
  EXPECT_EQ(six.classes.size(), 6u);
  EXPECT_EQ(six.classes[5], "laying");
  EXPECT_EQ(histogram(six.train, 6),
            (std::vector<std::int64_t>{1226, 1073, 987, 1293, 1423, 1413}));
  EXPECT_EQ(histogram(six.test, 6), (std::vector<std::int64_t>{496, 471, 420, 508, 556, 545}));
  expect_normalised(six, six.train);
  // The first window: experiment 1 from sample 250 on.
  std::ifstream acc(folder.path() / "HAPT Data Set/RawData/acc_exp01_user01.txt");
  std::ifstream gyro(folder.path() / "HAPT Data Set/RawData/gyro_exp01_user01.txt");
  std::string line;
  for (int i = 1; i < 250; ++i) std::getline(acc, line), std::getline(gyro, line);
  for (std::size_t t = 0; t < 128; ++t) {
    for (std::size_t c = 0; c < 6; ++c) {
      double expected = 0;
      (c < 3 ? acc : gyro) >> expected;
      ASSERT_EQ(value_at(six.train, t * 6 + c), static_cast<double>(static_cast<float>(expected)));
    }
  }

  const Dataset twelve = load_dataset({.format = "hapt",
                                       .path = folder.string() + "/HAPT Data Set",
                                       .validation = 0.2,
                                       .options = {{"classes", "12"}}});
  EXPECT_EQ(twelve.classes.size(), 12u);
  EXPECT_EQ(twelve.train.size() + twelve.validation.size(), 7767);
  EXPECT_EQ(twelve.test.size(), 3162);
  EXPECT_GT(twelve.validation.size(), 1000);  // 4 of 21 people
  EXPECT_LT(twelve.validation.size(), 2000);
}

/// The published layout with short recordings: labels.txt has its 1,214 rows, each 8 samples long.
class HaptFiles : public testing::Test {
 protected:
  static constexpr int kRows = 1214, kLength = 8;

  HaptFiles() {
    std::string labels;
    std::vector<int> samples(62);
    for (int i = 0; i < kRows; ++i) {
      const int experiment = 1 + i % 61;
      int& used = samples[static_cast<std::size_t>(experiment)];
      labels += std::to_string(experiment) + " " + std::to_string(person(experiment)) + " " +
                std::to_string(1 + i % 12) + " " + std::to_string(used + 1) + " " +
                std::to_string(used + kLength) + "\n";
      used += kLength;
    }
    write("labels.txt", labels);
    for (int e = 1; e <= 61; ++e) {
      for (const char* sensor : {"acc", "gyro"}) {
        std::string rows;
        for (int t = 1; t <= samples[static_cast<std::size_t>(e)]; ++t) {
          // Every number tells where it came from.
          const std::string fraction = std::to_string(1000 + t);
          const int base = sensor[0] == 'a' ? 0 : 3;
          for (int c = 0; c < 3; ++c) {
            rows += std::to_string(e * 10 + base + c);
            rows += '.';
            rows += fraction;
            rows += ' ';
          }
          rows.back() = '\n';
        }
        write(file(sensor, e), rows);
      }
    }
  }
  static int person(int experiment) { return 1 + (experiment - 1) % 30; }
  static std::string file(const std::string& sensor, int e) {
    const auto two = [](int number) { return std::to_string(100 + number).substr(1); };
    return sensor + "_exp" + two(e) + "_user" + two(person(e)) + ".txt";
  }
  void write(const std::string& name, const std::string& content) const {
    folder_.write("HAPT Data Set/RawData/" + name, content);
  }
  std::string read(const std::string& name) const {
    std::ifstream stream(folder_.path() / "HAPT Data Set/RawData" / name);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  Dataset load(double validation = 0, const std::string& classes = "12") const {
    return load_dataset({.format = "hapt",
                         .path = folder_.string(),
                         .validation = validation,
                         .options = {{"window", "4"}, {"step", "2"}, {"classes", classes}}});
  }

  TempFolder folder_;
};

TEST_F(HaptFiles, CutsWindowsInsideEachRowAndKeepsPeopleApart) {
  const Dataset set = load(0.25);
  EXPECT_EQ(set.sample(), (Shape{1, 1, 4, 6}));
  EXPECT_EQ(set.train.size() + set.validation.size() + set.test.size(), kRows * 3);
  const std::vector<int> test_people = {2, 4, 9, 10, 12, 13, 18, 20, 24};
  std::vector<int> split_of(31, -1);
  int split = 0;
  for (const Samples* part : {&set.train, &set.validation, &set.test}) {
    for (std::int64_t i = 0; i < part->size(); ++i) {
      const auto base = static_cast<std::size_t>(i) * 24;
      const double first = value_at(*part, base);
      const int experiment = static_cast<int>(first) / 10;
      const int time = static_cast<int>(std::lround((first - std::floor(first)) * 1e4)) - 1000;
      // A window starts 0, 2 or 4 into its row and holds consecutive samples of all six channels.
      EXPECT_EQ((time - 1) % 8 % 2, 0);
      EXPECT_LE((time - 1) % 8, 4);
      for (std::size_t k = 0; k < 24; ++k) {
        const int t = time + static_cast<int>(k) / 6;
        ASSERT_NEAR(value_at(*part, base + k),
                    experiment * 10 + static_cast<int>(k % 6) + (1000 + t) * 1e-4, 4e-5);
      }
      int& owner = split_of[static_cast<std::size_t>(person(experiment))];
      EXPECT_TRUE(owner == -1 || owner == split);
      owner = split;
    }
    ++split;
  }
  for (int p = 1; p <= 30; ++p) {
    const bool test = std::find(test_people.begin(), test_people.end(), p) != test_people.end();
    EXPECT_EQ(split_of[static_cast<std::size_t>(p)] == 2, test) << "person " << p;
  }
  EXPECT_EQ(std::count(split_of.begin(), split_of.end(), 1), 5);  // a quarter of 21
}

TEST_F(HaptFiles, SixClassesLeaveTheTransitionsOut) {
  const Dataset set = load(0, "6");
  EXPECT_EQ(set.classes.size(), 6u);
  EXPECT_EQ(set.train.size() + set.test.size(), (kRows / 12 * 6 + 2) * 3);
}

TEST_F(HaptFiles, NamesTheRowOfABadLabel) {
  const std::string good = read("labels.txt");
  const auto refuse = [&](const std::string& first_row, const std::vector<std::string>& parts) {
    write("labels.txt", first_row + good.substr(good.find('\n')));
    expect_error<DataError>([&] { load(); }, parts);
  };
  refuse("1 1 13 1 8", {"labels.txt, line 1", "activity label 13", "1 to 12"});
  refuse("1 1 0 1 8", {"activity label 0"});
  refuse("62 1 1 1 8", {"experiment 62", "1 to 61"});
  refuse("1 31 1 1 8", {"user 31", "1 to 30"});
  refuse("1 1 1 0 8", {"samples 0 to 8"});
  refuse("1 1 1 9 8", {"samples 9 to 8"});
  refuse("1 1 1 1 100000", {"labels.txt, line 1", "sample 100000 of experiment 1"});
  refuse("1 1 1 1", {"labels.txt, line 1", "4 numbers, where 5"});
  refuse("1 2 1 1 8", {"line 62", "user 1 in experiment 1, which is user 2's"});
  write("labels.txt", good.substr(0, good.size() / 2).substr(0, good.rfind('\n', good.size() / 2)));
  expect_error<DataError>([&] { load(); }, {"labels.txt", "1214"});
}

TEST_F(HaptFiles, NamesADamagedRecording) {
  const std::string name = file("gyro", 17);
  const std::string good = read(name);
  write(name, good.substr(0, good.rfind('\n', good.size() - 2) + 1));
  expect_error<DataError>([&] { load(); }, {file("acc", 17), name, "must be equal"});
  write(name, good.substr(0, good.size() - 12));
  expect_error<DataError>([&] { load(); }, {name, "2 numbers, where 3"});
  write(name, "1 nan 2\n" + good.substr(good.find('\n') + 1));
  expect_error<DataError>([&] { load(); }, {name, "line 1", "'nan' in column 2"});
  std::filesystem::remove(folder_.path() / "HAPT Data Set/RawData" / name);
  expect_error<DataError>([&] { load(); }, {name, "no such file"});
}

TEST_F(HaptFiles, RefusesOtherOptions) {
  expect_error<UsageError>([&] { load(0, "7"); }, {"classes = '7'"});
  expect_error<UsageError>(
      [&] {
        load_dataset({.format = "hapt", .path = folder_.string(), .options = {{"windov", "4"}}});
      },
      {"windov", "did you mean 'window'?"});
  expect_error<UsageError>(
      [&] {
        load_dataset({.format = "hapt", .path = folder_.string(), .options = {{"step", "0"}}});
      },
      {"step = '0'"});
}

}  // namespace
}  // namespace paretiny::data

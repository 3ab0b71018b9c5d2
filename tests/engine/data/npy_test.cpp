#include <sstream>

#include "base/error.h"
#include "engine/data/formats/npy_array.h"
#include "tests/engine/data/data_files.h"
#include "tests/engine/data/npy_made.h"
#include "tests/support/shared.h"

namespace paretiny::data {
namespace {

const std::string kDsads = test::shared("data/dsads-subset").string();

TEST(Npy, DsadsSubsetReadsInPlace) {
  if (!std::filesystem::exists(kDsads)) GTEST_SKIP() << kDsads << " is not here";
  DatasetSpec spec{.format = "npy",
                   .path = kDsads,
                   .validation = 0,
                   .options = {{"x", "dsads_subset_x.npy"},
                               {"y", "dsads_subset_y.npy"},
                               {"layout", "nct"},
                               {"label_column", "0"},
                               {"group_column", "1"},
                               {"test_subjects", "7,8"}}};
  const Dataset set = load_dataset(spec);
  EXPECT_EQ(set.sample(), (Shape{1, 1, 125, 30}));
  EXPECT_EQ(set.train.dtype, DType::f32);
  EXPECT_EQ(histogram(set.train, 19), std::vector<std::int64_t>(19, 90));
  EXPECT_EQ(histogram(set.test, 19), std::vector<std::int64_t>(19, 30));
  EXPECT_EQ(set.classes.front(), "1");
  EXPECT_EQ(set.classes.back(), "19");
  expect_normalised(set, set.train);
  // Sorted by activity, person, segment: sample 15 of the file is the first of person 2.
  const NpyArray x = read_npy(kDsads + "/dsads_subset_x.npy");
  for (std::int64_t c = 0; c < 30; ++c) {
    for (std::int64_t t = 0; t < 125; ++t) {
      ASSERT_EQ(value_at(set.train, static_cast<std::size_t>((15 * 125 + t) * 30 + c)),
                x.real((15 * 30 + c) * 125 + t));
      // The first test sample is the first of person 7.
      ASSERT_EQ(value_at(set.test, static_cast<std::size_t>(t * 30 + c)),
                x.real((90 * 30 + c) * 125 + t));
    }
  }
  spec.validation = 0.2;  // one person of six
  EXPECT_EQ(load_dataset(spec).validation.size(), 285);
}

class NpyFiles : public testing::Test {
 protected:
  NpyFiles() {
    folder_.write("x.npy", npy<float>("<f4", "40, 2, 3, 4", counted<float>(40 * 24)));
    folder_.write("y.npy", npy<std::int32_t>("<i4", "40,", labels()));
  }
  /// 12 of -7, 16 of 3, 12 of 500.
  static std::vector<std::int32_t> labels() {
    std::vector<std::int32_t> values;
    for (int i = 0; i < 40; ++i) values.push_back(i < 12 ? -7 : i < 28 ? 3 : 500);
    return values;
  }
  Dataset load(const std::map<std::string, std::string>& options = {}) const {
    return load_dataset(
        {.format = "npy", .path = folder_.string(), .validation = 0, .options = options});
  }
  void refuse(const std::vector<std::string>& parts,
              const std::map<std::string, std::string>& options = {}, bool usage = false) const {
    if (usage) {
      expect_error<UsageError>([&] { load(options); }, parts);
    } else {
      expect_error<DataError>([&] { load(options); }, parts);
    }
  }

  TempFolder folder_;
};

TEST_F(NpyFiles, MapsLabelsInOrderAndSplitsByClass) {
  const Dataset set = load({{"test", "0.25"}});
  EXPECT_EQ(set.sample(), (Shape{1, 2, 3, 4}));
  EXPECT_EQ(set.classes, (std::vector<std::string>{"-7", "3", "500"}));
  EXPECT_EQ(histogram(set.train, 3), (std::vector<std::int64_t>{9, 12, 9}));
  EXPECT_EQ(histogram(set.test, 3), (std::vector<std::int64_t>{3, 4, 3}));
  folder_.write("classes.txt", "left\nrest\nright\n");
  EXPECT_EQ(load().classes[1], "rest");
}

TEST_F(NpyFiles, KeepsBytesAsBytesInEitherLayout) {
  folder_.write("x.npy", npy<std::uint8_t>("|u1", "40, 2, 3, 4", counted<std::uint8_t>(40 * 24)));
  EXPECT_EQ(load().train.dtype, DType::u8);
  folder_.write("x.npy.gz",
                gzip(npy<std::uint8_t>("|u1", "40, 6, 4", counted<std::uint8_t>(40 * 24))));
  std::filesystem::remove(folder_.path() / "x.npy");
  const Dataset set = load({{"layout", "nct"}});
  EXPECT_EQ(set.sample(), (Shape{1, 1, 4, 6}));
  const double first = value_at(set.train, 0);
  EXPECT_EQ(value_at(set.train, 1), std::fmod(first + 4, 100));  // the next channel
  EXPECT_EQ(value_at(set.train, 6), std::fmod(first + 1, 100));  // the next time
  expect_normalised(set, set.train);
}

TEST_F(NpyFiles, EveryLayoutGivesTheSameSamples) {
  // Value 1000 n + 100 h + 10 w + c of sample n.
  const auto written = [&](const std::string& layout, const std::string& shape, bool series) {
    std::vector<float> values;
    const bool first = layout == "nchw" || layout == "nct";
    for (int n = 0; n < 40; ++n) {
      for (int i = 0; i < 24; ++i) {
        const int c = first ? i / 6 : i % 4;
        const int place = first ? i % 6 : i / 4;
        const int h = series ? 0 : place / 3;
        const int w = series ? place : place % 3;
        values.push_back(static_cast<float>(1000 * n + 100 * h + 10 * w + c));
      }
    }
    folder_.write("x.npy", npy<float>("<f4", shape, values));
    return load({{"layout", layout}}).train;
  };
  const Samples images = written("nhwc", "40, 2, 3, 4", false);
  EXPECT_EQ(images.sample, (Shape{1, 2, 3, 4}));
  EXPECT_EQ(written("nchw", "40, 4, 2, 3", false).values, images.values);
  const Samples series = written("ntc", "40, 6, 4", true);
  EXPECT_EQ(series.sample, (Shape{1, 1, 6, 4}));
  EXPECT_EQ(written("nct", "40, 4, 6", true).values, series.values);
}

TEST_F(NpyFiles, SaysHowItReadsAnOddLayout) {
  const auto notes = [&](const std::string& shape, const std::string& layout) {
    std::size_t elements = 1;
    std::istringstream extents(shape);
    for (std::size_t extent = 0; extents >> extent; extents.ignore(2)) elements *= extent;
    folder_.write("x.npy", npy<float>("<f4", shape, counted<float>(elements)));
    std::string text;
    for (const std::string& note : load({{"layout", layout}}).notes) text += note + "\n";
    return text;
  };
  EXPECT_NE(notes("40, 100, 1", "nct")
                .find("series of 100 channels, 1 step (layout nct); if that "
                      "is wrong, set layout = \"ntc\""),
            std::string::npos);
  EXPECT_NE(notes("40, 6, 128", "ntc").find("128 channels, 6 steps"), std::string::npos);
  EXPECT_NE(notes("40, 3, 16, 16", "nhwc").find("set layout = \"nchw\""), std::string::npos);
  EXPECT_NE(notes("40, 1, 16, 16", "nhwc").find("set layout = \"nchw\""), std::string::npos);
  EXPECT_NE(notes("40, 16, 16, 3", "nchw").find("set layout = \"nhwc\""), std::string::npos);
  EXPECT_EQ(notes("40, 6, 128", "nct"), "");
  EXPECT_EQ(notes("40, 128, 6", "ntc"), "");
  EXPECT_EQ(notes("40, 16, 16, 3", "nhwc"), "");
  EXPECT_EQ(notes("40, 3, 16, 16", "nchw"), "");
  EXPECT_EQ(notes("40, 1, 16, 6", "nhwc"), "");
}

TEST_F(NpyFiles, SaysWhatIsWrongWithLabels) {
  std::vector<std::int64_t> one_hot;
  for (int i = 0; i < 40; ++i) {
    for (int k = 0; k < 3; ++k) one_hot.push_back(i % 3 == k ? 1 : 0);
  }
  folder_.write("y.npy", npy<std::int64_t>("<i8", "40, 3", one_hot));
  refuse({"y.npy", "a column a class, (40, 3)", "y.argmax(axis=1)"});
  EXPECT_EQ(load({{"label_column", "1"}}).classes.size(), 2u) << "said outright";
  folder_.write("y.npy", npy<float>("<f4", "40, 3", {one_hot.begin(), one_hot.end()}));
  refuse({"y.argmax(axis=1)"});
  folder_.write("y.npy", npy<float>("<f4", "40,", counted<float>(40)));
  refuse({"y.npy", "floating-point numbers", "y.astype('int64')"});
  folder_.write("y.npy", npy<double>("<f8", "40,", std::vector<double>(40, 0.5)));
  refuse({"y.npy", "floating-point numbers", "whole numbers, one a sample"});
  folder_.write("y.npy", npy<std::int64_t>("<i8", "", {1}));
  refuse({"y.npy", "shape ()"}, {{"label_column", "0"}}, true);
  folder_.write("y.npy", npy<std::int64_t>("<i8", "40, 1", counted<std::int64_t>(40)));
  refuse({"label_column", "(40, 1)", "y.ravel()"}, {}, true);
  folder_.write("y.npy", npy<std::uint64_t>("<u8", "40,", std::vector<std::uint64_t>(40, ~0ull)));
  refuse({"18446744073709551615", "2^63"});
  folder_.write("y.npy", npy<std::int64_t>("<i8", "40,", std::vector<std::int64_t>(40, 7)));
  refuse({"one class, 7", "at least two"});
}

TEST_F(NpyFiles, SaysWhatIsWrongWithTheAxes) {
  const auto shaped = [&](const std::string& shape) {
    folder_.write("x.npy", npy<float>("<f4", shape, counted<float>(40 * 24)));
  };
  shaped("40, 4, 6");
  refuse({"3 dimensions, (40, 4, 6)", "layout nhwc needs 4", "x[..., None]", "\"ntc\""});
  shaped("40, 24");
  refuse({"2 dimensions", "x[:, :, None]"}, {{"layout", "nct"}});
  shaped("960");
  refuse({"1 dimension, (960)", "first axis counts the samples"});
  shaped("40, 2, 3, 4");
  refuse({"4 dimensions", "layout ntc needs 3, [sample][time][channel]", "\"nchw\""},
         {{"layout", "ntc"}});
}

TEST_F(NpyFiles, NotesWhatFloat32CannotHold) {
  std::vector<double> values(40 * 24);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = i % 4 == 0 ? 1e-200 * static_cast<double>(i) : static_cast<double>(i % 7);
  }
  folder_.write("x.npy", npy<double>("<f8", "40, 2, 3, 4", values));
  const std::vector<std::string> notes = load().notes;
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_NE(notes[0].find("channel 0, counted from 0, runs from 0 to 9."), std::string::npos)
      << notes[0];
  EXPECT_NE(notes[1].find("channel 0, counted from 0, is constant"), std::string::npos);
}

TEST_F(NpyFiles, NotesClassesThatASplitLacks) {
  std::vector<std::int64_t> people, labels;
  for (int i = 0; i < 40; ++i) {
    people.push_back(i < 10 ? 1 : 2 + i % 3);
    labels.push_back(i < 10 ? 5 : i % 2);
  }
  folder_.write("groups.npy", npy<std::int64_t>("<i8", "40,", people));
  folder_.write("y.npy", npy<std::int64_t>("<i8", "40,", labels));
  const std::vector<std::string> notes = load({{"test_subjects", "1"}}).notes;
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0], "class '5' has no training samples: it cannot be learnt");
  EXPECT_EQ(notes[1],
            "classes '0' and '1' have no test samples: they cannot count in the test accuracy");
  EXPECT_EQ(load({{"test_subjects", "2"}}).notes.size(), 1u) << "person 2 lacks class 5";
}

TEST_F(NpyFiles, HoldsGroupsOut) {
  std::vector<std::int64_t> people;
  for (int i = 0; i < 40; ++i) people.push_back(1 + i % 4);
  folder_.write("groups.npy", npy<std::int64_t>("<i8", "40,", people));
  const Dataset named = load({{"test_subjects", "2"}});
  EXPECT_EQ(named.train.size(), 30);
  EXPECT_EQ(named.test.size(), 10);
  for (std::int64_t i = 0; i < 10; ++i) {
    // Sample n of the file begins with 24 n mod 100; person 2 has n = 1, 5, 9, ...
    EXPECT_EQ(value_at(named.test, static_cast<std::size_t>(i) * 24), 24 * (1 + 4 * i) % 100);
  }
  EXPECT_EQ(load({{"test", "0.5"}}).test.size(), 20);
  expect_error<UsageError>(
      [&] {
        load({{"test_subjects", "2,9"}});
      },
      {"no person 9", "1, 2, 3, 4"});
  expect_error<UsageError>([&] { load({{"test_subjects", "1,2,3,4"}}); }, {"every person"});
  expect_error<UsageError>([&] { load({{"test_subjects", "2"}, {"test", "0.5"}}); }, {"only one"});
  expect_error<UsageError>(
      [&] {
        load({{"groups", "groups.npy"}, {"group_column", "0"}});
      },
      {"groups and group_column"});
  people.back() = std::int64_t{1} << 40;
  folder_.write("groups.npy", npy<std::int64_t>("<i8", "40,", people));
  refuse({"groups.npy", "1099511627776", "32 bits"});
  people.pop_back();
  folder_.write("groups.npy", npy<std::int64_t>("<i8", "39,", people));
  refuse({"groups.npy", "39 rows for 40 samples"});
  std::filesystem::remove(folder_.path() / "groups.npy");
  expect_error<UsageError>([&] { load({{"test_subjects", "2"}}); }, {"needs groups"});
  folder_.write("groups.npy", npy<std::int64_t>("<i8", "40,", std::vector<std::int64_t>(40, 1)));
  refuse({"only one person"});
}

TEST_F(NpyFiles, RefusesWhatDoesNotFitTogether) {
  refuse({"x.npy", "4 dimensions", "layout nct"}, {{"layout", "nct"}});
  refuse({"absent.npy", "no such file"}, {{"x", "absent.npy"}});
  folder_.write("y.npy", npy<float>("<f4", "40,", counted<float>(40)));
  refuse({"y.npy", "integers are needed"});
  folder_.write("y.npy", npy<std::uint8_t>("|u1", "39,", counted<std::uint8_t>(39)));
  refuse({"y.npy", "39 rows for 40 samples"});
  folder_.write("y.npy", npy<std::uint8_t>("|u1", "40, 2", counted<std::uint8_t>(80)));
  expect_error<UsageError>([&] { load(); }, {"label_column", "two dimensions"});
  expect_error<UsageError>(
      [&] {
        load({{"label_column", "2"}});
      },
      {"label_column = '2'", "0 to 1"});
  EXPECT_EQ(load({{"label_column", "1"}}).classes.size(), 40u);
  expect_error<UsageError>([&] { load({{"layout", "nwhc"}}); }, {"layout = 'nwhc'"});
  expect_error<UsageError>([&] { load({{"label_colum", "1"}}); }, {"did you mean 'label_column'?"});
  expect_error<UsageError>(
      [&] {
        load({{"label_column", "1"}, {"test", "0"}});
      },
      {"test = '0'", "0.01 to 0.9"});
}

TEST_F(NpyFiles, NamesTheSampleThatIsNotFinite) {
  std::vector<double> values = counted<double>(40 * 24);
  for (const double bad : {std::nan(""), HUGE_VAL, 1e300}) {
    values[24 * 17 + 3] = bad;
    folder_.write("x.npy", npy<double>("<f8", "40, 2, 3, 4", values));
    refuse({"x.npy", "sample 17", "finite"});
  }
}

}  // namespace
}  // namespace paretiny::data

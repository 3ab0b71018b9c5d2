#include <set>

#include "engine/data/npy_array.h"
#include "kernels/error.h"
#include "tests/engine/data/data_files.h"

namespace paretiny {
namespace {

const std::string kDsads = PARETINY_SHARED "/data/dsads-subset";

/// An .npy file of version 1 as numpy.save writes it.
std::string npy_header(const std::string& type, const std::string& shape) {
  std::string text =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(text.size() & 0xFF) +
         static_cast<char>(text.size() >> 8) + text;
}

template <class T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values) {
  return npy_header(type, shape) +
         std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
std::vector<T> counted(std::size_t size) {
  std::vector<T> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<T>(i % 100);
  return values;
}

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
              const std::map<std::string, std::string>& options = {}) const {
    expect_error<DataError>([&] { load(options); }, parts);
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

template <class T>
void expect_type(const std::string& name) {
  const TempFolder folder;
  folder.write("a.npy.xz", xz(npy<T>(name, "2, 3", {1, 2, 3, 4, 5, static_cast<T>(-6)})));
  const NpyArray array = read_npy(folder.path() / "a.npy");
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3}));
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(array.real(i), static_cast<double>(i + 1));
  EXPECT_EQ(array.real(5), static_cast<double>(static_cast<T>(-6))) << name;
  if (array.is_integer()) {
    EXPECT_EQ(array.integer(5), static_cast<std::int64_t>(static_cast<T>(-6)));
  }
}

TEST(NpyArray, ReadsEveryType) {
  expect_type<std::int8_t>("|i1");
  expect_type<std::uint8_t>("|u1");
  expect_type<std::int16_t>("<i2");
  expect_type<std::uint16_t>("<u2");
  expect_type<std::int32_t>("<i4");
  expect_type<std::uint32_t>("<u4");
  expect_type<std::int64_t>("<i8");
  expect_type<float>("<f4");
  expect_type<double>("<f8");
}

TEST(NpyArray, RefusesHostileHeaders) {
  const TempFolder folder;
  const std::string data(64, '\0');
  const std::string good = npy_header("<f4", "4, 4") + data;
  const auto refuse = [&](const std::string& bytes, const std::vector<std::string>& parts) {
    folder.write("a.npy", bytes);
    expect_error<DataError>([&] { read_npy(folder.path() / "a.npy"); }, parts);
  };
  refuse("", {"a.npy", "not an .npy file"});
  refuse("\x93NUMPY\x01", {"not an .npy file"});
  refuse("PK" + good, {"not an .npy file"});
  refuse(good.substr(0, 40), {"cut short"});
  refuse(std::string("\x93NUMPY\x09\x00", 8) + good.substr(8), {"unknown version"});
  refuse(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF", 12) + good.substr(12), {"cut short"});
  refuse(npy_header("<f4", "4, 5") + data, {"shape (4, 5)", "64 bytes"});
  refuse(npy_header("<f4", "4, 3") + data, {"shape (4, 3)", "64 bytes"});
  refuse(npy_header("<f4", "4611686018427387904, 4, 4") + data, {"shape", "64 bytes"});
  refuse(npy_header("<f4", "9223372036854775807, 9223372036854775807") + data, {"64 bytes"});
  refuse(npy_header("<f4", "99999999999999999999") + data, {"shape"});
  refuse(npy_header("<f4", "-4, -4") + data, {"shape (-4, -4)"});
  refuse(npy_header("<f4", "0, 4") + data, {"shape (0, 4)"});
  refuse(npy_header("<f4", "4 x 4") + data, {"shape (4 x 4)"});
  refuse(npy_header(">f4", "4, 4") + data, {"type '>f4'", "<f4"});
  refuse(npy_header("|O", "4, 4") + data, {"type '|O'"});
  refuse(npy_header("<c8", "4, 2") + data, {"type '<c8'"});
  for (const auto& [word, other] : std::vector<std::pair<std::string, std::string>>{
           {"'shape'", "'shapf'"}, {"(4", " 4"}, {"4)", "4 "}, {"'descr': '", "'descr': ["}}) {
    std::string bytes = good;
    bytes.replace(bytes.find(word), word.size(), other);
    refuse(bytes, {"a.npy", "header"});
  }
  std::string bytes = good;
  bytes.replace(bytes.find("False"), 5, "True ");
  refuse(bytes, {"Fortran order"});
}

TEST(NpyArray, NoFlippedBitOfAHeaderCrashes) {
  const TempFolder folder;
  const std::string good = npy<float>("<f4", "4, 4", counted<float>(16));
  for (std::size_t bit = 0; bit < 128 * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    folder.write("a.npy", bytes);
    try {
      EXPECT_EQ(read_npy(folder.path() / "a.npy").bytes.size(), good.size());
    } catch (const DataError&) {
    }
  }
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
  expect_error<UsageError>([&] { load({{"layout", "nchw"}}); }, {"layout = 'nchw'"});
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
}  // namespace paretiny

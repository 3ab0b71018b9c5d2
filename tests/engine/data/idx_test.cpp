#include "base/error.h"
#include "tests/engine/data/data_files.h"
#include "tests/support/shared.h"

namespace paretiny::data {
namespace {

const std::string kFolder = test::shared("data/fashion-mnist").string();

std::string number(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

TEST(Idx, FashionMnistHasThePublishedCountsAndMoments) {
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << kFolder << " is not here";
  const Dataset set = load_dataset({.format = "idx", .path = kFolder, .validation = 0});
  ASSERT_EQ(set.train.size(), 60000);
  ASSERT_EQ(set.test.size(), 10000);
  EXPECT_EQ(set.sample(), (Shape{1, 28, 28, 1}));
  EXPECT_EQ(histogram(set.train, 10), std::vector<std::int64_t>(10, 6000));
  EXPECT_EQ(histogram(set.test, 10), std::vector<std::int64_t>(10, 1000));
  const double scale = static_cast<double>(set.scale[0]);
  EXPECT_NEAR(1 / (scale * 255), 0.3530, 6e-5);
  EXPECT_NEAR(-static_cast<double>(set.shift[0]) / (scale * 255), 0.2860, 6e-5);
}

class IdxFiles : public testing::Test {
 protected:
  static constexpr std::uint32_t kTrain = 60, kTest = 9, kHeight = 3, kWidth = 5;

  IdxFiles() {
    put("train", kTrain);
    put("t10k", kTest);
  }
  static std::string images(std::uint32_t count) {
    std::string bytes = number(2051) + number(count) + number(kHeight) + number(kWidth);
    for (std::uint32_t i = 0; i < count * kHeight * kWidth; ++i) {
      bytes += static_cast<char>(i * 37 % 251);
    }
    return bytes;
  }
  static std::string labels(std::uint32_t count) {
    std::string bytes = number(2049) + number(count);
    for (std::uint32_t i = 0; i < count; ++i) bytes += static_cast<char>(i % 3);
    return bytes;
  }
  void put(const std::string& part, std::uint32_t count) const {
    folder_.write(part + "-images-idx3-ubyte", images(count));
    folder_.write(part + "-labels-idx1-ubyte", labels(count));
  }
  Dataset load() const {
    return load_dataset({.format = "idx", .path = folder_.string(), .validation = 0});
  }

  TempFolder folder_;
};

TEST_F(IdxFiles, ReadsPlainAndCompressedFilesAlike) {
  const Dataset plain = load();
  EXPECT_EQ(plain.sample(), (Shape{1, 3, 5, 1}));
  EXPECT_EQ(plain.classes, (std::vector<std::string>{"0", "1", "2"}));
  for (std::size_t i = 0; i < plain.train.values.size(); ++i) {
    ASSERT_EQ(static_cast<std::uint32_t>(plain.train.values[i]), i * 37 % 251);
  }
  expect_normalised(plain, plain.train);
  std::filesystem::remove(folder_.path() / "train-images-idx3-ubyte");
  folder_.write("train-images-idx3-ubyte.gz", gzip(images(kTrain)));
  std::filesystem::remove(folder_.path() / "t10k-labels-idx1-ubyte");
  folder_.write("t10k-labels-idx1-ubyte.xz", xz(labels(kTest)));
  const Dataset packed = load();
  EXPECT_EQ(packed.train.values, plain.train.values);
  EXPECT_EQ(packed.test.labels, plain.test.labels);
}

TEST_F(IdxFiles, TakesClassNamesFromAFile) {
  folder_.write("classes.txt", "circle\nsquare\r\nstar\n");
  EXPECT_EQ(load().classes, (std::vector<std::string>{"circle", "square", "star"}));
  folder_.write("classes.txt", "circle\nsquare\n");
  expect_error<DataError>([&] { load(); }, {"classes.txt", "2 names for 3 classes"});
}

TEST_F(IdxFiles, RefusesWhatIsNotAnIdxFileOfBytes) {
  folder_.write("train-images-idx3-ubyte", number(2049) + images(kTrain).substr(4));
  expect_error<DataError>([&] { load(); }, {"train-images", "0x00000801", "0x00000803"});
  folder_.write("train-images-idx3-ubyte", "abc");
  expect_error<DataError>([&] { load(); }, {"train-images", "3 bytes"});
  folder_.write("train-images-idx3-ubyte", "");
  expect_error<DataError>([&] { load(); }, {"train-images", "0 bytes"});
}

TEST_F(IdxFiles, RefusesSizesThatDisagree) {
  const std::string whole = images(kTrain);
  for (const std::string& bytes :
       {whole.substr(0, whole.size() - 1), whole + "x",
        // A hostile header: the product of the extents overflows.
        number(2051) + number(0x80000000u) + number(0x80000000u) + number(4) + whole.substr(16),
        number(2051) + number(0) + number(3) + number(5)}) {
    folder_.write("train-images-idx3-ubyte", bytes);
    expect_error<DataError>([&] { load(); }, {"train-images", "its header says"});
  }
  put("train", kTrain);
  folder_.write("train-labels-idx1-ubyte", labels(kTrain - 1));
  expect_error<DataError>([&] { load(); }, {"train-labels", "59 labels for the 60 images"});
}

TEST_F(IdxFiles, RefusesLabelsOutOfRange) {
  std::string bytes = labels(kTrain);
  bytes[8 + 11] = 17;
  folder_.write("train-labels-idx1-ubyte", bytes);
  expect_error<DataError>([&] { load(); }, {"training label 17", "no sample with the label 3"});
  put("train", kTrain);
  bytes = labels(kTest);
  bytes[8 + 4] = 3;
  folder_.write("t10k-labels-idx1-ubyte", bytes);
  expect_error<DataError>([&] { load(); }, {"test label 3 of image 4", "0 to 2"});
}

TEST_F(IdxFiles, NamesAMissingFolder) {
  expect_error<DataError>([] { load_dataset({.format = "idx", .path = "/no/such/place"}); },
                          {"/no/such/place", "no such folder"});
  expect_error<DataError>([] { load_dataset({.format = "idx"}); }, {"path is missing"});
}

}  // namespace
}  // namespace paretiny::data

#include "base/error.h"
#include "engine/data/formats/file_bytes.h"
#include "tests/engine/data/data_files.h"
#include "tests/support/shared.h"

namespace paretiny::data {
namespace {

const std::string kFolder = test::shared("data/cifar10").string();

TEST(Cifar10, RealFilesHaveThePublishedCountsAndMoments) {
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << kFolder << " is not here";
  const Dataset set = load_dataset({.format = "cifar10", .path = kFolder, .validation = 0});
  ASSERT_EQ(set.train.size(), 50000);
  ASSERT_EQ(set.test.size(), 10000);
  EXPECT_EQ(set.validation.size(), 0);
  EXPECT_EQ(set.train.dtype, DType::u8);
  EXPECT_EQ(set.train.values.size(), 50000u * 3072u);
  EXPECT_EQ(set.sample(), (Shape{1, 32, 32, 3}));
  EXPECT_EQ(set.classes.size(), 10u);
  EXPECT_EQ(set.classes[3], "cat");
  EXPECT_EQ(histogram(set.train, 10), std::vector<std::int64_t>(10, 5000));
  EXPECT_EQ(histogram(set.test, 10), std::vector<std::int64_t>(10, 1000));
  const double mean[] = {0.4914, 0.4822, 0.4465};
  const double deviation[] = {0.2470, 0.2435, 0.2616};
  for (std::size_t c = 0; c < 3; ++c) {
    const double scale = static_cast<double>(set.scale[c]);
    EXPECT_NEAR(1 / (scale * 255), deviation[c], 6e-5);
    EXPECT_NEAR(-static_cast<double>(set.shift[c]) / (scale * 255), mean[c], 6e-5);
  }
  // The second image of the second file: planes in the file, interleaved in memory.
  const Bytes file = read_file(kFolder + "/data_batch_2.bin");
  const std::byte* record = file.data() + 3073;
  const std::byte* image = set.train.values.data() + 10001 * 3072;
  EXPECT_EQ(set.train.labels[10001], static_cast<std::int32_t>(record[0]));
  for (std::size_t p = 0; p < 1024; ++p) {
    for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(image[p * 3 + c], record[1 + c * 1024 + p]);
  }
}

class Cifar10Files : public testing::Test {
 protected:
  Cifar10Files() {
    for (int i = 1; i <= 5; ++i) folder_.write(batch(i), content_);
    folder_.write("cifar-10-batches-bin/test_batch.bin", content_);
  }
  static std::string batch(int i) {
    return "cifar-10-batches-bin/data_batch_" + std::to_string(i) + ".bin";
  }
  Dataset load() const {
    return load_dataset({.format = "cifar10", .path = folder_.string(), .validation = 0.1});
  }

  TempFolder folder_;
  std::string content_ = std::string(std::size_t{3073} * 10000, '\0');
};

TEST_F(Cifar10Files, ReadsTheFolderOfTheOfficialArchive) {
  content_[3073] = 9;
  content_[3073 + 1 + 1024] = '\xFF';  // first green pixel of image 1
  folder_.write(batch(1), content_);
  const Dataset set = load();
  EXPECT_EQ(set.train.size(), 45000);
  EXPECT_EQ(set.validation.size(), 5000);
  EXPECT_EQ(set.train.labels[1] + set.validation.labels[0] + set.validation.labels[1], 9);
}

TEST_F(Cifar10Files, NamesTheFileAndRecordOfABadLabel) {
  content_[3073 * 7] = 10;
  folder_.write(batch(4), content_);
  expect_error<DataError>([&] { load(); }, {"data_batch_4.bin", "record 7", "label 10", "0 to 9"});
}

TEST_F(Cifar10Files, NamesATruncatedAndAMissingFile) {
  folder_.write(batch(5), content_.substr(1));
  expect_error<DataError>([&] { load(); }, {"data_batch_5.bin", "30729999", "30730000"});
  std::filesystem::remove(folder_.path() / batch(2));
  expect_error<DataError>([&] { load(); }, {"data_batch_2.bin", "no such file"});
}

}  // namespace
}  // namespace paretiny::data

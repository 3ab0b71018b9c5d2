#include "kernels/error.h"
#include "tests/engine/data/data_files.h"

namespace paretiny {
namespace {

TEST(Synthetic, HasTheDocumentedSizes) {
  const Dataset set = load_dataset({.format = "synthetic", .validation = 0.2});
  EXPECT_EQ(set.sample(), (Shape{1, 1, 128, 6}));
  EXPECT_EQ(set.train.dtype, DType::f32);
  EXPECT_EQ(set.classes.size(), 6u);
  EXPECT_EQ(set.train.size(), 2400);      // 12 people of 200 samples
  EXPECT_EQ(set.validation.size(), 600);  // 3 people
  EXPECT_EQ(set.test.size(), 1000);       // 5 people
  for (const Samples* part : {&set.train, &set.validation, &set.test}) {
    EXPECT_EQ(part->values.size(), static_cast<std::size_t>(part->size()) * part->sample_bytes());
    for (const std::int64_t count : histogram(*part, 6)) {
      EXPECT_NEAR(static_cast<double>(count), static_cast<double>(part->size()) / 6, 15);
    }
  }
  expect_normalised(set, set.train);
}

TEST(Synthetic, OptionsShapeIt) {
  const Dataset set = load_dataset({.format = "synthetic",
                                    .validation = 0,
                                    .options = {{"samples", "240"},
                                                {"classes", "4"},
                                                {"channels", "3"},
                                                {"length", "64"},
                                                {"subjects", "8"},
                                                {"noise", "0"}}});
  EXPECT_EQ(set.sample(), (Shape{1, 1, 64, 3}));
  EXPECT_EQ(set.classes.size(), 4u);
  EXPECT_EQ(set.train.size(), 180);
  EXPECT_EQ(set.test.size(), 60);
}

TEST(Synthetic, SameSeedSameSet) {
  const DatasetSpec spec{.format = "synthetic", .seed = 5, .options = {{"samples", "400"}}};
  const Dataset first = load_dataset(spec);
  const Dataset again = load_dataset(spec);
  EXPECT_EQ(first.train.values, again.train.values);
  EXPECT_EQ(first.train.labels, again.train.labels);
  EXPECT_EQ(first.test.values, again.test.values);
  DatasetSpec other = spec;
  other.seed = 6;
  EXPECT_NE(first.train.values, load_dataset(other).train.values);
}

TEST(Synthetic, RefusesOptionsOutOfRange) {
  const auto load = [](const char* key, const char* text) {
    load_dataset({.format = "synthetic", .options = {{key, text}}});
  };
  expect_error<UsageError>([&] { load("classes", "13"); }, {"classes = '13'", "from 2 to 12"});
  expect_error<UsageError>([&] { load("noise", "nan"); }, {"noise = 'nan'", "from 0 to 100"});
  expect_error<UsageError>([&] { load("length", "64x"); }, {"length = '64x'"});
  expect_error<UsageError>([&] { load("samples", ""); }, {"samples = ''"});
  expect_error<UsageError>([&] { load("chanels", "6"); }, {"chanels", "did you mean 'channels'?"});
  expect_error<UsageError>([&] { load_dataset({.format = "cifar"}); },
                           {"format = 'cifar'", "did you mean 'cifar10'?"});
  expect_error<UsageError>([&] { load_dataset({.format = "synthetic", .validation = 0.95}); },
                           {"validation = 0.95", "0 to 0.9"});
  expect_error<UsageError>([&] { load_dataset({.format = "synthetic", .limit = -1}); },
                           {"limit = -1"});
}

}  // namespace
}  // namespace paretiny

#include <algorithm>

#include "base/error.h"
#include "tests/engine/data/data_files.h"

namespace paretiny::data {
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

/// Share of the test samples nearest to the mean of their own class: what a linear model could do
/// without learning the training samples by heart.
double nearest_mean_accuracy(const Dataset& set) {
  const auto length = static_cast<std::size_t>(set.sample().elements());
  std::vector<std::vector<double>> means(set.classes.size(), std::vector<double>(length));
  const std::vector<std::int64_t> counts = histogram(set.train, set.classes.size());
  for (std::size_t i = 0; i < set.train.labels.size(); ++i) {
    const auto k = static_cast<std::size_t>(set.train.labels[i]);
    for (std::size_t j = 0; j < length; ++j) {
      means[k][j] += value_at(set.train, i * length + j) / static_cast<double>(counts[k]);
    }
  }
  std::int64_t right = 0;
  for (std::size_t i = 0; i < set.test.labels.size(); ++i) {
    std::vector<double> distances(means.size());
    for (std::size_t k = 0; k < means.size(); ++k) {
      for (std::size_t j = 0; j < length; ++j) {
        distances[k] += std::pow(value_at(set.test, i * length + j) - means[k][j], 2);
      }
    }
    const auto nearest = std::min_element(distances.begin(), distances.end()) - distances.begin();
    if (nearest == set.test.labels[i]) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(set.test.size());
}

TEST(Synthetic, ClassesDifferInMotionNotInLevel) {
  const Dataset set = load_dataset({.format = "synthetic", .validation = 0});
  EXPECT_LT(nearest_mean_accuracy(set), 0.3);
  // Channel c+1 runs ahead of channel c in kind 0, behind it in kind 1: the sign of
  // sum x_c(t) x_{c+1}(t-d) - x_c(t) x_{c+1}(t+d) tells which, without any training.
  std::int64_t right = 0, asked = 0;
  for (std::size_t i = 0; i < set.test.labels.size(); ++i) {
    const std::int32_t kind = set.test.labels[i] % 3;
    if (kind == 2) continue;
    const auto x = [&](std::size_t t, std::size_t c) {
      return value_at(set.test, (i * 128 + t) * 6 + c) * static_cast<double>(set.scale[c]) +
             static_cast<double>(set.shift[c]);
    };
    double lead = 0;
    constexpr std::size_t d = 3;
    for (std::size_t t = d; t + d < 128; ++t) {
      for (std::size_t c = 0; c < 5; ++c) lead += x(t, c) * (x(t - d, c + 1) - x(t + d, c + 1));
    }
    if ((lead > 0) == (kind == 0)) ++right;
    ++asked;
  }
  EXPECT_GT(static_cast<double>(right) / static_cast<double>(asked), 0.9);
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
}  // namespace paretiny::data

#include <algorithm>
#include <set>
#include <span>

#include "base/error.h"
#include "engine/data/split.h"
#include "kernels/core/random.h"
#include "tests/engine/data/data_files.h"

namespace paretiny::data {
namespace {

std::vector<std::int32_t> random_labels(std::size_t size, std::vector<std::uint64_t> weights) {
  Random random(11, "labels");
  std::vector<std::int32_t> labels;
  std::uint64_t total = 0;
  for (const std::uint64_t weight : weights) total += weight;
  while (labels.size() < size) {
    std::uint64_t draw = random.below(total);
    std::int32_t k = 0;
    while (draw >= weights[static_cast<std::size_t>(k)]) {
      draw -= weights[static_cast<std::size_t>(k++)];
    }
    labels.push_back(k);
  }
  return labels;
}

TEST(DatasetSplit, StratifiedToWithinOneOfEachClass) {
  const std::vector<std::int32_t> labels = random_labels(997, {1, 5, 20, 70});
  std::vector<double> sizes(4);
  for (const std::int32_t label : labels) ++sizes[static_cast<std::size_t>(label)];
  for (const std::int64_t count : {1, 3, 100, 500, 996}) {
    const Picked picked = pick_stratified(labels, count, 1, "test");
    ASSERT_EQ(static_cast<std::int64_t>(picked.size()), count);
    EXPECT_TRUE(std::is_sorted(picked.begin(), picked.end()));
    EXPECT_EQ(std::set<std::int64_t>(picked.begin(), picked.end()).size(), picked.size());
    std::vector<double> got(4);
    for (const std::int64_t i : picked)
      ++got[static_cast<std::size_t>(labels.at(static_cast<std::size_t>(i)))];
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_LT(std::abs(got[k] - sizes[k] * static_cast<double>(count) / 997), 1.0);
    }
  }
  EXPECT_TRUE(pick_stratified(labels, 0, 1, "test").empty());
  EXPECT_EQ(pick_stratified(labels, 5000, 1, "test").size(), 997u);
}

TEST(DatasetSplit, SeedAndPurposeDecide) {
  const std::vector<std::int32_t> labels = random_labels(1000, {1, 1});
  const Picked first = pick_stratified(labels, 100, 1, "validation");
  EXPECT_EQ(first, pick_stratified(labels, 100, 1, "validation"));
  EXPECT_NE(first, pick_stratified(labels, 100, 2, "validation"));
  EXPECT_NE(first, pick_stratified(labels, 100, 1, "limit"));
}

TEST(DatasetSplit, PeopleGoWhole) {
  const std::vector<std::int32_t> people = random_labels(500, {1, 2, 3, 4, 5, 6, 7});
  for (const auto& [share, expected] :
       std::vector<std::pair<double, std::size_t>>{{0.001, 1}, {0.3, 2}, {0.5, 4}, {0.999, 6}}) {
    const Picked picked = pick_people(people, share, 3, "test");
    std::set<std::int32_t> in, out(people.begin(), people.end());
    for (const std::int64_t i : picked) in.insert(people[static_cast<std::size_t>(i)]);
    EXPECT_EQ(in.size(), expected);
    std::size_t samples = 0;
    for (const std::int32_t person : people) samples += in.count(person);
    EXPECT_EQ(picked.size(), samples);
  }
  expect_error<DataError>([] { pick_people({4, 4, 4}, 0.5, 0, "test"); }, {"only one person"});
}

TEST(DatasetSplit, TakeOutMovesSamplesAndKeepsTheOrder) {
  Samples samples{DType::u8, {1, 1, 2, 1}, {}, {}};
  for (int i = 0; i < 10; ++i) {
    samples.labels.push_back(i);
    samples.values.insert(samples.values.end(), 2, static_cast<std::byte>(i));
  }
  const Samples taken = take_out(samples, {0, 3, 4, 9});
  EXPECT_EQ(taken.labels, (std::vector<std::int32_t>{0, 3, 4, 9}));
  EXPECT_EQ(samples.labels, (std::vector<std::int32_t>{1, 2, 5, 6, 7, 8}));
  for (const Samples* part : {&taken, static_cast<const Samples*>(&samples)}) {
    ASSERT_EQ(part->values.size(), part->labels.size() * 2);
    for (std::size_t i = 0; i < part->values.size(); ++i) {
      EXPECT_EQ(static_cast<int>(part->values[i]), part->labels[i / 2]);
    }
  }
}

Dataset with_values(const std::vector<float>& values, std::int64_t channels) {
  Dataset set;
  set.train.sample = {1, 1, 1, channels};
  const auto bytes = std::as_bytes(std::span(values));
  set.train.values.assign(bytes.begin(), bytes.end());
  set.train.labels.resize(values.size() / static_cast<std::size_t>(channels));
  measure_normalisation(set);
  return set;
}

TEST(DatasetSplit, NormalisationSurvivesLargeOffsetsAndConstants) {
  std::vector<float> values;
  Random random(4, "values");
  for (int i = 0; i < 20000; ++i) {
    values.push_back(9.81f);                                              // constant
    values.push_back(static_cast<float>(50000 + 0.5 * random.normal()));  // offset >> spread
    values.push_back(static_cast<float>(1e-6 * random.normal()));
    values.push_back(0.0f);
  }
  const Dataset set = with_values(values, 4);
  EXPECT_EQ(set.scale[0], 1.0f);
  EXPECT_FLOAT_EQ(set.shift[0], -9.81f);
  EXPECT_NEAR(set.scale[1], 2.0f, 0.03f);
  EXPECT_NEAR(set.scale[2], 1e6f, 1.5e4f);
  EXPECT_EQ(set.scale[3], 1.0f);
  EXPECT_EQ(set.shift[3], 0.0f);
  EXPECT_EQ(set.notes, std::vector<std::string>{"channels 0 and 3, counted from 0, are constant in "
                                                "the training samples"});
}

TEST(DatasetSplit, SmallAndLargeSpreadsAreScaled) {
  for (const float size : {1e-37f, 1e-35f, 1e-31f, 1e-20f, 1e20f, 1e37f}) {
    std::vector<float> values;
    Random random(5, "values");
    for (int i = 0; i < 4000; ++i)
      values.push_back(size * static_cast<float>(random.uniform(-1, 1)));
    const Dataset set = with_values(values, 1);
    EXPECT_TRUE(set.notes.empty()) << size;
    double squares = 0;
    for (const float value : values) {
      const float scaled = value * set.scale[0] + set.shift[0];
      squares += static_cast<double>(scaled) * static_cast<double>(scaled);
    }
    EXPECT_NEAR(squares / 4000, 1, 1e-3) << size;
  }
}

TEST(DatasetSplit, WhatCannotBeScaledIsNoted) {
  std::vector<float> values;
  for (int i = 0; i < 1000; ++i) {
    values.push_back(i % 2 == 0 ? 1e-40f : 0.0f);                  // no float holds the inverse
    values.push_back(i == 0 ? std::nextafter(1e6f, 2e6f) : 1e6f);  // a rounding error apart
  }
  const Dataset set = with_values(values, 2);
  ASSERT_EQ(set.notes.size(), 2u);
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_EQ(set.scale[c], 1.0f);
    EXPECT_NE(set.notes[c].find("channel " + std::to_string(c)), std::string::npos);
    EXPECT_NE(set.notes[c].find("taken as constant"), std::string::npos);
  }
}

TEST(DatasetSplit, AWordOnAnEmptyValidationSplit) {
  const Dataset set = load_dataset({.format = "synthetic", .validation = 0.3, .options = {}});
  EXPECT_TRUE(set.notes.empty());
  const Dataset few = load_dataset({.format = "synthetic", .limit = 3, .options = {}});
  ASSERT_EQ(few.notes.size(), 1u);
  EXPECT_NE(few.notes[0].find("have no training samples: they cannot be learnt"),
            std::string::npos);
}

TEST(DatasetSplit, OnlyTheTrainingSplitIsMeasured) {
  const Dataset set = load_dataset(
      {.format = "synthetic", .validation = 0.3, .seed = 2, .limit = 500, .options = {}});
  EXPECT_EQ(set.train.size(), 500);
  for (const std::int64_t count : histogram(set.train, 6))
    EXPECT_TRUE(count >= 82 && count <= 85) << count;
  EXPECT_EQ(set.validation.size(), 1000);  // round(0.3 * 15) = 5 people, whole
  expect_normalised(set, set.train);
}

}  // namespace
}  // namespace paretiny::data

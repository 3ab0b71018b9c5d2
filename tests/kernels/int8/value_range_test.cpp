#include "kernels/int8/value_range.h"

#include "tests/support/kernels.h"

namespace paretiny::test {

using int8::value_range;

namespace {

struct Range {
  double low, high;
};

Range measure(Stream& stream, const std::vector<double>& values, double percentile) {
  const Tensor x(stream, DType::f32, {1, 1, 1, static_cast<std::int64_t>(values.size())}, values);
  const Tensor range(stream, DType::f32, {1, 1, 1, 2});
  value_range(stream, percentile, x, range);
  const auto ends = range.values();
  return {ends[0], ends[1]};
}

/// By sorting: the smallest rank that has at least the share of the other values below it.
void expect_judged(Stream& stream, std::vector<double> values, double percentile) {
  SCOPED_TRACE(std::to_string(values.size()) + " values, percentile " + std::to_string(percentile));
  const Range range = measure(stream, values, percentile);
  for (double& value : values) value = static_cast<float>(value);
  std::sort(values.begin(), values.end());
  std::size_t rank = 0;
  while (static_cast<double>(rank) * 100 < static_cast<double>(values.size() - 1) * percentile) {
    ++rank;
  }
  EXPECT_EQ(range.high, values[rank]);
  EXPECT_EQ(range.low, values[values.size() - 1 - rank]);
}

std::vector<double> normal_values(std::size_t count, std::uint64_t seed) {
  Random random(seed, "values");
  std::vector<double> values(count);
  for (double& value : values) value = 3 * random.normal() + 1;
  return values;
}

TEST(ValueRange, IsWhatSortingGives) {
  const auto stream = test_stream();
  for (const std::size_t count : {1u, 2u, 3u, 5u, 101u, 1000u, 4099u}) {
    for (const double percentile : {51.0, 90.0, 99.0, 99.9, 100.0}) {
      std::vector<double> values = normal_values(count, count);
      expect_judged(*stream, values, percentile);
      for (double& value : values) value = std::max(value, 0.0);  // many equal, as after a ReLU
      expect_judged(*stream, values, percentile);
    }
  }
}

TEST(ValueRange, TellsNeighboursApart) {
  const auto stream = test_stream();
  // Values that share all but their last bits, and values of every size.
  std::vector<double> close, wide;
  for (int i = 0; i < 500; ++i) {
    const int k = i * 7 % 500;
    close.push_back(-1 - k * 0x1p-23);
    wide.push_back((k % 2 == 0 ? 1 : -1) * std::ldexp(1.0, k % 268 - 140));
  }
  for (const double percentile : {60.0, 97.0, 100.0}) {
    expect_judged(*stream, close, percentile);
    expect_judged(*stream, wide, percentile);
  }
  const double largest = std::numeric_limits<float>::max();
  expect_judged(*stream, {largest, -largest, 0, 1}, 100);
  expect_judged(*stream, {largest, -largest, 0, 1}, 70);
}

TEST(ValueRange, IsNaNForWhatIsNotFinite) {
  const auto stream = test_stream();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {std::nan(""), -std::nan(""), infinity, -infinity}) {
    for (const std::size_t at : {0u, 600u, 1030u}) {
      for (const double percentile : {99.0, 100.0}) {
        std::vector<double> values = normal_values(1031, 1);
        values[at] = wrong;
        const Range range = measure(*stream, values, percentile);
        EXPECT_TRUE(std::isnan(range.low) && std::isnan(range.high)) << wrong << " at " << at;
      }
    }
  }
}

TEST(ValueRange, ReadsWhatIsNotAligned) {
  const auto stream = test_stream();
  const Tensor x(*stream, DType::f32, {1, 1, 1, 600}, normal_values(600, 3));
  const std::vector<double> all = x.values();
  for (const std::size_t first : {1u, 2u, 3u}) {
    ConstView part = x;
    part.data = x.view().as<float>() + first;
    part.shape.c = static_cast<std::int64_t>(595 - first);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<double> sorted(begin, begin + part.shape.c);
    std::sort(sorted.begin(), sorted.end());
    for (const double percentile : {90.0, 100.0}) {
      const Tensor range(*stream, DType::f32, {1, 1, 1, 2});
      value_range(*stream, percentile, part, range);
      const auto [low_rank, high_rank] = int8::range_ranks(part.shape.c, percentile);
      EXPECT_EQ(range.values()[0], sorted[static_cast<std::size_t>(low_rank)]);
      EXPECT_EQ(range.values()[1], sorted[static_cast<std::size_t>(high_rank)]);
    }
  }
}

TEST(ValueRange, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor x = Tensor::random(*stream, DType::f32, {2, 3, 4, 5}, 1);
  const Tensor half(*stream, DType::bf16, {2, 3, 4, 5});
  const Tensor range(*stream, DType::f32, {1, 1, 1, 2});
  EXPECT_NO_THROW(value_range(*stream, 99, x, range));
  EXPECT_THROW(value_range(*stream, 50, x, range), UsageError);
  EXPECT_THROW(value_range(*stream, 100.5, x, range), UsageError);
  EXPECT_THROW(value_range(*stream, std::nan(""), x, range), UsageError);
  EXPECT_THROW(value_range(*stream, 99, half, range), UsageError);
  EXPECT_THROW(value_range(*stream, 99, x, x), UsageError);
  EXPECT_THROW(value_range(*stream, 99, ConstView{}, range), UsageError);
  const Tensor none(*stream, DType::f32, {0, 3, 4, 5});
  EXPECT_THROW(value_range(*stream, 99, none, range), UsageError);
}

}  // namespace
}  // namespace paretiny::test

#include "kernels/nn/training/channel_select.h"

#include "tests/support/kernels.h"

namespace paretiny::test {
namespace {

std::vector<double> select(Stream& stream, const std::vector<double>& scores, std::int64_t kept) {
  const auto channels = static_cast<std::int64_t>(scores.size());
  const Tensor from(stream, DType::f32, {1, 1, 1, channels}, scores);
  const Tensor index(stream, DType::i32, {1, 1, 1, kept});
  nn::channel_select(stream, from, index);
  return index.values();
}

/// By taking the best channel left, the earliest of equals, time after time.
std::vector<double> judge(std::vector<double> scores, std::int64_t kept) {
  std::vector<bool> taken(scores.size(), false);
  for (double& score : scores) score = static_cast<float>(score);
  for (std::int64_t k = 0; k < kept; ++k) {
    std::size_t best = scores.size();
    for (std::size_t c = 0; c < scores.size(); ++c) {
      if (taken[c]) continue;
      const bool better = best == scores.size() || scores[c] > scores[best] ||
                          (std::isnan(scores[best]) && !std::isnan(scores[c]));
      if (better) best = c;
    }
    taken[best] = true;
  }
  std::vector<double> result;
  for (std::size_t c = 0; c < scores.size(); ++c) {
    if (taken[c]) result.push_back(static_cast<double>(c));
  }
  return result;
}

TEST(ChannelSelect, KeepsTheHighest) {
  const auto stream = test_stream();
  for (const std::int64_t channels : {1, 2, 7, 31, 32, 33, 100, 257, 1500}) {
    Random random(static_cast<std::uint64_t>(channels), "scores");
    std::vector<double> distinct, equals;
    for (std::int64_t c = 0; c < channels; ++c) {
      distinct.push_back(random.normal());
      equals.push_back(static_cast<double>(random.below(4)));
    }
    for (const std::int64_t kept : {std::int64_t{1}, (channels + 1) / 2, channels}) {
      SCOPED_TRACE(std::to_string(kept) + " of " + std::to_string(channels));
      EXPECT_EQ(select(*stream, distinct, kept), judge(distinct, kept));
      EXPECT_EQ(select(*stream, equals, kept), judge(equals, kept));
    }
  }
}

TEST(ChannelSelect, PutsWhatIsNoNumberLast) {
  const auto stream = test_stream();
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> scores{nan, -infinity, 0, nan, infinity, -0.0, -1};
  EXPECT_EQ(select(*stream, scores, 1), (std::vector<double>{4}));
  EXPECT_EQ(select(*stream, scores, 2), (std::vector<double>{2, 4}));
  EXPECT_EQ(select(*stream, scores, 5), (std::vector<double>{1, 2, 4, 5, 6}));
  EXPECT_EQ(select(*stream, scores, 6), (std::vector<double>{0, 1, 2, 4, 5, 6}));
}

TEST(ChannelSelect, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor scores(*stream, DType::f32, {1, 1, 1, 4}, {1, 2, 3, 4});
  const auto index = [&](const Shape& shape) { return Tensor(*stream, DType::i32, shape); };
  EXPECT_NO_THROW(nn::channel_select(*stream, scores, index({1, 1, 1, 4})));
  EXPECT_THROW(nn::channel_select(*stream, scores, index({1, 1, 1, 5})), UsageError);
  EXPECT_THROW(nn::channel_select(*stream, scores, index({1, 1, 1, 0})), UsageError);
  EXPECT_THROW(nn::channel_select(*stream, scores, index({1, 1, 2, 2})), UsageError);
  EXPECT_THROW(nn::channel_select(*stream, scores, scores), UsageError);
  EXPECT_THROW(nn::channel_select(*stream, index({1, 1, 1, 4}), index({1, 1, 1, 2})), UsageError);
}

}  // namespace
}  // namespace paretiny::test

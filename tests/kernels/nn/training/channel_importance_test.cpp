#include "kernels/nn/training/channel_importance.h"

#include "tests/support/threads.h"

namespace paretiny::test {

using nn::FilterScore;

namespace {

double score_judge(FilterScore score, double w, double g) {
  switch (score) {
    case FilterScore::l1:
      return std::abs(w);
    case FilterScore::l2:
      return w * w;
    case FilterScore::taylor:
      return std::abs(w * g);
  }
  return 0;
}

TEST(FilterScore, AddsToWhatIsThere) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  struct Layer {
    Shape weights;
    std::int64_t filters;
  };
  for (const auto& [shape, filters] :
       {Layer{{7, 3, 3, 5}, 7}, Layer{{1, 3, 3, 37}, 37}, Layer{{1, 1, 1, 1}, 1},
        Layer{{1, 3, 3, 8}, 1}, Layer{{64, 3, 3, 48}, 64}}) {
    for (const FilterScore score : {FilterScore::l1, FilterScore::l2, FilterScore::taylor}) {
      SCOPED_TRACE(to_string(shape));
      const Tensor w = Tensor::random(*stream, DType::f32, shape, ++seed);
      const Tensor g = Tensor::random(*stream, DType::f32, shape, ++seed);
      const Tensor scores = Tensor::random(*stream, DType::f32, {1, 1, 1, filters}, ++seed);
      std::vector<double> expected = scores.values();
      const auto weights = w.values(), gradients = g.values();
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto count = static_cast<std::size_t>(filters);
        const std::size_t filter = shape.n == filters ? i / (weights.size() / count) : i % count;
        expected[filter] += score_judge(score, weights[i], gradients[i]);
      }
      const ConstView gradient = score == FilterScore::taylor ? ConstView(g) : ConstView{};
      nn::filter_score(*stream, score, w, gradient, scores);
      expect_near(scores, expected, 1e-6 * max_abs(expected), "scores");
    }
  }
}

TEST(PositiveShare, AddsToWhatIsThere) {
  const auto stream = test_stream();
  for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 1, 1, 1}, Shape{9, 33, 31, 37}}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      std::vector<double> values = Tensor::random(*stream, dtype, shape, 1).values();
      for (std::size_t i = 0; i < values.size(); i += 3) values[i] = 0;
      const Tensor x(*stream, dtype, shape, values);
      const Tensor scores(*stream, DType::f32, {1, 1, 1, shape.c},
                          std::vector<double>(static_cast<std::size_t>(shape.c), 5));
      std::vector<double> expected = scores.values();
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double share = values[i] > 0 ? 1.0 / static_cast<double>(values.size()) : 0;
        expected[i % expected.size()] += share * static_cast<double>(expected.size());
      }
      nn::positive_share(*stream, x, scores);
      expect_near(scores, expected, 1e-6, to_string(shape) + " " + name_of(dtype));
    }
  }
}

TEST(ChannelImportance, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  const Tensor w = Tensor::random(*stream, DType::f32, {64, 3, 3, 48}, 1);
  Tensor scores(*stream, DType::f32, {1, 1, 1, 64});
  const std::vector<double> zeros(64, 0);
  expect_same_for_any_threads(
      [&] {
        scores = Tensor(*stream, DType::f32, {1, 1, 1, 64}, zeros);
        nn::filter_score(*stream, FilterScore::l2, w, ConstView{}, scores);
      },
      {&scores});
}

TEST(ChannelImportance, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor w(*stream, DType::f32, {4, 3, 3, 2});
  const Tensor bf16(*stream, DType::bf16, {4, 3, 3, 2});
  const Tensor scores(*stream, DType::f32, {1, 1, 1, 4});
  const Tensor of_inputs(*stream, DType::f32, {1, 1, 1, 2});
  const ConstView none;
  EXPECT_THROW(nn::filter_score(*stream, FilterScore::l1, bf16, none, scores), UsageError);
  EXPECT_THROW(nn::filter_score(*stream, FilterScore::l1, w, none, of_inputs), UsageError);
  EXPECT_THROW(nn::filter_score(*stream, FilterScore::taylor, w, none, scores), UsageError);
  EXPECT_THROW(nn::filter_score(*stream, FilterScore::l1, w, none, w), UsageError);
  EXPECT_THROW(nn::positive_share(*stream, w, scores), UsageError);
  EXPECT_THROW(nn::positive_share(*stream, none, scores), UsageError);
}

}  // namespace
}  // namespace paretiny::test

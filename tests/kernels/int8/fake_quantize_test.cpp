#include "kernels/int8/fake_quantize.h"

#include "tests/support/kernels.h"
#include "tests/support/threads.h"

namespace paretiny::test {

using int8::fake_quantize_forward;

namespace {

const Shape kShapes[] = {{2, 5, 7, 3}, {1, 1, 1, 1}, {3, 21, 17, 9}};

/// A number's place among the steps, and whether it is too near to a border between two to tell.
double place(double x, double scale) {
  return x / scale;
}
bool doubtful(double at) {
  return std::abs(std::abs(at - std::floor(at)) - 0.5) < 1e-4;
}

TEST(FakeQuantize, AgreesWithItsDefinition) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const Shape& shape : kShapes) {
    for (const int8::Quantization& q :
         {int8::Quantization{0.01f, 0}, int8::Quantization{0.03f, -128},
          int8::Quantization{0.5f, 127}}) {
      SCOPED_TRACE(to_string(shape) + " zero point " + std::to_string(q.zero_point));
      const Tensor x = Tensor::random(*stream, DType::f32, shape, ++seed);
      const Tensor dy = Tensor::random(*stream, DType::f32, shape, ++seed);
      const Tensor y(*stream, DType::f32, shape);
      const Tensor dx(*stream, DType::f32, shape);
      fake_quantize_forward(*stream, q, x, y);
      int8::fake_quantize_backward(*stream, q, x, dy, dx);
      const auto values = x.values(), rounded = y.values(), gradient = dy.values(),
                 passed = dx.values();
      const double scale = double{q.scale};
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double at = place(values[i], scale);
        if (doubtful(at)) continue;
        const double whole = std::round(at) + q.zero_point;
        const double limited = std::clamp(whole, -128.0, 127.0);
        EXPECT_NEAR(rounded[i], scale * (limited - q.zero_point), 1e-6 * std::abs(rounded[i])) << i;
        EXPECT_EQ(passed[i], limited == whole ? gradient[i] : 0) << i << " at " << at;
      }
    }
  }
}

TEST(FakeQuantize, LeavesWhatIsAStepAlone) {
  const auto stream = test_stream();
  const int8::Quantization q{0.37f, 19};
  std::vector<double> steps;
  for (int i = -128; i <= 127; ++i) steps.push_back(q.scale * static_cast<float>(i - 19));
  const Tensor x(*stream, DType::f32, {1, 1, 1, 256}, steps);
  const Tensor y(*stream, DType::f32, x.shape());
  fake_quantize_forward(*stream, q, x, y);
  EXPECT_EQ(x.bytes(), y.bytes());
}

TEST(FakeQuantize, RoundsWeightsByChannel) {
  const auto stream = test_stream();
  for (const auto& [order, shape] : {std::pair{int8::WeightChannels::first, Shape{5, 3, 3, 7}},
                                     std::pair{int8::WeightChannels::first, Shape{9, 1, 1, 45}},
                                     std::pair{int8::WeightChannels::first, Shape{1, 1, 1, 1}},
                                     std::pair{int8::WeightChannels::last, Shape{1, 5, 5, 11}},
                                     std::pair{int8::WeightChannels::last, Shape{1, 1, 3, 70}}}) {
    SCOPED_TRACE(to_string(shape));
    const bool first = order == int8::WeightChannels::first;
    const auto channels = static_cast<std::size_t>(first ? shape.n : shape.c);
    const auto elements = static_cast<std::size_t>(shape.elements());
    std::vector<double> values = Tensor::random(*stream, DType::f32, shape, 3).values();
    const auto channel = [&](std::size_t i) {
      return first ? i / (elements / channels) : i % channels;
    };
    // Channels of very different size, the last (if there are others) of zeros.
    std::vector<double> largest(channels);
    for (std::size_t i = 0; i < elements; ++i) {
      const std::size_t c = channel(i);
      values[i] *= c > 0 && c + 1 == channels ? 0 : std::pow(4.0, static_cast<double>(c % 7));
      largest[c] = std::max(largest[c], std::abs(values[i]));
    }
    const Tensor w(*stream, DType::f32, shape, values);
    const Tensor y(*stream, DType::f32, shape);
    int8::fake_quantize_weights(*stream, order, w, y);
    const auto rounded = y.values();
    for (std::size_t i = 0; i < elements; ++i) {
      const double scale = largest[channel(i)] > 0 ? largest[channel(i)] / 127 : 1;
      const double at = place(values[i], scale);
      if (doubtful(at)) continue;
      EXPECT_NEAR(rounded[i], std::round(at) * scale, 1e-6 * largest[channel(i)]) << i;
    }
    int8::fake_quantize_weights(*stream, order, w, w);
    EXPECT_EQ(w.bytes(), y.bytes()) << "in place";
  }
}

TEST(FakeQuantize, MayWriteWhereItReads) {
  const auto stream = test_stream();
  const int8::Quantization q{0.01f, 5};
  const Tensor x = Tensor::random(*stream, DType::f32, {2, 5, 7, 13}, 1).unaligned();
  const Tensor dy = Tensor::random(*stream, DType::f32, x.shape(), 2).unaligned();
  const Tensor y = Tensor(*stream, DType::f32, x.shape()).unaligned();
  const Tensor dx = Tensor(*stream, DType::f32, x.shape()).unaligned();
  fake_quantize_forward(*stream, q, x, y);
  int8::fake_quantize_backward(*stream, q, x, dy, dx);
  int8::fake_quantize_backward(*stream, q, x, dy, dy);
  fake_quantize_forward(*stream, q, x, x);
  EXPECT_EQ(x.bytes(), y.bytes());
  EXPECT_EQ(dy.bytes(), dx.bytes());
}

TEST(FakeQuantize, PassesNaN) {
  const auto stream = test_stream();
  const Tensor x(*stream, DType::f32, {1, 1, 1, 37});  // NaN until written
  const Tensor y(*stream, DType::f32, x.shape(), std::vector<double>(37, 0));
  fake_quantize_forward(*stream, {0.1f, 3}, x, y);
  for (const double value : y.values()) EXPECT_TRUE(std::isnan(value));
}

TEST(FakeQuantize, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  const Tensor x = Tensor::random(*stream, DType::f32, {7, 31, 33, 5}, 1);
  const Tensor y(*stream, DType::f32, x.shape());
  expect_same_for_any_threads([&] { fake_quantize_forward(*stream, {0.02f, -7}, x, y); }, {&y});
  expect_same_for_any_threads(
      [&] { int8::fake_quantize_weights(*stream, int8::WeightChannels::first, x, y); }, {&y});
}

TEST(FakeQuantize, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor x(*stream, DType::f32, {2, 2, 3, 4});
  const Tensor other(*stream, DType::f32, {2, 2, 4, 3});
  const Tensor bf16(*stream, DType::bf16, x.shape());
  EXPECT_THROW(fake_quantize_forward(*stream, {0.1f, 0}, x, other), UsageError);
  EXPECT_THROW(fake_quantize_forward(*stream, {0.1f, 0}, bf16, bf16), UsageError);
  EXPECT_THROW(fake_quantize_forward(*stream, {0, 0}, x, x), UsageError);
  EXPECT_THROW(fake_quantize_forward(*stream, {0.1f, 128}, x, x), UsageError);
  EXPECT_THROW(int8::fake_quantize_backward(*stream, {0.1f, 0}, x, other, x), UsageError);
  EXPECT_THROW(int8::fake_quantize_weights(*stream, int8::WeightChannels::last, x, x), UsageError);
  EXPECT_THROW(int8::fake_quantize_weights(*stream, int8::WeightChannels::first, x, other),
               UsageError);
}

}  // namespace
}  // namespace paretiny::test

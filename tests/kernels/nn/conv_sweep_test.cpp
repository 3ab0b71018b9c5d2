// Convolutions of random odd shapes against the judge: images one pixel wide or high, windows
// larger than the image, padding that no window needs, few and odd channels. What a library
// computes wrong for a class of shapes shows here. PARETINY_SWEEP=N tries N shapes instead of a
// few.
#include <cmath>
#include <cstring>

#include "kernels/core/threads.h"
#include "kernels/nn/conv.h"
#include "tests/support/convolution.h"

namespace paretiny::test {
namespace {

std::size_t sweep_length() {
  const char* given = std::getenv("PARETINY_SWEEP");
  return given == nullptr ? 120 : std::strtoull(given, nullptr, 10);
}

std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
}

/// One in four is 1.
std::int64_t extent(Random& random, std::int64_t most) {
  return random.below(4) == 0 ? 1 : between(random, 1, most);
}

/// Padding on both sides such that a window fits.
void pad(Random& random, std::int64_t size, std::int64_t kernel, std::int64_t& before,
         std::int64_t& after) {
  before = between(random, 0, kernel);
  after = std::max(between(random, 0, kernel), kernel - size - before);
}

nn::ConvShape random_shape(Random& random) {
  constexpr std::int64_t kMostProducts = 400'000;
  for (;;) {
    const Shape in{between(random, 1, 20), extent(random, 14), extent(random, 14),
                   extent(random, 40)};
    nn::Window window{extent(random, 5), extent(random, 5), extent(random, 3), extent(random, 3)};
    if (random.below(3) == 0) window.kernel_h = window.kernel_w = window.stride_h = 1;
    if (random.below(3) == 0) {
      window = nn::Window::same(in.h, in.w, window.kernel_h, window.kernel_w, window.stride_h,
                                window.stride_w);
    } else {
      pad(random, in.h, window.kernel_h, window.top, window.bottom);
      pad(random, in.w, window.kernel_w, window.left, window.right);
    }
    const nn::ConvShape shape{in, extent(random, 40), window};
    if (window.valid(in.h, in.w) &&
        shape.output().elements() * shape.weights().elements() / shape.out_channels <=
            kMostProducts) {
      return shape;
    }
  }
}

std::vector<double> magnitudes(std::vector<double> values) {
  for (double& value : values) value = std::fabs(value);
  return values;
}

/// Within what rounding `terms` products and their sum can do, with a wide margin: `of_magnitudes`
/// is the result for the magnitudes of the operands, `rounding` the type's relative error.
void expect_rounded(const Tensor& actual, const std::vector<double>& exact,
                    const std::vector<double>& of_magnitudes, std::int64_t terms, double rounding,
                    const char* name) {
  const std::vector<double> values = actual.values();
  const double sums = 0x1p-23 * (4 + std::sqrt(static_cast<double>(terms)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double bound = (sums + rounding) * of_magnitudes[i] + rounding * std::fabs(exact[i]);
    if (std::fabs(values[i] - exact[i]) <= bound) continue;
    ADD_FAILURE() << name << " [" << i << "] is " << values[i] << ", exact " << exact[i]
                  << ", bound " << bound;
    return;
  }
}

/// Scratch holds NaN: what was never written must not be read.
void spoil_scratch(Stream& stream, std::size_t bytes) {
  Arena::Scope scope(stream.scratch());
  std::memset(scope.take(bytes), 0xFF, bytes);
}

void expect_every_direction(const nn::ConvShape& shape, DType dtype, bool bias,
                            std::uint64_t seed) {
  const auto stream = cpu_stream();
  const ConvolutionJudge judge{shape.input, shape.out_channels, shape.window};
  const Tensor x = Tensor::random(*stream, dtype, shape.input, seed);
  const Tensor w = Tensor::random(*stream, DType::f32, shape.weights(), seed + 1);
  const Tensor b = Tensor::random(*stream, DType::f32, {1, 1, 1, shape.out_channels}, seed + 2);
  const Tensor dy = Tensor::random(*stream, dtype, shape.output(), seed + 3);
  const Tensor y(*stream, dtype, shape.output());
  const Tensor dx(*stream, dtype, shape.input);
  const Tensor dw(*stream, DType::f32, shape.weights());
  const Tensor db(*stream, DType::f32, {1, 1, 1, shape.out_channels});
  const std::vector<double> xs = x.values(), ws = w.values(), dys = dy.values();
  const std::vector<double> bs = bias ? b.values() : std::vector<double>{};
  const std::vector<double> mx = magnitudes(xs), mw = magnitudes(ws), mdy = magnitudes(dys);
  const std::int64_t taps = shape.window.kernel_h * shape.window.kernel_w;
  const std::int64_t pixels = shape.output().elements() / shape.out_channels;
  const double rounding = dtype == DType::bf16 ? 0x1p-8 : 0;  // of weights and of results

  nn::ConvolutionUse use{.with_bias = bias, .without_bias = !bias, .backward = false};
  const std::size_t forward_bytes = nn::conv_scratch_bytes(*stream, shape, dtype, use);
  use.backward = true;
  const std::size_t bytes = nn::conv_scratch_bytes(*stream, shape, dtype, use);
  EXPECT_LE(forward_bytes, bytes);
  EXPECT_LE(bytes, nn::conv_scratch_bytes(*stream, shape, dtype));
  stream->scratch().reserve(bytes);
  spoil_scratch(*stream, forward_bytes);
  nn::conv_forward(*stream, shape, x, w, bias ? ConstView(b) : ConstView{}, y);
  EXPECT_LE(stream->scratch().peak(), forward_bytes);
  expect_rounded(y, judge.forward(xs, ws, bs), judge.forward(mx, mw, magnitudes(bs)),
                 taps * shape.input.c, rounding, "y");
  spoil_scratch(*stream, bytes);
  nn::conv_backward_data(*stream, shape, dy, w, dx);
  expect_rounded(dx, judge.backward_data(dys, ws), judge.backward_data(mdy, mw),
                 taps * shape.out_channels, rounding, "dx");
  spoil_scratch(*stream, bytes);
  nn::conv_backward_weights(*stream, shape, x, dy, dw, bias ? View(db) : View{});
  expect_rounded(dw, judge.backward_weights(xs, dys), judge.backward_weights(mx, mdy), pixels, 0,
                 "dw");
  if (bias) expect_rounded(db, judge.backward_bias(dys), judge.backward_bias(mdy), pixels, 0, "db");
  EXPECT_LE(stream->scratch().peak(), bytes);
}

void expect_shape(const nn::ConvShape& shape, std::uint64_t seed) {
  const nn::Window& v = shape.window;
  const int threads = thread_count();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const int count : {1, 2}) {
      SCOPED_TRACE(testing::Message()
                   << "input " << to_string(shape.input) << ", weights "
                   << to_string(shape.weights()) << ", strides " << v.stride_h << " " << v.stride_w
                   << ", padding " << v.top << " " << v.left << " " << v.bottom << " " << v.right
                   << ", " << name_of(dtype) << ", " << count << " threads, seed " << seed);
      set_thread_count(count);
      expect_every_direction(shape, dtype, (seed + static_cast<std::uint64_t>(count)) % 2 == 0,
                             seed);
    }
  }
  set_thread_count(threads);
}

/// oneDNN's bf16 weight gradient (2.6.3) left the taps that meet padding alone as they were.
TEST(ConvSweep, ColumnsOnePixelWide) {
  for (const std::int64_t width : {1, 2}) {
    for (const std::int64_t channels : {2, 3, 16}) {
      for (const std::int64_t stride : {1, 2}) {
        expect_shape(
            {{16, 7, width, channels}, 8, nn::Window::same(7, width, 3, 3, stride, stride)}, 100);
      }
    }
  }
}

/// oneDNN's AVX2 weight gradient of a strided window of one pixel reads beyond few channels (its
/// issue 6035).
TEST(ConvSweep, StridedPixelsOfFewChannels) {
  for (const std::int64_t channels : {1, 3, 4, 5, 7, 8, 9}) {
    for (const std::int64_t out : {8, 13}) {
      expect_shape({{16, 8, 8, channels}, out, nn::Window::same(8, 8, 1, 1, 2, 2)}, 200);
      expect_shape({{4, 7, 2, channels}, out, {1, 1, 1, 2}}, 280);  // beyond its scratchpad, too
    }
  }
}

TEST(ConvSweep, RandomShapes) {
  const std::size_t length = sweep_length();
  for (std::size_t i = 0; i < length; ++i) {
    Random random(i, "convolution sweep");
    expect_shape(random_shape(random), 10 * i);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace paretiny::test

// The two ways of the int8 convolution against each other and against plain loops in 64 bits.
#include <numeric>

#include "int8_vectors.h"
#include "kernels/core/random.h"
#include "kernels/int8/cpu/conv.h"

namespace paretiny::int8 {
namespace {

constexpr std::uint64_t kSeed = 20240607;

Bytes random_bytes(const Shape& shape, std::string_view purpose, int low, int high) {
  Random random(kSeed, purpose);
  Bytes data(static_cast<std::size_t>(shape.elements()));
  for (std::int8_t& q : data) {
    q = static_cast<std::int8_t>(
        low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1))));
  }
  return data;
}

/// A convolution with its operands, random but for the extremes of its values.
struct Case {
  Case(const nn::ConvShape& the_shape, const Int8LayerParameters& the_parameters, int low, int high,
       int least_weight)
      : shape(the_shape),
        parameters(the_parameters),
        x(random_bytes(shape.input, "x", low, high)),
        w(random_bytes(shape.weights(), "w", least_weight, 127)) {
    Random random(kSeed, "channels");
    const Shape k = shape.weights();
    const double size = 100.0 * std::sqrt(static_cast<double>(k.h * k.w * k.c));
    for (std::int64_t o = 0; o < shape.out_channels; ++o) {
      bias.push_back(static_cast<std::int32_t>(random.uniform(-40, 40) * size));
      const QuantizedMultiplier m = quantize_multiplier(random.uniform(0.5, 2) / size);
      multipliers.push_back(m.multiplier);
      shifts.push_back(m.shift);
    }
  }

  Bytes run(decltype(&int8_conv) conv, Stream& stream) {
    const Shape channels{1, 1, 1, shape.out_channels};
    Output y(stream, shape.output());
    conv(stream, shape, parameters,
         {.x = DeviceCopy(stream, x, shape.input),
          .w = DeviceCopy(stream, w, shape.weights()),
          .b = DeviceCopy(stream, bias, channels),
          .multipliers = DeviceCopy(stream, multipliers, channels),
          .shifts = DeviceCopy(stream, shifts, channels),
          .y = y.view()});
    return y.values();
  }

  /// The accumulator rescaled in one step of long double: within one of the double rounding.
  std::vector<long double> judge() const {
    const Shape in = shape.input, out = shape.output(), k = shape.weights();
    std::vector<long double> y;
    for (std::int64_t n = 0; n < out.n; ++n)
      for (std::int64_t oy = 0; oy < out.h; ++oy)
        for (std::int64_t ox = 0; ox < out.w; ++ox)
          for (std::int64_t o = 0; o < out.c; ++o) {
            std::int64_t sum = bias[static_cast<std::size_t>(o)];
            for (std::int64_t ky = 0; ky < k.h; ++ky)
              for (std::int64_t kx = 0; kx < k.w; ++kx)
                for (std::int64_t c = 0; c < k.c; ++c) {
                  const std::int64_t iy = oy * shape.window.stride_h - shape.window.top + ky;
                  const std::int64_t ix = ox * shape.window.stride_w - shape.window.left + kx;
                  if (iy < 0 || iy >= in.h || ix < 0 || ix >= in.w) continue;
                  const std::int64_t at = ((n * in.h + iy) * in.w + ix) * in.c + c;
                  const std::int64_t weight = ((o * k.h + ky) * k.w + kx) * k.c + c;
                  sum += (x[static_cast<std::size_t>(at)] - parameters.input_zero_point) *
                         w[static_cast<std::size_t>(weight)];
                }
            const auto channel = static_cast<std::size_t>(o);
            const long double real =
                std::ldexp(static_cast<long double>(sum) * multipliers[channel],
                           shifts[channel] - 31) +
                parameters.output_zero_point;
            y.push_back(std::clamp<long double>(real, parameters.range.low, parameters.range.high));
          }
    return y;
  }

  nn::ConvShape shape;
  Int8LayerParameters parameters;
  Bytes x, w;
  Words bias, multipliers, shifts;
};

const Int8LayerParameters kPlain{-7, 3, {}};
const Int8LayerParameters kExtreme{-128, 127, {-100, 120}};

std::vector<nn::ConvShape> shapes() {
  return {{{2, 9, 7, 3}, 5, nn::Window::same(9, 7, 3, 3, 1, 1)},
          {{3, 8, 8, 17}, 33, nn::Window::same(8, 8, 3, 3, 2, 2)},
          {{5, 1, 50, 6}, 16, nn::Window::same(1, 50, 1, 9, 1, 2)},
          {{2, 6, 6, 64}, 48, {}},
          {{1, 7, 7, 16}, 16, {1, 1, 2, 2}},
          {{7, 1, 1, 131}, 10, {}},
          {{1, 5, 6, 1}, 1, {2, 3, 1, 2, 1, 0, 0, 2}},
          {{70, 16, 16, 8}, 64, nn::Window::same(16, 16, 3, 3, 1, 1)},
          {{2, 8, 8, 160}, 32, nn::Window::same(8, 8, 3, 3, 1, 1)}};
}

TEST(Int8Conv, LoopsMatchTheJudge) {
  const auto stream = Stream::create({});
  for (const nn::ConvShape& shape : shapes()) {
    SCOPED_TRACE(to_string(shape.input));
    Case c(shape, kPlain, -128, 127, -127);
    const Bytes y = c.run(cpu::int8_conv_loops, *stream);
    const auto judge = c.judge();
    double distance = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double error = static_cast<double>(std::abs(y[i] - judge[i]));
      ASSERT_LE(error, 0.51) << i;
      distance += y[i] == -128 || y[i] == 127 ? 0 : 1;
    }
    EXPECT_GT(distance, 0.3 * static_cast<double>(y.size())) << "too many outputs saturate";
  }
}

TEST(Int8Conv, BothWaysAgree) {
  const auto stream = Stream::create({});
  for (const nn::ConvShape& shape : shapes()) {
    for (const auto& [parameters, low, high] :
         {std::tuple(kPlain, -128, 127), std::tuple(kExtreme, 120, 127),
          std::tuple(kExtreme, -128, -120)}) {
      SCOPED_TRACE(to_string(shape.input));
      Case c(shape, parameters, low, high, -127);
      const ConstView w = view_of(std::as_const(c.w), shape.weights());
      if (!cpu::int8_conv_fits_onednn(w)) GTEST_SKIP() << "no VNNI here";
      EXPECT_EQ(c.run(cpu::int8_conv_onednn, *stream), c.run(cpu::int8_conv_loops, *stream));
    }
  }
}

/// Sums beyond the 2^24 that a float holds exactly, with biases that bring them back to o.
TEST(Int8Conv, LargeSumsAreExact) {
  const auto stream = test::test_stream();
  Case c({{3, 1, 1, 2304}, 64, {}}, {-128, 0, {}}, 127, 127, 100);
  Bytes expected;
  for (std::int64_t o = 0; o < 64; ++o) {
    const auto filter = c.w.begin() + o * 2304;
    const auto channel = static_cast<std::size_t>(o);
    c.bias[channel] =
        static_cast<std::int32_t>(o) - 255 * std::accumulate(filter, filter + 2304, 0);
    c.multipliers[channel] = quantize_multiplier(1).multiplier;
    c.shifts[channel] = quantize_multiplier(1).shift;
  }
  for (std::int8_t n = 0; n < 3; ++n) {
    for (std::int8_t o = 0; o < 64; ++o) expected.push_back(o);
  }
  EXPECT_FALSE(cpu::int8_conv_fits_onednn(view_of(std::as_const(c.w), c.shape.weights())));
  EXPECT_EQ(c.run(int8_conv, *stream), expected);
}

TEST(Int8Conv, OneDnnIsExactUpToItsBound) {
  const auto stream = Stream::create({});
  // 516 * 127 + 4 = 2^16; negative weights where x is 0 after the shift to 0 .. 255.
  Case c({{2, 1, 1, 1033}, 17, {}}, {-128, 0, {}}, -128, -128, 0);
  for (std::size_t i = 0; i < c.w.size(); ++i) {
    const std::size_t tap = i % 1033;
    c.w[i] = tap < 516 ? 127 : tap == 516 ? 4 : -127;
  }
  for (std::size_t n = 0; n < 2; ++n) std::fill_n(c.x.begin() + n * 1033, 517, 127);
  for (std::size_t o = 0; o < 17; ++o) {
    c.bias[o] = static_cast<std::int32_t>(o) - 255 * 65536;
    c.multipliers[o] = quantize_multiplier(1).multiplier;
    c.shifts[o] = quantize_multiplier(1).shift;
  }
  const ConstView w = view_of(std::as_const(c.w), c.shape.weights());
  if (!cpu::int8_conv_fits_onednn(w)) GTEST_SKIP() << "no VNNI here";
  const Bytes y = c.run(cpu::int8_conv_onednn, *stream);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], static_cast<std::int8_t>(i % 17));
  ++c.w[516];
  EXPECT_FALSE(cpu::int8_conv_fits_onednn(w));
}

}  // namespace
}  // namespace paretiny::int8

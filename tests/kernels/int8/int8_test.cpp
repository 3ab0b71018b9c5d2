// What the reference vectors do not hold: hard-sigmoid, in-place use, real-valued meaning, bad
// arguments.
#include "kernels/int8/int8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "int8_vectors.h"
#include "kernels/core/random.h"
#include "kernels/int8/tables.h"

namespace paretiny::int8 {

using nn::Activation;

namespace {

const Shape kTable{1, 1, 1, 256};

Bytes all_values() {
  Bytes q(256);
  std::iota(q.begin(), q.end(), static_cast<std::int8_t>(-128));
  return q;
}

Bytes values_of(const Int8Table& table) {
  return Bytes(table.begin(), table.end());
}

double real(const Quantization& x, std::int32_t q) {
  return double{x.scale} * (q - x.zero_point);
}

/// Largest distance, in steps of the output, between a table and a real function.
double worst_step(const Int8Table& table, const Quantization& x, const Quantization& y,
                  Activation activation) {
  double worst = 0;
  for (int q = -128; q < 128; ++q) {
    const double wanted = std::clamp<double>(
        nn::activate(activation, static_cast<float>(real(x, q))) / double{y.scale} + y.zero_point,
        -128, 127);
    worst = std::max(worst, std::abs(table[static_cast<std::size_t>(q + 128)] - wanted));
  }
  return worst;
}

TEST(FixedPoint, ExponentialAndReciprocalAreCloseToTheReals) {
  for (std::int64_t raw = -(std::int64_t{1} << 31); raw <= 0; raw += 1234567) {
    const auto a = static_cast<std::int32_t>(raw);
    EXPECT_NEAR(exp_of_negative(a, 5) * 0x1p-31, std::exp(a * 0x1p-26), 5e-7) << a;
    EXPECT_NEAR(exp_of_negative(a, 4) * 0x1p-31, std::exp(a * 0x1p-27), 5e-7) << a;
    EXPECT_NEAR(fixed_point_logistic(-(a + 1), 4) * 0x1p-31, 1 / (1 + std::exp((a + 1) * 0x1p-27)),
                5e-7);
    EXPECT_NEAR(fixed_point_logistic(a + 1, 4) * 0x1p-31, 1 / (1 + std::exp(-(a + 1) * 0x1p-27)),
                5e-7);
    const std::int32_t fraction = a & std::numeric_limits<std::int32_t>::max();
    EXPECT_NEAR(reciprocal_of_one_plus(fraction) * 0x1p-31, 1 / (1 + fraction * 0x1p-31), 1e-8);
  }
}

TEST(Int8Tables, AreTheFunctionsTheyName) {
  // A ratio of scales above 1/4 leaves at least one bit between the two roundings.
  constexpr double kTwoRoundings = 0.5 + 0.25 + 1e-3;
  Random random(3, "tables");
  for (int i = 0; i < 50; ++i) {
    const Quantization x{static_cast<float>(random.uniform(0.01, 0.1)),
                         static_cast<std::int32_t>(random.below(256)) - 128};
    const Quantization y{0.05f, -100};
    const Quantization gate{1.0f / 255, -128};
    EXPECT_LE(worst_step(requantize_table(x, y), x, y, Activation::none), kTwoRoundings);
    EXPECT_LE(worst_step(relu_table(Activation::relu6, x, y), x, y, Activation::relu6),
              kTwoRoundings);
    EXPECT_LE(worst_step(hard_swish_table(x, y), x, y, Activation::hard_swish), 1.0);
    // Two roundings, the first in steps of 6/255 = 1/42.5 that the factor 1/6 makes steps of 1.
    EXPECT_LE(worst_step(hard_sigmoid_table(x, gate), x, gate, Activation::hard_sigmoid), 1.02);
  }
}

TEST(Int8Tables, ReluRoundsTheRatioOfScalesToFloat) {
  // As a float the ratio is 255/128, so that 64 steps fall between 127 and 128; exactly, it is
  // less.
  const Quantization x{0.013f, -1};
  const Quantization y{128 * x.scale / 255, -128};
  const std::size_t at = 64 - 1 + 128;
  EXPECT_EQ(relu_table(Activation::relu, x, y)[at], 128 - 128);
  EXPECT_EQ(requantize_table(x, y)[at], 127 - 128);
  EXPECT_EQ(relu_table(Activation::relu, x, y)[0], -128);
  EXPECT_THROW(relu_table(Activation::hard_swish, x, y), UsageError);
}

TEST(Int8Tables, HardSigmoidIsTheCompositionOfOperators) {
  const auto stream = test::test_stream();
  Random random(4, "hard_sigmoid");
  for (int i = 0; i < 20; ++i) {
    const Quantization x{static_cast<float>(random.uniform(0.001, 0.2)),
                         static_cast<std::int32_t>(random.below(256)) - 128};
    const Quantization y{1.0f / 255, -128};
    const Quantization sum{6.0f / 255, -128};
    const Bytes q = all_values(), constant{127};
    Output relu6(*stream, kTable), product(*stream, kTable);
    int8_add(*stream, add_parameters(x, {3.0f / 255, -128}, sum, Activation::relu6),
             DeviceCopy(*stream, q, kTable), DeviceCopy(*stream, constant, {}), relu6.view());
    int8_mul(*stream, mul_parameters(sum, {1.0f / (6 * 255), -128}, y), relu6.view(),
             DeviceCopy(*stream, constant, {}), product.view());
    EXPECT_EQ(product.values(), values_of(hard_sigmoid_table(x, y)));
  }
}

TEST(Int8, InPlaceEqualsOutOfPlace) {
  const auto stream = test::test_stream();
  const Bytes a = all_values();
  const Bytes b(a.rbegin(), a.rend());
  const Int8AddParameters add = add_parameters({0.1f, 3}, {0.03f, -9}, {0.11f, 5});
  const Int8MulParameters mul = mul_parameters({0.1f, 3}, {0.03f, -9}, {0.11f, 5});
  const Int8Table table = hard_swish_table({0.1f, 3}, {0.11f, 5});
  const auto compare = [&](const auto& run) {
    Output y(*stream, kTable);
    run(DeviceCopy(*stream, a, kTable), y.view());
    const DeviceCopy in_place(*stream, a, kTable);
    run(in_place, in_place.view());
    EXPECT_EQ(in_place.bytes(), y.values());
    EXPECT_NE(in_place.bytes(), a);
  };
  compare(
      [&](ConstView x, View y) { int8_add(*stream, add, x, DeviceCopy(*stream, b, kTable), y); });
  compare(
      [&](ConstView x, View y) { int8_mul(*stream, mul, x, DeviceCopy(*stream, b, kTable), y); });
  compare(
      [&](ConstView x, View y) { int8_lookup(*stream, x, DeviceCopy(*stream, table, kTable), y); });
  compare([&](ConstView x, View y) { int8_softmax(*stream, softmax_parameters(0.05f), x, y); });
}

TEST(Int8, GateIsRepeatedOverEachImage) {
  const auto stream = test::test_stream();
  const Shape shape{3, 5, 4, 7}, gates{3, 1, 1, 7};
  Random random(5, "gates");
  Bytes a(static_cast<std::size_t>(shape.elements())), b(21);
  for (auto* tensor : {&a, &b}) {
    for (std::int8_t& q : *tensor) q = static_cast<std::int8_t>(random.below(256));
  }
  const Int8MulParameters p = mul_parameters({0.1f, 3}, {0.004f, -128}, {0.09f, -20});
  Output y(*stream, shape);
  int8_mul(*stream, p, DeviceCopy(*stream, a, shape), DeviceCopy(*stream, b, gates), y.view());
  const Bytes got = y.values();
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(got[i], quantized_mul(a[i], b[i / 140 * 7 + i % 7], p)) << i;
  }
}

TEST(Int8, QuantizeLimitsWhatIsNoNumber) {
  const auto stream = test::test_stream();
  const std::vector<float> x{NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0.25f, -0.25f, 0.75f};
  const Shape shape{1, 1, 1, 8};
  Output y(*stream, shape);
  int8_quantize(*stream, {0.5f, 10}, DeviceCopy(*stream, x, shape), y.view());
  EXPECT_EQ(y.values(), (Bytes{-128, 127, -128, 127, -128, 11, 9, 12}));
}

TEST(Int8, BadArgumentsAreNamed) {
  const auto stream = test::test_stream();
  Bytes bytes(64);
  Words words(8);
  const auto i8 = [&](const Shape& shape) { return view_of(bytes, shape); };
  const auto i32 = [&](std::int64_t c) { return view_of(words, {1, 1, 1, c}); };
  const auto message = [](const auto& run) -> std::string {
    try {
      run();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const nn::ConvShape conv{{1, 4, 4, 2}, 3, {}};
  const Shape y{1, 4, 4, 3};
  EXPECT_EQ(message([&] {
              int8_conv(*stream, conv, {},
                        {.x = i8(conv.input),
                         .w = i8({3, 1, 1, 4}),
                         .multipliers = i32(3),
                         .shifts = i32(3),
                         .y = i8(y)});
            }),
            "int8_conv: w has shape 3x1x1x4, expected 3x1x1x2");
  EXPECT_EQ(message([&] {
              int8_conv(*stream, conv, {200, 0, {}},
                        {.x = i8(conv.input),
                         .w = i8({3, 1, 1, 2}),
                         .multipliers = i32(3),
                         .shifts = i32(3),
                         .y = i8(y)});
            }),
            "int8_conv: zero point 200 is outside -128 .. 127");
  EXPECT_EQ(message([&] {
              int8_conv(*stream, conv, {0, 0, {5, 4}},
                        {.x = i8(conv.input),
                         .w = i8({3, 1, 1, 2}),
                         .multipliers = i32(3),
                         .shifts = i32(3),
                         .y = i8(y)});
            }),
            "int8_conv: the output range 5 .. 4 is not within -128 .. 127");
  EXPECT_EQ(message([&] {
              int8_depthwise(*stream, {{1, 2, 2, 4}, {3, 3}}, {},
                             {.x = i8({1, 2, 2, 4}),
                              .w = i8({1, 3, 3, 4}),
                              .multipliers = i32(4),
                              .shifts = i32(4),
                              .y = i8({1, 1, 1, 4})});
            }),
            "int8_depthwise: the window does not fit the input 1x2x2x4");
  EXPECT_EQ(message([&] {
              int8_fully_connected(*stream, {{2, 1, 1, 4}, 3}, {},
                                   {.x = i8({2, 1, 1, 4}),
                                    .w = i8({3, 1, 1, 4}),
                                    .multipliers = i32(2),
                                    .shifts = i32(3),
                                    .y = i8({2, 1, 1, 3})});
            }),
            "int8_fully_connected: multipliers has shape 1x1x1x2, expected 1x1x1x3");
  EXPECT_EQ(message([&] {
              int8_add(*stream, {}, i8({1, 4, 4, 2}), i8({1, 1, 2, 2}), i8(y));
            }),
            "int8_add: b of shape 1x1x2x2 cannot be repeated to 1x4x4x2");
  EXPECT_EQ(message([&] { int8_lookup(*stream, i8(y), i32(3), i8(y)); }),
            "int8_lookup: table has type i32");
  EXPECT_EQ(message([&] {
              int8_max_pool(*stream, {{1, 4, 4, 2}, {1, 1, 2, 2, 1, 0, 0, 0}}, {}, i8({1, 4, 4, 2}),
                            i8({1, 3, 2, 2}));
            }),
            "int8_max_pool: a window holds padding only; the padding must be smaller than the "
            "kernel");
  EXPECT_NE(message([&] {
              hard_swish_table({1.0f, 0}, {0.001f, 0});
            }).find("too far apart"),
            std::string::npos);
  EXPECT_NE(message([&] { activation_range(Activation::hard_swish, {}); }).find("use a table"),
            std::string::npos);
}

}  // namespace
}  // namespace paretiny::int8

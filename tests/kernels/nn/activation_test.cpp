#include "kernels/nn/activation.h"

#include "tests/support/activation.h"
#include "tests/support/threads.h"

namespace paretiny::test {

using nn::Activation;
using nn::activation_forward;

namespace {

/// Normal values stretched over all pieces of the activations, away from the kinks.
Tensor wide(Stream& stream, DType dtype, const Shape& shape, std::uint64_t seed) {
  std::vector<double> values = Tensor::random(stream, DType::f32, shape, seed).values();
  for (double& value : values) {
    value = rounded(dtype, 4 * value);
    for (const double kink : {-3.0, 0.0, 3.0, 6.0}) {
      if (std::abs(value - kink) < 0.01) value = kink + 0.125;
    }
  }
  return {stream, dtype, shape, values};
}

TEST(Activation, AgreesWithItsDefinition) {
  const auto stream = test_stream();
  std::uint64_t seed = 0;
  for (const Shape& shape : {Shape{2, 5, 7, 3}, Shape{1, 1, 1, 1}, Shape{3, 41, 37, 9}}) {
    for (const Activation activation : kActivations) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        SCOPED_TRACE(to_string(shape) + " " + name_of(activation) + " " + name_of(dtype));
        const Tensor x = wide(*stream, dtype, shape, ++seed);
        const Tensor dy = Tensor::random(*stream, dtype, shape, ++seed);
        const Tensor y(*stream, dtype, shape);
        const Tensor dx(*stream, dtype, shape);
        activation_forward(*stream, activation, x, y);
        nn::activation_backward(*stream, activation, x, dy, dx);
        const auto values = x.values(), gradient = dy.values();
        std::vector<double> expected_y, expected_dx;
        for (std::size_t i = 0; i < values.size(); ++i) {
          expected_y.push_back(activate_judge(activation, values[i]));
          expected_dx.push_back(gradient[i] * slope_judge(activation, values[i]));
        }
        // One rounding of the result: 2^-8 in bf16.
        const double relative = dtype == DType::bf16 ? 0x1p-8 : 1e-6;
        expect_near(y, expected_y, relative * std::max(max_abs(expected_y), 1.0), "y");
        expect_near(dx, expected_dx, relative * std::max(max_abs(expected_dx), 1.0), "dx");
      }
    }
  }
}

TEST(Activation, IsFlatAtKinks) {
  for (const auto& [activation, x, expected] :
       {std::tuple{Activation::relu, 0.0f, 0.0f}, std::tuple{Activation::relu6, 0.0f, 0.0f},
        std::tuple{Activation::relu6, 6.0f, 0.0f},
        std::tuple{Activation::hard_sigmoid, -3.0f, 0.0f},
        std::tuple{Activation::hard_sigmoid, 3.0f, 0.0f},
        std::tuple{Activation::hard_swish, -3.0f, 0.0f},
        std::tuple{Activation::hard_swish, 3.0f, 1.0f}}) {
    EXPECT_EQ(nn::activation_slope(activation, x), expected) << name_of(activation) << " at " << x;
  }
}

TEST(Activation, IsExactBeyondItsLastKink) {
  for (const auto& [activation, x, expected] :
       {std::tuple{Activation::relu6, 100.0f, 6.0f},
        std::tuple{Activation::hard_sigmoid, 3.0f, 1.0f},
        std::tuple{Activation::hard_swish, 100.0f, 100.0f},
        std::tuple{Activation::hard_swish, -100.0f, 0.0f}}) {
    EXPECT_EQ(nn::activate(activation, x), expected) << name_of(activation) << " at " << x;
  }
}

/// What is no number, what is infinite, both zeros and every kink: alone, and in whole packs of 16
/// bytes.
std::vector<double> odd_values() {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  std::vector<double> values;
  for (const double value : {nan, -nan, infinity, -infinity, 0.0, -0.0, -3.0, 3.0, 6.0, 1e38}) {
    values.insert(values.end(), {value, 1.5, -2.5});
    values.insert(values.end(), 8, value);
  }
  return values;
}

TEST(Activation, PassesNaN) {
  const auto stream = test_stream();
  const std::vector<double> values = odd_values();
  const Shape shape{1, 1, 1, static_cast<std::int64_t>(values.size())};
  for (const Activation activation : kActivations) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor x(*stream, dtype, shape, values);
      const Tensor y(*stream, dtype, shape);
      activation_forward(*stream, activation, x, y);
      const std::vector<double> active = y.values();
      for (std::size_t i = 0; i < values.size(); ++i) {
        // 0 times infinity, too.
        const bool none = std::isnan(values[i]) ||
                          (activation == Activation::hard_swish && values[i] == -INFINITY);
        EXPECT_EQ(std::isnan(active[i]), none) << name_of(activation) << " of " << values[i];
      }
    }
  }
}

TEST(Activation, TreatsOddValuesAsTheCpuDoes) {
  const auto stream = test_stream();
  const auto cpu = Stream::create({DeviceKind::cpu, 0});
  const std::vector<double> values = odd_values();
  const Shape shape{1, 1, 1, static_cast<std::int64_t>(values.size())};
  for (const Activation activation : kActivations) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const auto both = [&](Stream& on) {
        const Tensor x(on, dtype, shape, values);
        const Tensor dy(on, dtype, shape, std::vector<double>(values.size(), 0.75));
        const Tensor y(on, dtype, shape);
        const Tensor dx(on, dtype, shape);
        activation_forward(on, activation, x, y);
        nn::activation_backward(on, activation, x, dy, dx);
        return std::pair(y.values(), dx.values());
      };
      const auto [y, dx] = both(*stream);
      const auto [cpu_y, cpu_dx] = both(*cpu);
      for (std::size_t i = 0; i < values.size(); ++i) {
        SCOPED_TRACE(std::string(name_of(activation)) + " of " + std::to_string(values[i]));
        // NaN is NaN, and a zero is a zero, whatever their other bits.
        EXPECT_TRUE(y[i] == cpu_y[i] || (std::isnan(y[i]) && std::isnan(cpu_y[i]))) << y[i];
        EXPECT_TRUE(dx[i] == cpu_dx[i] || (std::isnan(dx[i]) && std::isnan(cpu_dx[i]))) << dx[i];
      }
    }
  }
}

TEST(Activation, MayWriteWhereItReads) {
  const auto stream = test_stream();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Shape shape{2, 5, 7, 13};
    const Tensor x = wide(*stream, dtype, shape, 1);
    const Tensor dy = Tensor::random(*stream, dtype, shape, 2);
    const Tensor y(*stream, dtype, shape);
    const Tensor dx(*stream, dtype, shape);
    activation_forward(*stream, Activation::hard_swish, x, y);
    nn::activation_backward(*stream, Activation::hard_swish, x, dy, dx);
    nn::activation_backward(*stream, Activation::hard_swish, x, dy, dy);
    activation_forward(*stream, Activation::hard_swish, x, x);
    EXPECT_EQ(x.bytes(), y.bytes());
    EXPECT_EQ(dy.bytes(), dx.bytes());
  }
}

TEST(Activation, IsTheSameForAnyNumberOfThreads) {
  const auto stream = test_stream();
  const Tensor x = wide(*stream, DType::bf16, {7, 31, 33, 5}, 1);
  const Tensor y(*stream, DType::bf16, x.shape());
  expect_same_for_any_threads([&] { activation_forward(*stream, Activation::hard_swish, x, y); },
                              {&y});
}

TEST(Activation, ReproducesReferenceVectors) {
  if (reference_cases("relu").empty()) GTEST_SKIP() << no_reference_cases();
  const auto stream = test_stream();
  for (const Activation activation :
       {Activation::relu, Activation::relu6, Activation::hard_swish, Activation::hard_sigmoid}) {
    for (const ReferenceCase& reference : reference_cases(name_of(activation))) {
      const Tensor x = reference.input(*stream, "x");
      const Tensor dy = reference.input(*stream, "dy");
      const Tensor y(*stream, DType::f32, x.shape());
      const Tensor dx(*stream, DType::f32, x.shape());
      activation_forward(*stream, activation, x, y);
      nn::activation_backward(*stream, activation, x, dy, dx);
      reference.expect(y, "y");
      reference.expect(dx, "dx");
    }
  }
}

TEST(Activation, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor x(*stream, DType::f32, {1, 2, 3, 4});
  const Tensor other(*stream, DType::f32, {1, 2, 4, 3});
  const Tensor bf16(*stream, DType::bf16, x.shape());
  const Tensor whole(*stream, DType::i32, x.shape());
  const auto relu = Activation::relu;
  EXPECT_THROW(activation_forward(*stream, relu, x, other), UsageError);
  EXPECT_THROW(activation_forward(*stream, relu, x, bf16), UsageError);
  EXPECT_THROW(activation_forward(*stream, relu, whole, whole), UsageError);
  EXPECT_THROW(activation_forward(*stream, relu, ConstView{}, x), UsageError);
  EXPECT_THROW(nn::activation_backward(*stream, relu, x, other, x), UsageError);
  EXPECT_THROW(nn::activation_backward(*stream, relu, x, x, bf16), UsageError);
}

}  // namespace
}  // namespace paretiny::test

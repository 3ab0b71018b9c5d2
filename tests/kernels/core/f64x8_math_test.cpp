#include "kernels/core/cpu/f64x8_math.h"

#include <gtest/gtest.h>

#include <functional>

#include "kernels/core/random.h"

namespace paretiny::cpu {
namespace {

using Function = void (*)(const F64x8&, F64x8&);

/// 16000 numbers that `draw` gives, against `judge`: within `relative` of each or `absolute`.
void expect_judged(Function function, long double (*judge)(long double),
                   const std::function<double(Random&)>& draw, double relative, double absolute) {
  Random random(1, "vector functions");
  for (int i = 0; i < 2000; ++i) {
    F64x8 x, y;
    for (std::int64_t j = 0; j < kWide; ++j) x[j] = draw(random);
    function(x, y);
    for (std::int64_t j = 0; j < kWide; ++j) {
      const auto expected = static_cast<double>(judge(x[j]));
      ASSERT_NEAR(y[j], expected, relative * std::abs(expected) + absolute) << x[j];
    }
  }
}

TEST(VectorFunctions, Logarithm) {
  expect_judged(
      logarithm, std::log, [](Random& r) { return std::exp(r.uniform(-700, 700)); }, 5e-16, 0);
  expect_judged(
      logarithm, std::log, [](Random& r) { return r.uniform(0.5, 2); }, 5e-16, 0);
  expect_judged(
      logarithm, std::log, [](Random& r) { return 1 + r.uniform(-1e-9, 1e-9); }, 5e-16, 0);
}

TEST(VectorFunctions, LogarithmOfOnePlus) {
  expect_judged(
      logarithm_of_one_plus, std::log1p, [](Random& r) { return r.uniform(); }, 5e-16, 0);
  expect_judged(
      logarithm_of_one_plus, std::log1p, [](Random& r) { return std::exp(r.uniform(-700, 0)); },
      5e-16, 0);
}

TEST(VectorFunctions, Reciprocals) {
  const auto over_one = [](long double x) { return 1 / x; };
  const auto over_root = [](long double x) { return 1 / std::sqrt(x); };
  const auto wide = [](Random& r) { return std::exp(r.uniform(-690, 690)); };
  expect_judged(VectorMath::reciprocal, over_one, wide, 5e-16, 0);
  expect_judged(
      VectorMath::reciprocal, over_one, [](Random& r) { return r.uniform(-2, -0.5); }, 5e-16, 0);
  expect_judged(VectorMath::reciprocal_root, over_root, wide, 5e-16, 0);
}

TEST(VectorFunctions, HyperbolicTangent) {
  expect_judged(
      hyperbolic_tangent, std::tanh, [](Random& r) { return r.uniform(-30, 30); }, 0, 5e-16);
  expect_judged(
      hyperbolic_tangent, std::tanh, [](Random& r) { return r.uniform(-0.1, 0.1); }, 0, 5e-16);
  F64x8 x = F64x8{} - 1e300, y;
  x[1] = 1e300;
  x[2] = 0;
  hyperbolic_tangent(x, y);
  EXPECT_EQ(y[0], -1);
  EXPECT_EQ(y[1], 1);
  EXPECT_EQ(y[2], 0);
}

TEST(VectorFunctions, PartsLeaveTheRestAlone) {
  const double from[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  for (std::int64_t count = 0; count <= 9; ++count) {
    double to[9] = {};
    F64x8 lanes;
    load_some(lanes, from, count);
    for (std::int64_t j = 0; j < kWide; ++j) {
      EXPECT_EQ(lanes[j], j < count ? from[j] : 0) << count;
    }
    store_some(to, lanes, count);
    for (std::int64_t j = 0; j < 9; ++j) {
      EXPECT_EQ(to[j], j < std::min(count, kWide) ? from[j] : 0) << count;
    }
  }
}

}  // namespace
}  // namespace paretiny::cpu

#include "kernels/bayes/unit_cube.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "kernels/core/random.h"

namespace paretiny::bayes {
namespace {

/// Of a number at coordinate 0.
double snapped(const CubeParameter& number, double position) {
  snap(number, &position);
  return position;
}

TEST(UnitCube, RealsStandOnTheGrid) {
  for (const bool log : {false, true}) {
    const CubeParameter real = cube_number(CubeParameter::real, 0, 1e-5, 3, log);
    Random random(1, "unit cube", log);
    for (int i = 0; i < 1000; ++i) {
      const double x = random.uniform();
      const double at = snapped(real, x);
      EXPECT_NEAR(at, x, 0x1p-33);
      EXPECT_EQ(at * 0x1p32, std::floor(at * 0x1p32));
      EXPECT_EQ(snapped(real, at), at);
      EXPECT_EQ(encode_real(real, decode_real(real, x)), at);
    }
    EXPECT_EQ(decode_real(real, 0), 1e-5);
    EXPECT_DOUBLE_EQ(decode_real(real, 1), 3);
    EXPECT_EQ(snapped(real, -3), 0);
    EXPECT_EQ(snapped(real, 1.5), 1);
    EXPECT_EQ(snapped(real, std::numeric_limits<double>::infinity()), 1);
    EXPECT_NEAR(decode_real(real, 0.25), log ? 1e-5 * std::pow(3e5, 0.25) : 1e-5 + 0.25 * 2.99999,
                1e-9);
  }
}

TEST(UnitCube, IntegersOwnEqualShares) {
  const CubeParameter integer = cube_number(CubeParameter::integer, 0, -3, 8, false);
  for (int k = -3; k <= 8; ++k) {
    const double middle = (k + 3.5) / 12;
    for (const double off : {-0.49, -0.2, 0.0, 0.3, 0.49}) {
      EXPECT_EQ(decode_integer(integer, middle + off / 12), k);
      EXPECT_NEAR(snapped(integer, middle + off / 12), middle, 1e-15);
    }
  }
  EXPECT_EQ(decode_integer(integer, -1), -3);
  EXPECT_EQ(decode_integer(integer, 2), 8);
}

TEST(UnitCube, LogIntegersOwnEqualSharesOfTheLogarithm) {
  const CubeParameter integer = cube_number(CubeParameter::integer, 0, 1, 100, true);
  const double total = std::log(100.5 / 0.5);
  for (int k = 1; k <= 100; ++k) {
    const double begin = std::log((k - 0.5) / 0.5) / total;
    const double end = std::log((k + 0.5) / 0.5) / total;
    for (const double share : {0.01, 0.5, 0.99}) {
      const double x = begin + share * (end - begin);
      EXPECT_EQ(decode_integer(integer, x), k);
      EXPECT_NEAR(snapped(integer, x), (begin + end) / 2, 1e-14);
    }
  }
}

TEST(UnitCube, TheFirstOfTheLargestIsChosen) {
  const CubeParameter choice = cube_choice(2, 3);
  std::vector<double> x{0.5, 0.6, 0.1, 0.7, 0.7, 0.9};
  EXPECT_EQ(decode_choice(choice, x.data()), 1);
  snap(choice, x.data());
  EXPECT_EQ(x, (std::vector<double>{0.5, 0.6, 0, 1, 0, 0.9}));
  x = {0, 0, 0, 0, 0, 0};
  snap(choice, x.data());
  EXPECT_EQ(x, (std::vector<double>{0, 0, 1, 0, 0, 0}));
}

TEST(UnitCube, AFixedNumberHasOnePosition) {
  for (const bool log : {false, true}) {
    for (const double x : {-1.0, 0.0, 0.3, 1.0}) {
      EXPECT_EQ(snapped(cube_number(CubeParameter::real, 0, 3, 3, log), x), 0);
      EXPECT_EQ(decode_integer(cube_number(CubeParameter::integer, 0, 3, 3, log), x), 3);
      EXPECT_EQ(decode_real(cube_number(CubeParameter::real, 0, 3, 3, log), x), 3);
    }
  }
  EXPECT_EQ(snapped(cube_number(CubeParameter::integer, 0, 3, 3, false), 0.9), 0.5);
}

}  // namespace
}  // namespace paretiny::bayes

// Problems of larger systems: an injector, a ship, a sorbent.
#include <array>
#include <cmath>

#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

using Vector = std::vector<double>;

/// A polynomial of the second degree in seven inputs.
struct Quadratic {
  double constant;
  std::array<double, 7> linear;
  std::array<double, 28> products;  ///< of inputs i <= j: (1, 1), (1, 2), ..., (7, 7)

  double operator()(const std::array<double, 7>& v) const {
    double sum = constant;
    std::size_t next = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      sum += linear[i] * v[i];
      for (std::size_t j = i; j < v.size(); ++j) sum += products[next++] * v[i] * v[j];
    }
    return sum;
  }
};

/// Response surfaces of Wang et al.: contact angle, oil absorption and strength.
constexpr Quadratic kAngle{-197.0928,
                           {-78.3309, 98.6355, 300.0701, 89.836, 208.2343, 332.9341, 135.6621},
                           {-16.7536, -11.0715, 201.8934,  17.127,    2.5198,   -109.3922, 30.1607,
                            -45.6507, -46.179,  19.2888,   -102.9493, -19.1245, 53.6297,   -91.4134,
                            -73.0649, -37.7181, -219.1268, -55.3704,  0,        3.8778,    -6.9252,
                            -105.165, -76.8701, -34.3181,  -36.3892,  0,        -82.3222,  0}};
constexpr Quadratic kAbsorption{
    -212.8531,
    {245.7998, -127.3395, 305.8461, 638.1605, 301.2118, -451.3796, -115.5485},
    {0,         42.8351,   262.3775,  -103.5274, -196.1568, -394.7975, -176.3341,
     0,         74.8291,   4.1557,    -133.8683, 65.8711,   -42.6911,  0,
     -323.9363, -107.3983, -323.2353, 46.9172,   -286.0182, -144.4199, 272.3729,
     49.0799,   0,         318.4706,  -236.2498, 393.5992,  252.4848,  0}};
constexpr Quadratic kStrength{7.7696,
                              {15.4344, -10.619, -17.9367, 17.1385, 2.5026, -24.301, 10.6058},
                              {-18.7356, -1.2041,  -37.2207, -3.2265,  7.3121,   52.3994, 9.7485,
                               12.1928,  -15.9371, -1.1706,  -2.6297,  7.0225,   -1.4938, 0,
                               30.2786,  14.5061,  48.5021,  -11.4857, -17.546,  -3.1381, -14.9747,
                               4.5204,   5.4997,   -17.6907, -19.2489, -26.2718, -9.8219, 0}};

}  // namespace

Problem rocket_injector() {
  Problem problem{"RocketInjector",
                  Vector(4, 0.0),
                  Vector(4, 1.0),
                  {0.98949120096 + 0.1 * (0.98949120096 - 0.00889341391106),
                   0.956587924661 + 0.1 * (0.956587924661 - 0.00488),
                   0.987530948586 + 0.1 * (0.987530948586 + 0.431499999825)}};
  problem.evaluate = [](const Vector& x) {
    const double a = x[0];  // angle of the flow
    const double h = x[1];  // areas of hydrogen and oxygen
    const double o = x[2];
    const double p = x[3];  // thickness of the tip
    const double face = 0.692 + 0.477 * a - 0.687 * h - 0.080 * o - 0.0650 * p - 0.167 * a * a -
                        0.0129 * h * a + 0.0796 * h * h - 0.0634 * o * a - 0.0257 * o * h +
                        0.0877 * o * o - 0.0521 * p * a + 0.00156 * p * h + 0.00198 * p * o +
                        0.0184 * p * p;
    const double length = 0.153 - 0.322 * a + 0.396 * h + 0.424 * o + 0.0226 * p + 0.175 * a * a +
                          0.0185 * h * a - 0.0701 * h * h - 0.251 * o * a + 0.179 * o * h +
                          0.0150 * o * o + 0.0134 * p * a + 0.0296 * p * h + 0.0752 * p * o +
                          0.0192 * p * p;
    const double tip =
        0.370 - 0.205 * a + 0.0307 * h + 0.108 * o + 1.019 * p - 0.135 * a * a + 0.0141 * h * a +
        0.0998 * h * h + 0.208 * o * a - 0.0301 * o * h - 0.226 * o * o + 0.353 * p * a -
        0.0497 * p * o - 0.423 * p * p + 0.202 * h * a * a - 0.281 * o * a * a - 0.342 * h * h * a -
        0.245 * h * h * o + 0.281 * o * o * h - 0.184 * p * p * a - 0.281 * h * a * o;
    return Response{{face, length, tip}};
  };
  return problem;
}

Problem marine_design() {
  Problem problem{"MarineDesign",
                  {150, 20, 13, 10, 14, 0.63},
                  {274.32, 32.31, 25, 11.71, 18, 0.75},
                  {12.9, 13100, -335000},
                  9};
  problem.evaluate = [](const Vector& x) {
    const double length = x[0];  // m
    const double beam = x[1];
    const double depth = x[2];
    const double draft = x[3];
    const double speed = x[4];  // knots
    const double block = x[5];
    const double displacement = 1.025 * length * beam * draft * block;
    const double froude = 0.5144 * speed / std::sqrt(9.8065 * length);
    const double a = 4977.06 * block * block - 8105.61 * block + 4456.51;
    const double b = -10847.2 * block * block + 12817 * block - 6960.32;
    const double power =
        std::cbrt(displacement * displacement) * std::pow(speed, 3) / (a + b * froude);
    const double outfit =
        std::pow(length, 0.8) * std::pow(beam, 0.6) * std::pow(depth, 0.3) * std::pow(block, 0.1);
    const double steel = 0.034 * std::pow(length, 1.7) * std::pow(beam, 0.7) *
                         std::pow(depth, 0.4) * std::sqrt(block);
    const double light = steel + outfit + 0.17 * std::pow(power, 0.9);
    const double ship =
        1.3 * (2000 * std::pow(steel, 0.85) + 3500 * outfit + 2400 * std::pow(power, 0.8));
    const double carried = displacement - light;
    const double days = 5000 / (24 * speed);  // at sea
    const double daily = 0.19 * power * 24 / 1000 + 0.2;
    const double cargo = carried - daily * (days + 5) - 2 * std::sqrt(carried);
    const double trips = 350 / (days + 2 * (cargo / 8000 + 0.5));
    const double voyages = (1.05 * daily * days * 100 + 6.3 * std::pow(carried, 0.8)) * trips;
    const double costs = 0.2 * ship + 40000 * std::pow(carried, 0.3) + voyages;
    const double annual = cargo * trips;
    const double height =
        0.53 * draft + (0.085 * block - 0.002) * beam * beam / (draft * block) - (1 + 0.52 * depth);
    return Response{{costs / annual, light, -annual},
                    {6 - length / beam, length / depth - 15, length / draft - 19,
                     draft - 0.45 * std::pow(carried, 0.31), draft - 0.7 * depth - 0.7,
                     carried - 500000, 3000 - carried, froude - 0.32, 0.07 * beam - height}};
  };
  return problem;
}

Problem oil_sorbent() {
  Problem problem{
      "OilSorbent", {0, 0, 0, 0, 0, 0, 0}, {1, 4, 4, 4, 1, 3, 3}, {-125.3865, -57.8292, 43.2665}};
  for (std::size_t i = 0; i < problem.inputs(); ++i) {
    const auto input = i == 0 || i == 4 ? real_input : whole_input;
    problem.parameters.push_back(input(i + 1, problem.lower[i], problem.upper[i]));
  }
  problem.evaluate = [](const Vector& x) {
    // What the settings are of the largest of each.
    constexpr std::array kV2{0.7 / 2, 1.0 / 2, 1.4 / 2, 1.7 / 2, 1.0};
    constexpr std::array kV3{12.0 / 24, 15.0 / 24, 18.0 / 24, 21.0 / 24, 1.0};
    constexpr std::array kV4{0.12 / 0.18, 0.135 / 0.18, 0.15 / 0.18, 0.165 / 0.18, 1.0};
    constexpr std::array kV6{16.0 / 28, 20.0 / 28, 26.0 / 28, 1.0};
    constexpr std::array kV7{0.41 / 1.32, 0.6 / 1.32, 0.84 / 1.32, 1.0};
    const auto at = [&](std::size_t i) { return static_cast<std::size_t>(x[i]); };
    const std::array v{x[0], kV2[at(1)], kV3[at(2)], kV4[at(3)], x[4], kV6[at(5)], kV7[at(6)]};
    return Response{{-kAngle(v), -kAbsorption(v), -kStrength(v)}};
  };
  problem.max_hypervolume = 1279774.75;
  problem.max_source = "approximate, of Daulton et al., 2022";
  return problem;
}

}  // namespace paretiny::problems

// Problems of Tanabe and Ishibuchi's suite of real-world problems ("An easy-to-use real-world
// multi-objective optimization problem suite", 2020), beside those of engineering.cpp. The suite
// counts broken limits as one more objective (the sum of what is missing); reference points lie a
// tenth of the suite's own range, ideal to nadir, beyond its nadir.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

using Vector = std::vector<double>;
using std::numbers::pi;
using std::numbers::sqrt2;

constexpr const char* kSuite =
    "of the approximate front of Tanabe and Ishibuchi, with our reference point";

/// Sum of what slacks are below 0.
template <std::size_t count>
double missing(const std::array<double, count>& slacks) {
  double sum = 0;
  for (const double slack : slacks) sum += std::max(0.0, -slack);
  return sum;
}

/// Slacks as constraints, which are met where <= 0.
template <std::size_t count>
Vector broken_above_0(const std::array<double, count>& slacks) {
  Vector constraints;
  for (const double slack : slacks) constraints.push_back(-slack);
  return constraints;
}

Vector beyond_nadir(const Vector& ideal, const Vector& nadir) {
  Vector reference;
  for (std::size_t k = 0; k < ideal.size(); ++k) {
    reference.push_back(nadir[k] + 0.1 * (nadir[k] - ideal[k]));
  }
  return reference;
}

double cubed(double v) {
  return v * v * v;
}

/// Cross sections of reinforcement, in square inches, that bars make up.
const Vector& bar_sections() {
  static const Vector sections{0.2,  0.31, 0.4,   0.44, 0.6,   0.62,  0.79, 0.8,  0.88, 0.93, 1.0,
                               1.2,  1.24, 1.32,  1.4,  1.55,  1.58,  1.6,  1.76, 1.8,  1.86, 2.0,
                               2.17, 2.2,  2.37,  2.4,  2.48,  2.6,   2.64, 2.79, 2.8,  3.0,  3.08,
                               3.1,  3.16, 3.41,  3.52, 3.6,   3.72,  3.95, 3.96, 4.0,  4.03, 4.2,
                               4.34, 4.4,  4.65,  4.74, 4.8,   4.84,  5.0,  5.28, 5.4,  5.53, 5.72,
                               6.0,  6.16, 6.32,  6.6,  7.11,  7.2,   7.8,  7.9,  8.0,  8.4,  8.69,
                               9.0,  9.48, 10.27, 11.0, 11.06, 11.85, 12.0, 13.0, 14.0, 15.0};
  return sections;
}

/// Wires, in inches, that springs are wound from.
constexpr std::array kWires{0.092, 0.105, 0.12,  0.135, 0.148, 0.162, 0.177, 0.192,  0.207, 0.225,
                            0.244, 0.263, 0.283, 0.307, 0.331, 0.362, 0.394, 0.4375, 0.5};

/// A place in a list as an integer parameter from 0.
space::Parameter place_in(std::size_t input, std::size_t count) {
  return whole_input(input, 0, static_cast<double>(count - 1));
}

}  // namespace

Problem four_bar_truss() {
  Problem problem{
      "FourBarTruss",
      {1, sqrt2, sqrt2, 1},
      Vector(4, 3.0),
      beyond_nadir({1237.8414230005742, 0.002761423749158419}, {2886.3695604236013, 0.04})};
  problem.evaluate = [](const Vector& x) {
    constexpr double kLength = 200;
    constexpr double kGive = 10 * kLength / 2e5;  // force x length / Young's modulus
    return Response{{kLength * (2 * x[0] + sqrt2 * x[1] + std::sqrt(x[2]) + x[3]),
                     kGive * (2 / x[0] + 2 * sqrt2 / x[1] - 2 * sqrt2 / x[2] + 2 / x[3])}};
  };
  return problem;
}

Problem concrete_beam() {
  const double sections = static_cast<double>(bar_sections().size());
  Problem problem{"ConcreteBeam",
                  {0, 0.0001, 0},
                  {sections - 1, 20, 40},
                  beyond_nadir({5.88, 0}, {361.262944647, 180.01547})};
  problem.parameters = {place_in(1, bar_sections().size()), real_input(2, 0.0001, 20),
                        real_input(3, 0, 40)};
  problem.evaluate = [](const Vector& x) {
    const double section = bar_sections()[static_cast<std::size_t>(x[0])];
    const std::array slacks{section * x[2] - 7.735 * section * section / x[1] - 180,
                            4 - x[2] / x[1]};
    return Response{{29.4 * section + 0.6 * x[1] * x[2], missing(slacks)}};
  };
  return problem;
}

Problem pressure_vessel() {
  Problem problem{"PressureVessel",
                  {1, 1, 10, 10},
                  {100, 100, 200, 240},
                  beyond_nadir({15.9018007813, 0}, {5852.05896876, 1288669.78054})};
  problem.parameters = {whole_input(1, 1, 100), whole_input(2, 1, 100), real_input(3, 10, 200),
                        real_input(4, 10, 240)};
  problem.evaluate = [](const Vector& x) {
    const double shell = 0.0625 * x[0];  // in
    const double head = 0.0625 * x[1];
    const double radius = x[2];
    const double length = x[3];
    const std::array slacks{shell - 0.0193 * radius, head - 0.00954 * radius,
                            pi * radius * radius * length + 4.0 / 3 * pi * cubed(radius) - 1296000};
    return Response{{0.6224 * shell * radius * length + 1.7781 * head * radius * radius +
                         3.1661 * shell * shell * length + 19.84 * shell * shell * radius,
                     missing(slacks)}};
  };
  return problem;
}

Problem hatch_cover() {
  Problem problem{
      "HatchCover", {0.5, 0.5}, {4, 50}, beyond_nadir({60.5, 0}, {481.608088535, 44.2819047619})};
  problem.evaluate = [](const Vector& x) {
    constexpr double kModulus = 700000;  // kg / cm^2
    const double bending = 4500 / (x[0] * x[1]);
    const double buckling = kModulus * x[0] * x[0] / 100;
    const double deflection = 56.2e4 / (kModulus * x[0] * x[1] * x[1]);
    const std::array slacks{1 - bending / 700, 1 - 1800 / x[1] / 450, 1 - deflection / 1.5,
                            1 - bending / buckling};
    return Response{{x[0] + 120 * x[1], missing(slacks)}};
  };
  return problem;
}

Problem coil_spring() {
  Problem problem{"CoilSpring",
                  {1, 0.6, 0},
                  {70, 3, static_cast<double>(kWires.size() - 1)},
                  beyond_nadir({0.037591349242869145, 0}, {0.40397042546, 2224669.22419})};
  problem.parameters = {whole_input(1, 1, 70), real_input(2, 0.6, 3), place_in(3, kWires.size())};
  problem.evaluate = [](const Vector& x) {
    constexpr double kMostLoad = 1000;  // lb
    constexpr double kPreload = 300;
    const double coils = x[0];
    const double diameter = x[1];
    const double wire = kWires[static_cast<std::size_t>(x[2])];
    const double index = diameter / wire;
    const double correction = (4 * index - 1) / (4 * index - 4) + 0.615 / index;
    const double stiffness =
        11.5e6 * wire * cubed(wire) / (8 * coils * cubed(diameter));  // lb / in
    const double height = kMostLoad / stiffness + 1.05 * (coils + 2) * wire;
    const double give = (kMostLoad - kPreload) / stiffness;
    const std::array slacks{189000 - 8 * correction * kMostLoad * diameter / (pi * cubed(wire)),
                            14 - height,
                            index - 3,
                            6 - kPreload / stiffness,
                            height - kPreload / stiffness - give - 1.05 * (coils + 2) * wire,
                            1.25 - give};
    return Response{{pi * pi * diameter * wire * wire * (coils + 2) / 4, missing(slacks)}};
  };
  return problem;
}

Problem two_bar_truss() {
  Problem problem{"TwoBarTruss",
                  {1e-5, 1e-5, 1},
                  {100, 100, 3},
                  beyond_nadir({5.53731918799e-5, 0.333333333333, 0},
                               {500.002668442, 8246211.25124, 19359919.7502})};
  problem.evaluate = [](const Vector& x) {
    const double far = std::sqrt(16 + x[2] * x[2]);
    const double near = std::sqrt(1 + x[2] * x[2]);
    const double volume = x[0] * far + x[1] * near;
    const double stress = 20 * far / (x[0] * x[2]);
    const std::array slacks{0.1 - volume, 1e5 - stress, 1e5 - 80 * near / (x[2] * x[1])};
    return Response{{volume, stress, missing(slacks)}};
  };
  return problem;
}

Problem speed_reducer() {
  Problem problem{"SpeedReducer",
                  {2.6, 0.7, 17, 7.3, 7.3, 2.9, 5},
                  {3.6, 0.8, 28, 8.3, 8.3, 3.9, 5.5},
                  {7000, 1700},
                  11};
  for (std::size_t i = 0; i < problem.inputs(); ++i) {
    const auto input = i == 2 ? whole_input : real_input;
    problem.parameters.push_back(input(i + 1, problem.lower[i], problem.upper[i]));
  }
  problem.evaluate = [](const Vector& x) {
    const double face = x[0];
    const double module = x[1];
    const double teeth = x[2];
    const double first = x[5];  // shafts: their diameters, x[3] and x[4] their lengths
    const double second = x[6];
    const double weight =
        0.7854 * face * module * module * (10 * teeth * teeth / 3 + 14.933 * teeth - 43.0934) -
        1.508 * face * (first * first + second * second) + 7.477 * (cubed(first) + cubed(second)) +
        0.7854 * (x[3] * first * first + x[4] * second * second);
    const auto stress = [&](double length, double diameter, double constant) {
      const double moment = 745 * length / (module * teeth);
      return std::sqrt(moment * moment + constant) / (0.1 * cubed(diameter));
    };
    const double shaft = stress(x[3], first, 1.69e7);
    const std::array slacks{1.0 / 27 - 1 / (face * module * module * teeth),
                            1 / 397.5 - 1 / (face * module * module * teeth * teeth),
                            1 / 1.93 - cubed(x[3]) / (module * teeth * first * cubed(first)),
                            1 / 1.93 - cubed(x[4]) / (module * teeth * second * cubed(second)),
                            40 - module * teeth,
                            12 - face / module,
                            face / module - 5,
                            x[3] - 1.5 * first - 1.9,
                            x[4] - 1.1 * second - 1.9,
                            1300 - shaft,
                            1100 - stress(x[4], second, 1.575e8)};
    return Response{{weight, shaft}, broken_above_0(slacks)};
  };
  return problem;
}

Problem gear_train() {
  Problem problem{"GearTrain", Vector(4, 12.0), Vector(4, 60.0),
                  beyond_nadir({7.89473684213e-05, 12, 0}, {5.931, 56, 0.355720675227})};
  for (std::size_t i = 1; i <= 4; ++i) problem.parameters.push_back(whole_input(i, 12, 60));
  problem.evaluate = [](const Vector& x) {
    constexpr double kRatio = 6.931;
    const double error = std::abs(kRatio - x[2] / x[0] * (x[3] / x[1]));
    return Response{
        {error, *std::max_element(x.begin(), x.end()), std::max(0.0, error / kRatio - 0.5)}};
  };
  return problem;
}

}  // namespace paretiny::problems

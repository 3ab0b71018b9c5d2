// Problems of mechanical design, in the variables' published order.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "nas/problems/families.h"

namespace paretiny::problems {

using Vector = std::vector<double>;

Problem vehicle_safety() {
  Problem problem{
      "VehicleSafety", Vector(5, 1.0), Vector(5, 3.0), {1864.72022, 11.81993945, 0.2903999384}};
  problem.evaluate = [](const Vector& x) {
    const double mass = 1640.2823 + 2.3573285 * x[0] + 2.3220035 * x[1] + 4.5688768 * x[2] +
                        7.7213633 * x[3] + 4.4559504 * x[4];
    const double acceleration = 6.5856 + 1.15 * x[0] - 1.0427 * x[1] + 0.9738 * x[2] +
                                0.8364 * x[3] - 0.3695 * x[0] * x[3] + 0.0861 * x[0] * x[4] +
                                0.3628 * x[1] * x[3] - 0.1106 * x[0] * x[0] - 0.3437 * x[2] * x[2] +
                                0.1764 * x[3] * x[3];
    const double intrusion = -0.0551 + 0.0181 * x[0] + 0.1024 * x[1] + 0.0421 * x[2] -
                             0.0073 * x[0] * x[1] + 0.024 * x[1] * x[2] - 0.0118 * x[1] * x[3] -
                             0.0204 * x[2] * x[3] - 0.008 * x[2] * x[4] - 0.0241 * x[1] * x[1] +
                             0.0109 * x[3] * x[3];
    return Response{{mass, acceleration, intrusion}};
  };
  problem.max_hypervolume = 246.81607081187002;
  problem.max_source = "of the approximate front of Tanabe and Ishibuchi, as BoTorch has it";
  return problem;
}

Problem noisy_vehicle_safety() {
  Problem problem = vehicle_safety();
  problem.name = "NoisyVehicleSafety";
  problem.noise = {0.4285, 0.0557, 0.00225};
  return problem;
}

namespace {

/// Weight, force, speed of the door's two parts together.
struct Crash {
  double weight = 0, force = 0, speed = 0;
  std::array<double, 10> slacks{};  ///< how much is left to each of the ten limits
};

Crash crash(const Vector& x) {
  const double weight = 1.98 + 4.9 * x[0] + 6.67 * x[1] + 6.98 * x[2] + 4.01 * x[3] + 1.78 * x[4] +
                        1e-5 * x[5] + 2.73 * x[6];
  const double force = 4.72 - 0.5 * x[3] - 0.19 * x[1] * x[2];
  const double pillar = 10.58 - 0.674 * x[0] * x[1] - 0.67275 * x[1];
  const double door = 16.45 - 0.489 * x[2] * x[6] - 0.843 * x[4] * x[5];
  const std::array slacks{
      1 - 1.16 + 0.3717 * x[1] * x[3] + 0.0092928 * x[2],
      0.32 - 0.261 + 0.0159 * x[0] * x[1] + 0.06486 * x[0] + 0.019 * x[1] * x[6] -
          0.0144 * x[2] * x[4] - 0.0154464 * x[5],
      0.32 - 0.214 - 0.00817 * x[4] + 0.045195 * x[0] + 0.0135168 * x[0] - 0.03099 * x[1] * x[5] +
          0.018 * x[1] * x[6] - 0.007176 * x[2] - 0.023232 * x[2] + 0.00364 * x[4] * x[5] +
          0.018 * x[1] * x[1],
      0.32 - 0.74 + 0.61 * x[1] + 0.031296 * x[2] + 0.031872 * x[6] - 0.227 * x[1] * x[1],
      32 - 28.98 - 3.818 * x[2] + 4.2 * x[0] * x[1] - 1.27296 * x[5] + 2.68065 * x[6],
      32 - 33.86 - 2.95 * x[2] + 5.057 * x[0] * x[1] + 3.795 * x[1] + 3.4431 * x[6] - 1.45728,
      32 - 46.36 + 9.9 * x[1] + 4.4505 * x[0],
      4 - force,
      9.9 - pillar,
      15.7 - door};
  return {weight, force, 0.5 * (pillar + door), slacks};
}

/// With the bounds of both problems.
Problem side_impact(const char* name) {
  return {name,
          {0.5, 0.45, 0.5, 0.5, 0.875, 0.4, 0.4},
          {1.5, 1.35, 1.5, 1.5, 2.625, 1.2, 1.2},
          {45.4872, 4.5114, 13.3394, 10.3942}};
}

}  // namespace

Problem car_side_impact() {
  Problem problem = side_impact("CarSideImpact");
  problem.evaluate = [](const Vector& x) {
    const Crash result = crash(x);
    double violation = 0;
    for (const double s : result.slacks) violation += std::max(0.0, -s);
    return Response{{result.weight, result.force, result.speed, violation}};
  };
  problem.max_hypervolume = 484.72654347642793;
  problem.max_source = "of the approximate front of Tanabe and Ishibuchi, as BoTorch has it";
  return problem;
}

Problem constrained_car_side_impact() {
  Problem problem = side_impact("ConstrainedCarSideImpact");
  problem.reference.pop_back();  // of the constraints' sum
  problem.constraints = 10;
  problem.evaluate = [](const Vector& x) {
    const Crash result = crash(x);
    Response response{{result.weight, result.force, result.speed}};
    for (const double s : result.slacks) response.constraints.push_back(-s);
    return response;
  };
  return problem;
}

Problem osy() {
  Problem problem{"OSY", {0, 0, 1, 0, 1, 0}, {10, 10, 5, 6, 5, 10}, {-75, 75}, 6};
  problem.evaluate = [](const Vector& x) {
    const auto square = [](double v) { return v * v; };
    double sum = 0;
    for (const double v : x) sum += v * v;
    return Response{{-(25 * square(x[0] - 2) + square(x[1] - 2) + square(x[2] - 1) +
                       square(x[3] - 4) + square(x[4] - 1)),
                     sum},
                    {2 - x[0] - x[1], x[0] + x[1] - 6, x[1] - x[0] - 2, x[0] - 3 * x[1] - 2,
                     square(x[2] - 3) + x[3] - 4, 4 - square(x[4] - 3) - x[5]}};
  };
  return problem;
}

Problem welded_beam() {
  Problem problem{"WeldedBeam", {0.125, 0.1, 0.1, 0.125}, {5, 10, 10, 5}, {40, 0.015}, 4};
  problem.evaluate = [](const Vector& x) {
    const double weld = x[0];
    const double length = x[1];
    const double height = x[2];
    const double thickness = x[3];
    constexpr double kForce = 6000;     // lb
    constexpr double kOverhang = 14;    // in
    constexpr double kShear = 13600;    // psi
    constexpr double kBending = 30000;  // psi
    const double cost =
        1.10471 * weld * weld * length + 0.04811 * height * thickness * (kOverhang + length);
    const double deflection = 2.1952 / (thickness * height * height * height);
    const double arm = (weld + height) / 2;
    const double radius = std::sqrt(length * length / 4 + arm * arm);
    const double inertia = std::numbers::sqrt2 * weld * length * (length * length / 12 + arm * arm);
    const double direct = kForce / (std::numbers::sqrt2 * weld * length);
    const double torsion = kForce * (kOverhang + length / 2) * radius / inertia;
    const double shear =
        std::sqrt(direct * direct + direct * torsion * length / radius + torsion * torsion);
    const double bending = 6 * kForce * kOverhang / (thickness * height * height);
    const double buckling =
        64746.022 * (1 - 0.0282346 * height) * height * thickness * thickness * thickness;
    return Response{{cost, deflection},
                    {(shear - kShear) / kShear, (bending - kBending) / kBending,
                     (weld - thickness) / (5 - 0.125), (kForce - buckling) / kForce}};
  };
  return problem;
}

Problem disc_brake() {
  Problem problem{"DiscBrake", {55, 75, 1000, 11}, {80, 110, 3000, 20}, {5.7771, 3.9651}, 4};
  problem.evaluate = [](const Vector& x) {
    const double inner = x[0];
    const double outer = x[1];
    const double force = x[2];
    const double surfaces = x[3];
    const double squares = outer * outer - inner * inner;
    const double cubes = outer * outer * outer - inner * inner * inner;
    return Response{
        {4.9e-5 * squares * (surfaces - 1), 9.82e6 * squares / (force * surfaces * cubes)},
        {20 - (outer - inner), force / (3.14 * squares) - 0.4,
         2.22e-3 * force * cubes / (squares * squares) - 1,
         900 - 2.66e-2 * force * surfaces * cubes / squares}};
  };
  return problem;
}

Problem welded_beam_materials() {
  Problem problem{
      "WeldedBeamMaterials", {0, 0, 0.0625, 0.1, 2, 0.0625}, {1, 3, 2, 10, 20, 2}, {40, 0.015}, 5};
  problem.parameters = {choice_input(1, {"two sides", "four sides"}),
                        choice_input(2, {"steel", "cast iron", "aluminium", "brass"}),
                        real_input(3, 0.0625, 2),
                        real_input(4, 0.1, 10),
                        real_input(5, 2, 20),
                        real_input(6, 0.0625, 2)};
  problem.evaluate = [](const Vector& x) {
    struct Material {
      double weld_cost, bar_cost, strength, young, shear;  // $ / in^3, psi
    };
    static constexpr std::array<Material, 4> kMaterials{{{0.1047, 0.0481, 3e4, 3e7, 12e6},
                                                         {0.0489, 0.0224, 8e3, 14e6, 6e6},
                                                         {0.5235, 0.2405, 5e3, 1e7, 4e6},
                                                         {0.5584, 0.2566, 8e3, 16e6, 1e7}}};
    constexpr double kForce = 6000;   // lb
    constexpr double kOverhang = 14;  // in
    const bool four = x[0] == 1;
    const Material& material = kMaterials[static_cast<std::size_t>(x[1])];
    const double weld = x[2];
    const double length = x[3];
    const double height = x[4];
    const double thickness = x[5];
    const double along = std::hypot(length, weld + height) / 2;
    const double across = std::hypot(height, weld + length) / 2;
    const double radius = four ? std::max(along, across) : along;
    const double area = std::numbers::sqrt2 * weld * (four ? height + length : length);
    const auto inertia = [weld](double side, double other) {
      return std::numbers::sqrt2 * weld * side *
             ((weld + other) * (weld + other) / 4 + side * side / 12);
    };
    const double polar =
        four ? inertia(length, height) + inertia(height, length) : inertia(length, height);
    const double direct = kForce / area;
    const double torsion = kForce * (kOverhang + length / 2) * radius / polar;
    const double shear =
        std::sqrt(direct * direct + torsion * torsion + direct * torsion * length / radius);
    const double bending = 6 * kForce * kOverhang / (height * height * thickness);
    const double deflection = 4 * kForce * kOverhang * kOverhang * kOverhang /
                              (material.young * height * height * height * thickness);
    const double buckling =
        4.013 * height * thickness * thickness * thickness *
        std::sqrt(material.young * material.shear) / (6 * kOverhang * kOverhang) *
        (1 - height / (4 * kOverhang) * std::sqrt(material.young / material.shear));
    const double cost = (1 + material.weld_cost) * ((four ? height : 0) + length) * weld * weld +
                        material.bar_cost * height * thickness * (kOverhang + length);
    return Response{{cost, deflection},
                    {shear - 0.577 * material.strength, bending - material.strength,
                     weld - thickness, kForce - buckling, deflection - 0.25}};
  };
  return problem;
}

}  // namespace paretiny::problems

// Published test problems for samplers of several objectives, all minimised, inputs in [0, 1]^d.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

namespace paretiny {

struct TestProblem {
  std::string name;
  std::size_t inputs = 0;
  std::vector<double> reference;  ///< hypervolume reference point
  std::function<std::vector<double>(const std::vector<double>&)> evaluate;
};

/// Deb, Thiele, Laumanns and Zitzler, "Scalable test problems for evolutionary multiobjective
/// optimization", 2005.
inline TestProblem dtlz2(std::size_t inputs, std::size_t objectives) {
  return {"DTLZ2", inputs, std::vector<double>(objectives, 1.1), [=](const std::vector<double>& x) {
            double g = 0;
            for (std::size_t i = objectives - 1; i < inputs; ++i) g += (x[i] - 0.5) * (x[i] - 0.5);
            std::vector<double> f(objectives, 1 + g);
            for (std::size_t k = 0; k < objectives; ++k) {
              const std::size_t cosines = objectives - 1 - k;
              for (std::size_t i = 0; i < cosines; ++i)
                f[k] *= std::cos(x[i] * std::numbers::pi / 2);
              if (k > 0) f[k] *= std::sin(x[cosines] * std::numbers::pi / 2);
            }
            return f;
          }};
}

/// Branin and Currin's functions on one square (Belakaria, Deshwal and Doppa, 2019).
inline TestProblem branin_currin() {
  return {"BraninCurrin", 2, {18, 6}, [](const std::vector<double>& x) {
            constexpr double pi = std::numbers::pi;
            const double a = 15 * x[0] - 5;
            const double b = 15 * x[1];
            const double bowl = b - 5.1 / (4 * pi * pi) * a * a + 5 / pi * a - 6;
            const double branin = bowl * bowl + 10 * (1 - 1 / (8 * pi)) * std::cos(a) + 10;
            const double u = x[0];
            const double factor = x[1] > 0 ? 1 - std::exp(-1 / (2 * x[1])) : 1;
            const double currin = factor * (2300 * u * u * u + 1900 * u * u + 2092 * u + 60) /
                                  (100 * u * u * u + 500 * u * u + 4 * u + 20);
            return std::vector<double>{branin, currin};
          }};
}

/// Crash design, RE34 of Tanabe and Ishibuchi, 2020; inputs from [1, 3]^5.
inline TestProblem vehicle_safety() {
  return {"VehicleSafety",
          5,
          {1864.72022, 11.81993945, 0.2903999384},
          [](const std::vector<double>& unit) {
            std::vector<double> x;
            for (const double u : unit) x.push_back(1 + 2 * u);
            const double mass = 1640.2823 + 2.3573285 * x[0] + 2.3220035 * x[1] + 4.5688768 * x[2] +
                                7.7213633 * x[3] + 4.4559504 * x[4];
            const double acceleration =
                6.5856 + 1.15 * x[0] - 1.0427 * x[1] + 0.9738 * x[2] + 0.8364 * x[3] -
                0.3695 * x[0] * x[3] + 0.0861 * x[0] * x[4] + 0.3628 * x[1] * x[3] -
                0.1106 * x[0] * x[0] - 0.3437 * x[2] * x[2] + 0.1764 * x[3] * x[3];
            const double intrusion =
                -0.0551 + 0.0181 * x[0] + 0.1024 * x[1] + 0.0421 * x[2] - 0.0073 * x[0] * x[1] +
                0.024 * x[1] * x[2] - 0.0118 * x[1] * x[3] - 0.0204 * x[2] * x[3] -
                0.008 * x[2] * x[4] - 0.0241 * x[1] * x[1] + 0.0109 * x[3] * x[3];
            return std::vector<double>{mass, acceleration, intrusion};
          }};
}

}  // namespace paretiny

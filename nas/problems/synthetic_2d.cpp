#include <cmath>
#include <numbers>

#include "nas/problems/families.h"

namespace paretiny::problems {

Problem synthetic_2d() {
  Problem problem{"Synthetic2D", {0, 0}, {32, 32}, {22, 1}};
  problem.evaluate = [](const std::vector<double>& x) {
    constexpr double kFarthest = 17 * 17 + 27 * 27;
    const double a = x[0] - 15;
    const double b = x[1] - 5;
    const double square = a * a + b * b;
    const double wave =
        (std::cos(2 * std::numbers::pi * a) + std::cos(2 * std::numbers::pi * b)) / 2;
    const double ackley =
        20 * (1 - std::exp(-0.2 * std::sqrt(square / 2))) + std::numbers::e - std::exp(wave);
    return Response{{ackley, square / kFarthest}};
  };
  problem.max_hypervolume = 22;
  problem.max_source = "exact";
  return problem;
}

}  // namespace paretiny::problems

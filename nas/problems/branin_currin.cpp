#include <cmath>
#include <numbers>

#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

/// BoTorch's maxima, 59.360 and 608.400, are exceeded by it.
constexpr const char* kSource = "by a grid of 2001 x 2001, refined four times around its front";

/// a, b: in Branin's own units, -5 .. 10 and 0 .. 15.
double branin(double a, double b) {
  const double bowl =
      b - 5.1 / (4 * std::numbers::pi * std::numbers::pi) * a * a + 5 / std::numbers::pi * a - 6;
  return bowl * bowl + 10 * (1 - 1 / (8 * std::numbers::pi)) * std::cos(a) + 10;
}

double currin(double u, double v) {
  const double factor = 1 - std::exp(-1 / (2 * v));  // 1 at v = 0
  return factor * (2300 * u * u * u + 1900 * u * u + 2092 * u + 60) /
         (100 * u * u * u + 500 * u * u + 4 * u + 20);
}

}  // namespace

Problem branin_currin() {
  Problem problem{"BraninCurrin", {0, 0}, {1, 1}, {18, 6}};
  problem.evaluate = [](const std::vector<double>& x) {
    return Response{{branin(15 * x[0] - 5, 15 * x[1]), currin(x[0], x[1])}};
  };
  problem.max_hypervolume = 59.40373;
  problem.max_source = kSource;
  return problem;
}

Problem constrained_branin_currin() {
  Problem problem = branin_currin();
  problem.name = "ConstrainedBraninCurrin";
  problem.reference = {80, 12};
  problem.constraints = 1;
  problem.max_hypervolume = 609.3039;
  problem.evaluate = [inner = problem.evaluate](const std::vector<double>& x) {
    Response result = inner(x);
    const double a = 15 * x[0] - 5 - 2.5;
    const double b = 15 * x[1] - 7.5;
    result.constraints = {a * a + b * b - 50};
    return result;
  };
  return problem;
}

Problem noisy_branin_currin() {
  Problem problem = branin_currin();
  problem.name = "NoisyBraninCurrin";
  problem.noise = {15.19, 0.63};
  return problem;
}

}  // namespace paretiny::problems

#include <cmath>
#include <numbers>

#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

/// A problem of the family from its second objective: f2(f1, g).
template <class Second>
Problem zdt(const char* name, std::size_t d, double max_hypervolume, Second second) {
  Problem problem{name, std::vector<double>(d, 0.0), std::vector<double>(d, 1.0), {11, 11}};
  problem.evaluate = [second](const std::vector<double>& x) {
    double sum = 0;
    for (std::size_t i = 1; i < x.size(); ++i) sum += x[i];
    const double g = 1 + 9 * sum / static_cast<double>(x.size() - 1);
    return Response{{x[0], second(x[0], g)}};
  };
  problem.max_hypervolume = max_hypervolume;
  problem.max_source = "exact";
  return problem;
}

}  // namespace

Problem zdt1(std::size_t d) {
  return zdt("ZDT1", d, 121 - 1.0 / 3,
             [](double f, double g) { return g * (1 - std::sqrt(f / g)); });
}

Problem zdt2(std::size_t d) {
  return zdt("ZDT2", d, 121 - 2.0 / 3,
             [](double f, double g) { return g * (1 - f / g * (f / g)); });
}

Problem zdt3(std::size_t d) {
  return zdt("ZDT3", d, 128.77811613069076, [](double f, double g) {
    return 1 - std::sqrt(f / g) - f / g * std::sin(10 * std::numbers::pi * f);
  });
}

}  // namespace paretiny::problems

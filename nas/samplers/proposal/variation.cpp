#include "nas/samplers/proposal/variation.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace paretiny::samplers {
namespace {

/// Parents nearer than this are equal.
constexpr double kEqual = 1e-14;

/// The spread factor of one child, for which `room` is how far the nearer parent lies from its
/// bound in units of the parents' distance.
double spread(double u, double room, double eta) {
  const double alpha = 2 - std::pow(1 + 2 * room, -(eta + 1));
  const double within = u * alpha;
  return std::pow(within <= 1 ? within : 1 / (2 - within), 1 / (eta + 1));
}

void cross(const space::Parameter& p, double* a, double* b, std::size_t width, double eta,
           Random& random) {
  if (p.kind == space::ParameterKind::categorical) {
    std::swap_ranges(a, a + width, b);
  } else {
    std::tie(*a, *b) = simulated_binary(*a, *b, eta, random);
  }
}

void mutate(const space::Parameter& p, double* x, std::size_t width, double eta, Random& random) {
  if (p.kind == space::ParameterKind::categorical) {
    std::fill(x, x + width, 0.0);
    x[random.below(width)] = 1;
  } else {
    *x = polynomial_mutation(*x, eta, random);
  }
}

}  // namespace

std::pair<double, double> simulated_binary(double a, double b, double eta, Random& random) {
  const double low = std::min(a, b);
  const double high = std::max(a, b);
  const double distance = high - low;
  if (distance < kEqual) return {a, b};
  const double u = random.uniform();
  const double left = 0.5 * (low + high - spread(u, low / distance, eta) * distance);
  const double right = 0.5 * (low + high + spread(u, (1 - high) / distance, eta) * distance);
  const std::pair<double, double> children{std::clamp(left, 0.0, 1.0), std::clamp(right, 0.0, 1.0)};
  return random.uniform() < 0.5 ? children : std::pair{children.second, children.first};
}

double polynomial_mutation(double x, double eta, Random& random) {
  const double u = random.uniform();
  const double power = eta + 1;
  double step = 0;
  if (u < 0.5) {
    step = std::pow(2 * u + (1 - 2 * u) * std::pow(1 - x, power), 1 / power) - 1;
  } else {
    step = 1 - std::pow(2 * (1 - u) + (2 * u - 1) * std::pow(x, power), 1 / power);
  }
  return std::clamp(x + step, 0.0, 1.0);
}

std::pair<std::vector<double>, std::vector<double>> vary(const space::Space& space,
                                                         const Variation& variation,
                                                         std::vector<double> a,
                                                         std::vector<double> b, Random& random) {
  const bool crossed = random.uniform() < variation.crossover;
  const double chance =
      std::min(variation.most_mutation, 1 / static_cast<double>(space.parameters().size()));
  std::size_t at = 0;
  for (const space::Parameter& p : space.parameters()) {
    const std::size_t width = p.kind == space::ParameterKind::categorical ? p.choices.size() : 1;
    if (crossed && random.uniform() < variation.exchange) {
      cross(p, &a[at], &b[at], width, variation.crossover_eta, random);
    }
    for (std::vector<double>* child : {&a, &b}) {
      if (random.uniform() >= chance) continue;
      mutate(p, &(*child)[at], width, variation.mutation_eta, random);
    }
    at += width;
  }
  return {space.snap(a), space.snap(b)};
}

}  // namespace paretiny::samplers

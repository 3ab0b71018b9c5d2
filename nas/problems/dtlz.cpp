#include <algorithm>
#include <cmath>
#include <numbers>

#include "nas/problems/families.h"

namespace paretiny::problems {
namespace {

using Vector = std::vector<double>;

Problem unit_problem(const char* name, std::size_t d, std::size_t m, double reference) {
  return {name, Vector(d, 0.0), Vector(d, 1.0), Vector(m, reference)};
}

void set_exact(Problem& problem, double max_hypervolume) {
  problem.max_hypervolume = max_hypervolume;
  problem.max_source = "exact";
}

/// Sum of (x_i - 1/2)^2 over the inputs that say how far from the front a point is.
double bowl(const Vector& x, std::size_t m) {
  double g = 0;
  for (std::size_t i = m - 1; i < x.size(); ++i) g += (x[i] - 0.5) * (x[i] - 0.5);
  return g;
}

/// The same under waves: many local fronts.
double waves(const Vector& x, std::size_t m) {
  double sum = static_cast<double>(x.size() - m + 1);
  for (std::size_t i = m - 1; i < x.size(); ++i) {
    const double from = x[i] - 0.5;
    sum += from * from - std::cos(20 * std::numbers::pi * from);
  }
  return 100 * sum;
}

/// Spherical coordinates: `angles` [m - 1] in quarters of a turn.
Vector sphere(double radius, const double* angles, std::size_t m) {
  Vector f(m, radius);
  for (std::size_t k = 0; k < m; ++k) {
    const std::size_t cosines = m - 1 - k;
    for (std::size_t i = 0; i < cosines; ++i) f[k] *= std::cos(angles[i] * std::numbers::pi / 2);
    if (k > 0) f[k] *= std::sin(angles[cosines] * std::numbers::pi / 2);
  }
  return f;
}

/// Volume of the part of the unit ball whose coordinates are all positive.
double ball_part(std::size_t m) {
  const double half = static_cast<double>(m) / 2;
  return std::pow(std::numbers::pi / 4, half) / std::tgamma(half + 1);
}

double cube(const Problem& problem) {
  return std::pow(problem.reference[0], static_cast<double>(problem.objectives()));
}

/// Of the largest s(x) = x (1 + sin 3 pi x) up to y: its integral over 0 <= y <= 1, and its value
/// at 1 and above. By quadrature.
constexpr double kRunningIntegral = 0.72883459310953;
constexpr double kRunningMaximum = 1.6929956344984218;

/// Least squared distance of `f` to a corner of the front or to its middle, BoTorch's radii off.
double nearest_centre(const Vector& f) {
  constexpr double kSquaredRadius = 0.2 * 0.2;
  const double middle = 1 / std::sqrt(static_cast<double>(f.size()));
  double least = 0;
  for (const double v : f) least += (v - middle) * (v - middle) - kSquaredRadius;
  for (std::size_t k = 0; k < f.size(); ++k) {
    double corner = (f[k] - 1) * (f[k] - 1);
    for (std::size_t j = 0; j < f.size(); ++j) {
      if (j != k) corner += f[j] * f[j] - kSquaredRadius;
    }
    least = std::min(least, corner);
  }
  return least;
}

}  // namespace

Problem dtlz1(std::size_t d, std::size_t m) {
  Problem problem = unit_problem("DTLZ1", d, m, 400);
  problem.evaluate = [m](const Vector& x) {
    Vector f(m, 0.5 * (1 + waves(x, m)));
    for (std::size_t k = 0; k < m; ++k) {
      for (std::size_t i = 0; i < m - 1 - k; ++i) f[k] *= x[i];
      if (k > 0) f[k] *= 1 - x[m - 1 - k];
    }
    return Response{std::move(f)};
  };
  // Below the front, sum f = 1/2, lies a simplex. BoTorch subtracts a cube in its place.
  set_exact(problem, cube(problem) - std::pow(0.5, static_cast<double>(m)) /
                                         std::tgamma(static_cast<double>(m) + 1));
  return problem;
}

Problem dtlz2(std::size_t d, std::size_t m) {
  Problem problem = unit_problem("DTLZ2", d, m, 1.1);
  problem.evaluate = [m](const Vector& x) { return Response{sphere(1 + bowl(x, m), x.data(), m)}; };
  set_exact(problem, cube(problem) - ball_part(m));
  return problem;
}

Problem dtlz3(std::size_t d, std::size_t m) {
  Problem problem = unit_problem("DTLZ3", d, m, 10000);
  problem.evaluate = [m](const Vector& x) {
    return Response{sphere(1 + waves(x, m), x.data(), m)};
  };
  set_exact(problem, cube(problem) - ball_part(m));
  return problem;
}

Problem dtlz5(std::size_t d, std::size_t m) {
  Problem problem = unit_problem("DTLZ5", d, m, 10);
  problem.evaluate = [m](const Vector& x) {
    const double g = bowl(x, m);
    Vector angles(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(m - 1));
    for (std::size_t i = 1; i < angles.size(); ++i) {
      angles[i] = (1 + 2 * g * x[i]) / (2 * (1 + g));
    }
    return Response{sphere(1 + g, angles.data(), m)};
  };
  // The front is a quarter of a circle with two objectives and, with three, the curve
  // (cos t, cos t, sqrt2 sin t) / sqrt2; with more it is no curve and nobody has its volume.
  const double r = problem.reference[0];
  if (m == 2) set_exact(problem, r * r - std::numbers::pi / 4);
  if (m == 3)
    set_exact(problem, r * r * r - r * std::numbers::pi / (2 * std::numbers::sqrt2) + 1.0 / 3);
  return problem;
}

Problem dtlz7(std::size_t d, std::size_t m) {
  Problem problem = unit_problem("DTLZ7", d, m, 15);
  problem.evaluate = [m](const Vector& x) {
    Vector f(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(m - 1));
    double sum = 0;
    for (std::size_t i = m - 1; i < x.size(); ++i) sum += x[i];
    const double g = 1 + 9 / static_cast<double>(x.size() - m + 1) * sum;
    double h = static_cast<double>(m);
    for (const double v : f) h -= v / (1 + g) * (1 + std::sin(3 * std::numbers::pi * v));
    f.push_back((1 + g) * h);
    return Response{std::move(f)};
  };
  // On the front f_m = 2m - sum s(f_i): above y lies all that is above 2m - sum max s, so the
  // volume is one integral, as long as no part of the front lies above the reference.
  const double r = problem.reference[0];
  const double highest = 2 * static_cast<double>(m);
  if (highest <= r) {
    const double others = static_cast<double>(m - 1);
    const double integral = kRunningIntegral + kRunningMaximum * (r - 1);
    set_exact(problem,
              std::pow(r, others) * (r - highest) + others * std::pow(r, others - 1) * integral);
  }
  return problem;
}

Problem c2dtlz2(std::size_t d, std::size_t m) {
  Problem problem = dtlz2(d, m);
  problem.name = "C2DTLZ2";
  problem.constraints = 1;
  problem.evaluate = [inner = problem.evaluate](const Vector& x) {
    Response result = inner(x);
    result.constraints = {nearest_centre(result.objectives)};
    return result;
  };
  problem.max_hypervolume.reset();
  problem.max_source.clear();
  // With two objectives the feasible front is three arcs of the unit circle.
  if (m == 2) set_exact(problem, 0.40005666817602);
  return problem;
}

}  // namespace paretiny::problems

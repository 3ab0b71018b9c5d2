// Runs of samplers on problems small enough for a test.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "nas/samplers/sampler.h"

namespace paretiny::test {

using Vector = std::vector<double>;
using History = std::vector<samplers::Observation>;
using Options = std::map<std::string, double>;

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kNone = std::numeric_limits<double>::infinity();

/// Options that make a sampler small enough for a test and large enough to learn.
inline Options quick(const std::string& sampler) {
  if (sampler == "ars" || sampler == "ars+") return {{"steps", 4}, {"directions", 8}, {"kept", 4}};
  if (sampler == "qparego" || sampler == "qlognehvi") {
    return {{"samples", 16}, {"raw", 64}, {"restarts", 2}, {"iterations", 20}};
  }
  if (sampler == "nsga2") return {{"population", 6}};
  if (sampler == "turbo" || sampler == "morbo") return {{"candidates", 400}};
  return {};
}

inline space::Parameter real(const std::string& name) {
  return {name, space::ParameterKind::real, 0, 1, false, {}};
}

inline space::Parameter integer(const std::string& name, double low, double high,
                                bool log = false) {
  return {name, space::ParameterKind::integer, low, high, log, {}};
}

inline space::Parameter categorical(const std::string& name,
                                    const std::vector<std::string>& choices) {
  return {name, space::ParameterKind::categorical, 0, 1, false, {choices.begin(), choices.end()}};
}

/// Objectives with the limit 1.
inline samplers::SamplerProblem problem_of(std::vector<space::Parameter> parameters,
                                           std::size_t objectives, std::uint64_t seed = 3) {
  samplers::SamplerProblem problem;
  problem.space = space::Space(std::move(parameters));
  problem.objectives = objectives;
  problem.reference = Vector(objectives, 1.0);
  problem.limits = Vector(objectives, 1.0);
  problem.seed = seed;
  problem.initial = 6;
  return problem;
}

inline samplers::SamplerProblem reals(std::size_t d, std::size_t objectives,
                                      std::uint64_t seed = 3) {
  std::vector<space::Parameter> parameters;
  for (std::size_t i = 0; i < d; ++i) parameters.push_back(real(std::to_string(i)));
  return problem_of(std::move(parameters), objectives, seed);
}

/// A real, an integer and a choice; two objectives.
inline samplers::SamplerProblem mixed(std::uint64_t seed = 3) {
  return problem_of({real("a"), integer("k", 1, 64, true), categorical("c", {"x", "y", "z"})}, 2,
                    seed);
}

using Judge = std::function<samplers::Observation(const Vector&)>;

/// Asks and tells until there are `trials`.
inline History run(samplers::Sampler& sampler, std::size_t trials, const Judge& judge,
                   History history = {}) {
  for (std::uint64_t t = history.size(); t < trials; ++t) {
    const Vector x = sampler.ask(history, t);
    history.push_back(judge(x));
    history.back().x = x;
  }
  return history;
}

inline samplers::Observation finished(Vector objectives) {
  return {{}, samplers::Outcome::finished, std::move(objectives)};
}

/// Two spheres about (0.2, ...) and (0.7, ...).
inline Vector spheres(const Vector& x) {
  double a = 0;
  double b = 0;
  for (const double v : x) {
    a += (v - 0.2) * (v - 0.2);
    b += (v - 0.7) * (v - 0.7);
  }
  return {a / static_cast<double>(x.size()), b / static_cast<double>(x.size())};
}

/// Every point is snapped, in the cube, and suggested once.
inline void expect_sound(const samplers::SamplerProblem& problem, const History& history) {
  std::set<Vector> seen;
  for (const samplers::Observation& o : history) {
    EXPECT_EQ(problem.space.snap(o.x), o.x);
    EXPECT_TRUE(seen.insert(o.x).second) << "a point twice";
    for (const double coordinate : o.x) EXPECT_TRUE(coordinate >= 0 && coordinate <= 1);
  }
}

}  // namespace paretiny::test

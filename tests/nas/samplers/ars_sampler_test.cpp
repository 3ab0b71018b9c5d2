#include "nas/samplers/ars_sampler.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <set>

#include "kernels/error.h"
#include "nas/pareto/hypervolume.h"
#include "nas/problems/problem.h"
#include "nas/samplers/k_means.h"

namespace paretiny {
namespace {

using Vector = std::vector<double>;
using History = std::vector<Observation>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Small enough for a test, large enough to learn.
const std::map<std::string, double> kQuick{{"steps", 4}, {"directions", 8}, {"kept", 4}};

Parameter real(const std::string& name) {
  return {name, ParameterKind::real, 0, 1, false, {}};
}

SamplerProblem problem_of(std::vector<Parameter> parameters, std::size_t objectives,
                          std::uint64_t seed = 3) {
  SamplerProblem problem;
  problem.space = Space(std::move(parameters));
  problem.objectives = objectives;
  problem.reference = Vector(objectives, 1.0);
  problem.seed = seed;
  problem.initial = 6;
  return problem;
}

SamplerProblem reals(std::size_t d, std::size_t objectives, std::uint64_t seed = 3) {
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < d; ++i) parameters.push_back(real(std::to_string(i)));
  return problem_of(std::move(parameters), objectives, seed);
}

SamplerProblem mixed(std::uint64_t seed = 3) {
  return problem_of({real("a"),
                     {"k", ParameterKind::integer, 1, 64, true, {}},
                     {"c", ParameterKind::categorical, 0, 1, false, {"x", "y", "z"}}},
                    2, seed);
}

using Judge = std::function<Observation(const Vector&)>;

History run(Sampler& sampler, std::size_t trials, const Judge& judge, History history = {}) {
  for (std::uint64_t t = history.size(); t < trials; ++t) {
    const Vector x = sampler.ask(history, t);
    history.push_back(judge(x));
    history.back().x = x;
  }
  return history;
}

Observation finished(Vector objectives) {
  return {{}, Outcome::finished, std::move(objectives)};
}

/// Two spheres about (0.2, ...) and (0.7, ...).
Vector spheres(const Vector& x) {
  double a = 0;
  double b = 0;
  for (const double v : x) {
    a += (v - 0.2) * (v - 0.2);
    b += (v - 0.7) * (v - 0.7);
  }
  return {a / static_cast<double>(x.size()), b / static_cast<double>(x.size())};
}

void expect_sound(const SamplerProblem& problem, const History& history) {
  std::set<Vector> seen;
  for (const Observation& o : history) {
    EXPECT_EQ(problem.space.snap(o.x), o.x);
    EXPECT_TRUE(seen.insert(o.x).second) << "a point twice";
  }
}

TEST(ArsSampler, IsAFunctionOfHistorySeedAndTrial) {
  const auto problem = mixed();
  const Judge judge = [](const Vector& x) { return finished(spheres(x)); };
  ArsSampler sampler(problem, kQuick);
  const History history = run(sampler, 14, judge);
  expect_sound(problem, history);
  ArsSampler resumed(problem, kQuick);
  const History half(history.begin(), history.begin() + 9);
  const History again = run(resumed, 14, judge, half);
  for (std::size_t i = 0; i < history.size(); ++i) EXPECT_EQ(again[i].x, history[i].x) << i;
  ArsSampler other(mixed(4), kQuick);
  EXPECT_NE(other.ask(half, 9), history[9].x);
}

TEST(ArsSampler, DoesNotDependOnTheThreads) {
  const auto problem = reals(3, 2);
  const History history = run(*make_sampler("random", problem), 20,
                              [](const Vector& x) { return finished(spheres(x)); });
  const int before = omp_get_max_threads();
  std::set<Vector> answers;
  for (const int threads : {1, 2, 5}) {
    omp_set_num_threads(threads);
    answers.insert(ArsSampler(problem, kQuick).ask(history, 20));
  }
  omp_set_num_threads(before);
  EXPECT_EQ(answers.size(), 1u);
}

TEST(ArsSampler, StartsWithTheLatinHypercube) {
  const auto problem = reals(3, 2);
  const Judge judge = [](const Vector& x) { return finished(spheres(x)); };
  ArsSampler ars(problem, kQuick);
  const auto lhs = make_sampler("lhs", problem);
  const History history = run(ars, 7, judge);
  for (std::uint64_t t = 0; t < 6; ++t) EXPECT_EQ(history[t].x, lhs->ask({}, t));
  EXPECT_NE(history[6].x, lhs->ask({}, 6));
}

TEST(ArsSampler, LearnsMoreThanRandom) {
  double ars = 0;
  double random = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto problem = reals(5, 2, seed);
    for (const std::string name : {"ars", "random"}) {
      const auto sampler = make_sampler(name, problem, name == "ars" ? kQuick : decltype(kQuick){});
      Points points;
      for (const Observation& o :
           run(*sampler, 30, [](const Vector& x) { return finished(spheres(x)); })) {
        points.push_back(o.objectives);
      }
      (name == "ars" ? ars : random) += hypervolume(points, {0.2, 0.2});
    }
  }
  EXPECT_GT(ars, 1.3 * random);
}

TEST(ArsSampler, SurvivesEveryKindOfHistory) {
  const std::vector<std::pair<const char*, Judge>> judges{
      {"all failed",
       [](const Vector&) {
         return Observation{{}, Outcome::failed, {}};
       }},
      {"all pending",
       [](const Vector&) {
         return Observation{{}, Outcome::pending, {}};
       }},
      {"all infeasible",
       [](const Vector& x) {
         return Observation{{}, Outcome::infeasible, {kNan, 2 + x[0]}};
       }},
      {"all infeasible, nothing known",
       [](const Vector&) {
         return Observation{{}, Outcome::infeasible, {}};
       }},
      {"all over the limit",
       [](const Vector& x) {
         return finished({0.5, 1e6 * (1 + x[0])});
       }},
      {"constant",
       [](const Vector&) {
         return finished({0.5, 0.5});
       }},
      {"one constant",
       [](const Vector& x) {
         return finished({0.5, x[0]});
       }},
      {"not numbers",
       [](const Vector&) {
         return finished({kNan, 1});
       }},
      {"infinite",
       [](const Vector&) {
         return finished({0.1, std::numeric_limits<double>::infinity()});
       }},
      {"tiny",
       [](const Vector& x) {
         return finished({1e-200 * x[0], 1e-300});
       }},
  };
  for (const auto& [name, judge] : judges) {
    SCOPED_TRACE(name);
    const auto problem = mixed();
    ArsSampler sampler(problem, kQuick);
    expect_sound(problem, run(sampler, 10, judge));
  }
}

TEST(ArsSampler, SurvivesOneTrialAndIdenticalTrials) {
  auto problem = mixed();
  problem.initial = 0;
  ArsSampler sampler(problem, kQuick);
  const Vector x = problem.space.snap({0.5, 0.5, 1, 0, 0});
  EXPECT_EQ(sampler.ask({}, 0).size(), 5u);
  const Observation same{x, Outcome::finished, {0.3, 0.4}};
  EXPECT_NE(sampler.ask({same}, 1), x);
  EXPECT_NE(sampler.ask(History(20, same), 20), x);
}

TEST(ArsSampler, HandlesFortyParametersAndFourObjectives) {
  const auto problem = reals(40, 4);
  ArsSampler sampler(problem, kQuick);
  const Problem dtlz = make_problem("DTLZ2:d=40,m=4");
  expect_sound(problem, run(sampler, 9, [&](const Vector& x) {
                 return finished(dtlz.evaluate(x).objectives);
               }));
}

TEST(ArsSampler, GoesThroughAFiniteSpaceAndThenRefuses) {
  const auto problem = problem_of({{"k", ParameterKind::integer, 1, 5, false, {}},
                                   {"c", ParameterKind::categorical, 0, 1, false, {"x", "y", "z"}}},
                                  2);
  ArsSampler sampler(problem, kQuick);
  const History history = run(sampler, 15, [](const Vector& x) { return finished(spheres(x)); });
  expect_sound(problem, history);
  EXPECT_THROW(sampler.ask(history, 15), UsageError);
}

TEST(ArsSampler, HonoursTheDuplicateTest) {
  auto problem = mixed();
  problem.duplicate = [](const Values& values) {
    return std::get<std::string>(values.at("c")) != "y";
  };
  ArsSampler sampler(problem, kQuick);
  for (const Observation& o :
       run(sampler, 10, [](const Vector& x) { return finished(spheres(x)); })) {
    EXPECT_EQ(std::get<std::string>(problem.space.decode(o.x)["c"]), "y");
  }
}

/// Trials inside the limits lie where x0 < 0.3, a tenth of what the design offers there.
TEST(ArsSampler, LearnsTheLimits) {
  const auto problem = reals(3, 2);
  ArsSampler sampler(problem, kQuick);
  const Judge judge = [](const Vector& x) {
    const double size = 0.7 + x[0];
    if (size > 1) return Observation{{}, Outcome::infeasible, {kNan, size}};
    return finished({1 - size * (1 - (x[1] - 0.5) * (x[1] - 0.5)), size});
  };
  const History history = run(sampler, 26, judge);
  int inside = 0;
  for (std::size_t t = 6; t < history.size(); ++t) {
    inside += history[t].outcome == Outcome::finished ? 1 : 0;
  }
  EXPECT_GE(inside, 16);
}

TEST(ArsSampler, ShunsWhereTrialsFail) {
  const auto problem = reals(2, 2);
  ArsSampler sampler(problem, kQuick);
  // Two fifths of the Pareto set lie in the failing half.
  const Judge judge = [](const Vector& x) {
    return x[0] > 0.5 ? Observation{{}, Outcome::failed, {}} : finished(spheres(x));
  };
  const History history = run(sampler, 30, judge);
  int failures = 0;
  for (std::size_t t = 15; t < history.size(); ++t) {
    failures += history[t].outcome == Outcome::failed ? 1 : 0;
  }
  EXPECT_LE(failures, 6);
}

TEST(ArsSampler, RefusesBadOptions) {
  const auto refuse = [](const std::map<std::string, double>& options) {
    EXPECT_THROW(make_sampler("ars", mixed(), options), UsageError);
  };
  refuse({{"polices", 5}});
  refuse({{"policies", 0}});
  refuse({{"steps", 2.5}});
  refuse({{"noise", 0}});
  refuse({{"reach", kNan}});
  refuse({{"directions", 4}, {"kept", 5}});
  try {
    make_sampler("ars", mixed(), {{"polices", 5}});
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("'policies'"), std::string::npos);
  }
}

TEST(KMeans, FindsSeparateClusters) {
  Random random(1, "k means test");
  Eigen::MatrixXd points(30, 2);
  for (Eigen::Index i = 0; i < 30; ++i) {
    points.row(i) << static_cast<double>(i % 3) + 0.01 * random.normal(), 0.01 * random.normal();
  }
  const Eigen::MatrixXd centres = k_means(points, 3, random);
  ASSERT_EQ(centres.rows(), 3);
  std::set<long> found;
  for (Eigen::Index c = 0; c < 3; ++c) {
    found.insert(std::lround(centres(c, 0)));
    EXPECT_NEAR(centres(c, 0), std::round(centres(c, 0)), 0.02);
  }
  EXPECT_EQ(found.size(), 3u);
  EXPECT_EQ(k_means(Eigen::MatrixXd::Ones(4, 2), 3, random).rows(), 1);
  EXPECT_EQ(k_means(points.topRows(2), 3, random).rows(), 2);
  EXPECT_EQ(k_means(Eigen::MatrixXd(0, 2), 3, random).rows(), 0);
}

}  // namespace
}  // namespace paretiny

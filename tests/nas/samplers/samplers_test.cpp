// What every sampler keeps to, whatever it is told.
#include "base/error.h"
#include "kernels/core/threads.h"
#include "nas/pareto/hypervolume.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

class Samplers : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Sampler> make(const SamplerProblem& problem) const {
    return make_sampler(GetParam(), problem, quick(GetParam()));
  }
  bool learns() const {
    return GetParam() != "random" && GetParam() != "lhs" && GetParam() != "sobol";
  }
};

TEST_P(Samplers, AreFunctionsOfHistorySeedAndTrial) {
  const auto problem = mixed();
  const Judge judge = [](const Vector& x) { return finished(spheres(x)); };
  const History history = run(*make(problem), 14, judge);
  expect_sound(problem, history);
  const History half(history.begin(), history.begin() + 9);
  const History again = run(*make(problem), 14, judge, half);
  for (std::size_t i = 0; i < history.size(); ++i) EXPECT_EQ(again[i].x, history[i].x) << i;
  EXPECT_NE(make(mixed(4))->ask(half, 9), history[9].x);
}

TEST_P(Samplers, DoNotDependOnTheThreads) {
  const auto problem = reals(3, 2);
  const History history = run(*make_sampler("random", problem), 20,
                              [](const Vector& x) { return finished(spheres(x)); });
  const int before = thread_count();
  std::set<Vector> answers;
  for (const int threads : {1, 2, 5}) {
    set_thread_count(threads);
    answers.insert(make(problem)->ask(history, 20));
  }
  set_thread_count(before);
  EXPECT_EQ(answers.size(), 1u);
}

TEST_P(Samplers, LearnMoreThanRandom) {
  if (!learns()) GTEST_SKIP() << "learns nothing";
  if (GetParam() == "nsga2") GTEST_SKIP() << "a few generations teach it little";
  if (GetParam() == "turbo") GTEST_SKIP() << "a region at a time, one weighting a region: a point";
  double learnt = 0;
  double random = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    auto problem = reals(5, 2, seed);
    problem.reference = {0.2, 0.2};
    problem.limits.clear();
    for (const bool learner : {true, false}) {
      const auto sampler = learner ? make(problem) : make_sampler("random", problem);
      pareto::Points points;
      for (const Observation& o :
           run(*sampler, 40, [](const Vector& x) { return finished(spheres(x)); })) {
        points.push_back(o.objectives);
      }
      (learner ? learnt : random) += pareto::hypervolume(points, problem.reference);
    }
  }
  EXPECT_GT(learnt, 1.15 * random);
}

TEST_P(Samplers, FindTheMinimumOfOneObjective) {
  if (!learns()) GTEST_SKIP() << "learns nothing";
  auto problem = reals(4, 1);
  problem.limits.clear();
  const Judge judge = [](const Vector& x) { return finished({spheres(x)[0]}); };
  const auto best = [](const History& history) {
    double least = kNone;
    for (const Observation& o : history) least = std::min(least, o.objectives[0]);
    return least;
  };
  EXPECT_LT(best(run(*make(problem), 40, judge)),
            0.5 * best(run(*make_sampler("random", problem), 40, judge)));
}

struct Told {
  const char* name;
  Judge judge;
};

std::vector<Told> histories() {
  const auto told = [](Outcome outcome, const Vector& objectives) {
    return [=](const Vector&) { return Observation{{}, outcome, objectives}; };
  };
  return {
      {"all failed", told(Outcome::failed, {})},
      {"all pending", told(Outcome::pending, {})},
      {"all infeasible",
       [](const Vector& x) {
         return Observation{{}, Outcome::infeasible, {kNan, 2 + x[0]}};
       }},
      {"all infeasible, nothing known", told(Outcome::infeasible, {})},
      {"all over the limit",
       [](const Vector& x) {
         return finished({0.5, 1e6 * (1 + x[0])});
       }},
      {"constant", told(Outcome::finished, {0.5, 0.5})},
      {"one constant",
       [](const Vector& x) {
         return finished({0.5, x[0]});
       }},
      {"not numbers", told(Outcome::finished, {kNan, 1})},
      {"infinite", told(Outcome::finished, {0.1, kNone})},
      {"tiny",
       [](const Vector& x) {
         return finished({1e-200 * x[0], 1e-300});
       }},
      {"huge",
       [](const Vector& x) {
         return finished({-1e200 * x[0], 1e100 * x[0]});
       }},
  };
}

TEST_P(Samplers, SurviveEveryKindOfHistory) {
  for (const auto& [name, judge] : histories()) {
    SCOPED_TRACE(name);
    const auto problem = mixed();
    expect_sound(problem, run(*make(problem), 10, judge));
  }
}

TEST_P(Samplers, SurviveAReferenceThatNothingReaches) {
  auto problem = reals(2, 2);
  problem.limits.clear();
  problem.reference = {-5, -5};
  expect_sound(problem,
               run(*make(problem), 10, [](const Vector& x) { return finished(spheres(x)); }));
}

TEST_P(Samplers, LearnBelowAReferenceThatNothingReaches) {
  if (!learns()) GTEST_SKIP() << "learns nothing";
  if (GetParam() == "nsga2" || GetParam() == "turbo") GTEST_SKIP() << "as in LearnMoreThanRandom";
  double learnt = 0;
  double random = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    auto problem = reals(5, 2, seed);
    problem.reference = {-1, -1};
    problem.limits.clear();
    for (const bool learner : {true, false}) {
      const auto sampler = learner ? make(problem) : make_sampler("random", problem);
      pareto::Points points;
      for (const Observation& o :
           run(*sampler, 40, [](const Vector& x) { return finished(spheres(x)); })) {
        points.push_back(o.objectives);
      }
      (learner ? learnt : random) += pareto::hypervolume(points, {0.2, 0.2});
    }
  }
  EXPECT_GT(learnt, 1.15 * random);
}

TEST_P(Samplers, LearnUnderAHeavyTail) {
  if (!learns()) GTEST_SKIP() << "learns nothing";
  if (GetParam() == "nsga2" || GetParam() == "turbo") GTEST_SKIP() << "as in LearnMoreThanRandom";
  // Costs up to a million times the best; what counts is the hypervolume of the costs themselves.
  const auto costs = [](const Vector& x) {
    Vector y = spheres(x);
    for (double& value : y) value = std::pow(10.0, 12 * value);
    return y;
  };
  double learnt = 0;
  double random = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    auto problem = reals(5, 2, seed);
    problem.reference = {30, 30};
    problem.limits.clear();
    for (const bool learner : {true, false}) {
      const auto sampler = learner ? make(problem) : make_sampler("random", problem);
      pareto::Points points;
      for (const Observation& o :
           run(*sampler, 40, [&](const Vector& x) { return finished(costs(x)); })) {
        points.push_back(o.objectives);
      }
      (learner ? learnt : random) += pareto::hypervolume(points, problem.reference);
    }
  }
  EXPECT_GT(learnt, 1.15 * random);
}

TEST_P(Samplers, SeeNoUnits) {
  auto problem = reals(3, 2);
  problem.limits = {kNone, 0.4};
  problem.reference = {0.5, 0.5};
  problem.constraints = 1;
  const Judge judge = [](const Vector& x) {
    Observation o = finished(spheres(x));
    o.constraints = {x[2] - 0.8};
    return o;
  };
  const History history = run(*make(problem), 14, judge);
  const Vector x = make(problem)->ask(history, 14);
  for (const double a : {1e-12, 1e-9, 1e12}) {
    for (const double b : {0.0, 3 * a}) {
      SCOPED_TRACE(std::to_string(std::log10(a)));
      auto other = problem;
      History told = history;
      for (std::size_t k = 0; k < 2; ++k) {
        other.reference[k] = a * problem.reference[k] + b;
        other.limits[k] = a * problem.limits[k] + b;
        for (Observation& o : told) o.objectives[k] = a * o.objectives[k] + b;
      }
      for (Observation& o : told) o.constraints[0] *= a;
      const Vector same = make(other)->ask(told, 14);
      for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(same[i], x[i], 1e-4);
    }
  }
}

TEST_P(Samplers, SurviveOneTrialAndIdenticalTrials) {
  auto problem = mixed();
  problem.initial = 0;
  const auto sampler = make(problem);
  const Vector x = problem.space.snap({0.5, 0.5, 1, 0, 0});
  EXPECT_EQ(sampler->ask({}, 0).size(), 5u);
  const Observation same{x, Outcome::finished, {0.3, 0.4}};
  EXPECT_NE(sampler->ask({same}, 1), x);
  EXPECT_NE(sampler->ask(History(20, same), 20), x);
}

TEST_P(Samplers, HandleFortyParametersAndFourObjectives) {
  const auto problem = reals(40, 4);
  const Judge judge = [](const Vector& x) {
    return finished({spheres(x)[0], spheres(x)[1], x[0], 1 - x[1] * x[39]});
  };
  expect_sound(problem, run(*make(problem), 8, judge));
}

TEST_P(Samplers, HandleAChoiceAmongFifty) {
  std::vector<space::Value> choices;
  for (int i = 0; i < 50; ++i) choices.emplace_back(std::to_string(i));
  const auto problem =
      problem_of({real("a"), {"c", space::ParameterKind::categorical, 0, 1, false, choices}}, 2);
  const Judge judge = [](const Vector& x) { return finished({x[0], 1 - x[0] * x[7]}); };
  expect_sound(problem, run(*make(problem), 9, judge));
}

TEST_P(Samplers, HandleMoreCoordinatesThanSobolsTable) {
  std::vector<space::Value> choices;
  for (int i = 0; i < 50; ++i) choices.emplace_back(std::to_string(i));
  std::vector<space::Parameter> parameters;
  for (const char* name : {"a", "b", "c"}) {
    parameters.push_back({name, space::ParameterKind::categorical, 0, 1, false, choices});
  }
  const auto problem = problem_of(std::move(parameters), 2);
  const Judge judge = [](const Vector& x) { return finished({x[0], 1 - x[0] * x[7]}); };
  expect_sound(problem, run(*make(problem), 8, judge));
}

TEST_P(Samplers, GoThroughAFiniteSpaceAndThenRefuse) {
  const auto problem =
      problem_of({{"k", space::ParameterKind::integer, 1, 5, false, {}},
                  {"c", space::ParameterKind::categorical, 0, 1, false, {"x", "y"}}},
                 2);
  const auto sampler = make(problem);
  const History history = run(*sampler, 10, [](const Vector& x) { return finished(spheres(x)); });
  expect_sound(problem, history);
  EXPECT_THROW(sampler->ask(history, 10), SpaceExhausted);
}

TEST_P(Samplers, HonourTheDuplicateTest) {
  auto problem = mixed();
  problem.duplicate = [](const space::Values& values) {
    return std::get<std::string>(values.at("c")) != "y";
  };
  for (const Observation& o :
       run(*make(problem), 9, [](const Vector& x) { return finished(spheres(x)); })) {
    EXPECT_EQ(std::get<std::string>(problem.space.decode(o.x)["c"]), "y");
  }
}

TEST_P(Samplers, DifferWhileOthersArePending) {
  const auto problem = reals(3, 2);
  History history = run(*make(problem), 8, [](const Vector& x) { return finished(spheres(x)); });
  const auto sampler = make(problem);
  std::set<Vector> batch;
  for (std::uint64_t t = 8; t < 12; ++t) {
    const Vector x = sampler->ask(history, t);
    EXPECT_TRUE(batch.insert(x).second);
    history.push_back({x, Outcome::pending});
  }
}

TEST_P(Samplers, SpreadABatch) {
  if (!learns()) GTEST_SKIP() << "learns nothing";
  auto problem = reals(3, 2);
  problem.limits.clear();
  History history = run(*make(problem), 24, [](const Vector& x) { return finished(spheres(x)); });
  const auto sampler = make(problem);
  std::vector<Vector> batch;
  double nearest = 0;  // mean distance of each to the nearest before it
  for (std::uint64_t t = 24; t < 32; ++t) {
    const Vector x = sampler->ask(history, t);
    double least = kNone;
    for (const Vector& other : batch) {
      double distance = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        distance = std::max(distance, std::abs(x[i] - other[i]));
      }
      least = std::min(least, distance);
    }
    if (!batch.empty()) nearest += least / 7;
    batch.push_back(x);
    history.push_back({x, Outcome::pending});
  }
  EXPECT_GT(nearest, 0.05);
}

TEST_P(Samplers, LearnConstraints) {
  if (!learns()) GTEST_SKIP() << "learns nothing";
  // Met in a tenth of the space, x0 < 0.3 and x1 > 2/3.
  auto problem = reals(3, 2);
  problem.limits.clear();
  problem.constraints = 2;
  const Judge judge = [](const Vector& x) {
    Observation o = finished(spheres(x));
    o.constraints = {x[0] - 0.3, 2.0 / 3 - x[1]};
    return o;
  };
  const History history = run(*make(problem), 40, judge);
  const auto met = [](const Observation& o) {
    return o.constraints[0] <= 0 && o.constraints[1] <= 0;
  };
  EXPECT_GE(std::count_if(history.begin() + 6, history.end(), met), 12);
}

TEST_P(Samplers, RefuseUnknownOptions) {
  EXPECT_THROW(make_sampler(GetParam(), mixed(), {{"nonsense", 1}}), UsageError);
}

INSTANTIATE_TEST_SUITE_P(All, Samplers, testing::ValuesIn(sampler_names()),
                         [](const testing::TestParamInfo<std::string>& parameter) {
                           const std::string& name = parameter.param;
                           return name == "ars+" ? std::string("ars_plus") : name;
                         });

}  // namespace
}  // namespace paretiny::samplers

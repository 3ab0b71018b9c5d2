#include "nas/samplers/methods/nsga2.h"

#include "base/error.h"
#include "nas/compare/run.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;

/// A choice between numbers, and no limits.
SamplerProblem four(std::uint64_t seed = 3) {
  SamplerProblem problem = problem_of(
      {real("a"), integer("k", 1, 64, true), categorical("c", {"x", "y", "z"}), real("b")}, 2,
      seed);
  problem.limits.clear();
  return problem;
}

History run_nsga2(const SamplerProblem& problem, std::size_t trials, const Judge& judge,
                  History history = {}, const Options& options = {}) {
  return run(*make_sampler("nsga2", problem, options), trials, judge, std::move(history));
}

Observation two_bowls(const Vector& x) {
  return finished(spheres(x));
}

TEST(SimulatedBinary, HasDebAndAgrawalsSpread) {
  Random random(1, "test");
  constexpr int kDraws = 40000;
  int inside = 0;
  int near = 0;
  double sum = 0;
  int swapped = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto [a, b] = simulated_binary(0.45, 0.55, 15, random);
    ASSERT_TRUE(a >= 0 && a <= 1 && b >= 0 && b <= 1);
    // Far from the bounds the spread factor |a - b| / 0.1 is below beta with chance
    // beta^(eta + 1) / 2 for beta <= 1, and the children lie evenly about the parents.
    const double beta = std::abs(a - b) / 0.1;
    inside += beta <= 1 ? 1 : 0;
    near += beta <= 0.95 ? 1 : 0;
    sum += (a + b) / 2;
    swapped += a > b ? 1 : 0;
    EXPECT_NEAR((a + b) / 2, 0.5, 1e-9);
  }
  EXPECT_NEAR(inside / double{kDraws}, 0.5, 0.01);
  EXPECT_NEAR(near / double{kDraws}, std::pow(0.95, 16) / 2, 0.01);
  EXPECT_NEAR(swapped / double{kDraws}, 0.5, 0.01);
  EXPECT_NEAR(sum / kDraws, 0.5, 1e-6);
  EXPECT_EQ(simulated_binary(0.3, 0.3, 15, random), (std::pair{0.3, 0.3}));
}

TEST(SimulatedBinary, StaysWithinTheBounds) {
  Random random(2, "test");
  for (const double eta : {0.1, 1.0, 15.0}) {
    for (int i = 0; i < 5000; ++i) {
      const double a = i % 3 == 0 ? 0 : random.uniform();
      const double b = i % 5 == 0 ? 1 : random.uniform();
      const auto [c, d] = simulated_binary(a, b, eta, random);
      ASSERT_TRUE(c >= 0 && c <= 1 && d >= 0 && d <= 1) << a << " " << b;
      // A parent on the bound has no room beyond it: the child on that side never leaves it
      // outwards.
      if (a == 0) {
        ASSERT_GE(std::min(c, d), 0);
      }
    }
  }
}

TEST(PolynomialMutation, HasDebAndGoyalsSteps) {
  Random random(3, "test");
  constexpr int kDraws = 40000;
  int down = 0;
  int far = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double y = polynomial_mutation(0.5, 20, random);
    ASSERT_TRUE(y >= 0 && y <= 1);
    down += y < 0.5 ? 1 : 0;
    far += std::abs(y - 0.5) >= 0.1 ? 1 : 0;
  }
  EXPECT_NEAR(down / double{kDraws}, 0.5, 0.01);
  // A step of at least t has the chance (1 - t)^(eta + 1), but for what the bounds cut: 2^-21.
  EXPECT_NEAR(far / double{kDraws}, std::pow(0.9, 21), 0.006);
  for (int i = 0; i < 2000; ++i) {
    ASSERT_GE(polynomial_mutation(0, 20, random), 0);
    ASSERT_LE(polynomial_mutation(1, 20, random), 1);
  }
}

TEST(Variation, MutatesOneParameterInTheMeanAndKeepsChoicesWhole) {
  const SamplerProblem problem = four();
  Variation variation;
  variation.crossover = 0;
  const Vector a = problem.space.snap({0.3, 0.4, 1, 0, 0, 0.8});
  Random random(4, "test");
  int changed = 0;
  int chosen = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const auto [c, d] = vary(problem.space, variation, a, a, random);
    ASSERT_EQ(problem.space.snap(c), c);
    changed += (c[0] != a[0] ? 1 : 0) + (c[5] != a[5] ? 1 : 0);
    chosen += c[2] != 1 ? 1 : 0;
  }
  EXPECT_NEAR(changed / double{kDraws}, 2 * 0.25, 0.04);
  EXPECT_NEAR(chosen / double{kDraws}, 0.25 * 2 / 3, 0.03) << "of three choices one is the old";
  variation.crossover = 1;
  variation.most_mutation = 0;
  const Vector b = problem.space.snap({0.3, 0.4, 0, 0, 1, 0.8});
  int exchanged = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto [c, d] = vary(problem.space, variation, a, b, random);
    EXPECT_TRUE((c == a && d == b) || (c == b && d == a));
    exchanged += c == b ? 1 : 0;
  }
  EXPECT_NEAR(exchanged / double{kDraws}, 0.5, 0.03);
}

TEST(Survivors, FollowConstraintsThenRankThenCrowding) {
  const auto of = [](double name, Vector f, double violation) {
    return Individual{{name}, std::move(f), violation};
  };
  const auto kept = survivors(
      {of(0, {9, 9}, 0), of(1, {0, 0}, 2), of(2, {0, 4}, 0), of(3, {1, 3}, 0), of(4, {1.1, 2.9}, 0),
       of(5, {4, 0}, 0), of(6, {0, 0}, 1), of(7, {3, 1}, 0), of(8, {0, 0}, kNone)},
      8);
  Vector order;
  for (const Individual& individual : kept) order.push_back(individual.x[0]);
  // Of the front 2 and 5 are its ends; 4 has (3 - 1 + 3 - 1) / 4 = 1 of room, 7 has
  // (4 - 1.1 + 2.9) / 4 = 1.45, 3 has (1.1 + 4 - 2.9) / 4 = 0.55. 0 is feasible; then 6 before 1.
  EXPECT_EQ(order, (Vector{2, 5, 7, 4, 3, 0, 6, 1}));
  EXPECT_TRUE(survivors({}, 4).empty());
}

TEST(Individuals, AreTrialsThatSaySomething) {
  SamplerProblem problem = problem_of({real("a")}, 2);
  problem.limits = {10, kNone};
  problem.constraints = 1;
  const History history{
      {{0.1}, Outcome::finished, {1, 2}, {-1}},
      {{0.2}, Outcome::failed},
      {{0.3}, Outcome::pending},
      {{0.4}, Outcome::finished, {1, kNan}, {-1}},
      {{0.5}, Outcome::finished, {12, 2}, {0.5}},
      {{0.6}, Outcome::infeasible, {20, kNan}},
      {{0.7}, Outcome::infeasible},
      {{0.8}, Outcome::finished, {1, 2}, {kNan}},
  };
  const auto found = individuals(problem, history, 0, 100);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0].violation, 0);
  EXPECT_NEAR(found[1].violation, 2 + 0.5, 1e-12);
  EXPECT_NEAR(found[2].violation, 10, 1e-12);
  EXPECT_EQ(found[3].violation, kNone);
  EXPECT_EQ(found[4].violation, kNone);
  EXPECT_EQ(individuals(problem, history, 4, 2).size(), 2u);
  EXPECT_TRUE(individuals(problem, history, 50, 2).empty());
}

TEST(Nsga2, IsAFunctionOfHistorySeedAndTrial) {
  const SamplerProblem problem = four();
  const Options options{{"population", 7}};
  const History history = run_nsga2(problem, 40, two_bowls, {}, options);
  expect_sound(problem, history);
  for (const std::ptrdiff_t half : {0, 5, 7, 20, 33}) {
    const History again =
        run_nsga2(problem, 40, two_bowls, {history.begin(), history.begin() + half}, options);
    for (std::size_t i = 0; i < history.size(); ++i) EXPECT_EQ(again[i].x, history[i].x) << i;
  }
  const auto other =
      run_nsga2(four(4), 30, two_bowls, {history.begin(), history.begin() + 29}, options);
  EXPECT_NE(other[29].x, history[29].x);
}

TEST(Nsga2, BeatsRandomOnZdt1) {
  const problems::Problem problem = problems::make_problem("ZDT1:d=6");
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto reached = [&](const char* name) {
      return compare::run_sampler(problem, {name, {}, seed, 200, 20})->trials.back().hypervolume;
    };
    EXPECT_GT(reached("nsga2"), reached("random") + 1) << seed;
  }
}

TEST(Nsga2, FindsTheFeasiblePart) {
  SamplerProblem problem = reals(2, 2);
  problem.limits.clear();
  problem.constraints = 1;
  const Judge judge = [](const Vector& x) {
    Observation o = two_bowls(x);
    o.constraints = {0.9 - x[0]};  // a tenth of the square
    return o;
  };
  const History history = run_nsga2(problem, 200, judge);
  const auto feasible = [&](std::size_t from) {
    int count = 0;
    for (std::size_t i = from; i < from + 60; ++i) count += history[i].constraints[0] <= 0 ? 1 : 0;
    return count;
  };
  EXPECT_GT(feasible(140), 30);
  EXPECT_LT(feasible(0), 20);
}

TEST(Nsga2, CopesWithWhateverBecameOfTrials) {
  const SamplerProblem problem = four();
  int count = 0;
  const std::vector<std::pair<const char*, Judge>> judges{
      {"all failed",
       [](const Vector&) {
         return Observation{{}, Outcome::failed};
       }},
      {"all pending", [](const Vector&) { return Observation{}; }},
      {"all infeasible",
       [](const Vector&) {
         return Observation{{}, Outcome::infeasible};
       }},
      {"not a number",
       [](const Vector&) {
         return finished({kNan, 1});
       }},
      {"one finished",
       [&](const Vector& x) {
         return ++count == 3 ? two_bowls(x) : Observation{{}, Outcome::failed};
       }},
      {"constant",
       [](const Vector&) {
         return finished({1, 1});
       }},
      {"every third pending",
       [&](const Vector& x) { return ++count % 3 == 0 ? Observation{} : two_bowls(x); }},
      {"huge",
       [](const Vector& x) {
         return finished({x[0] * 1e300, -1e300});
       }},
  };
  for (const auto& [name, judge] : judges) {
    SCOPED_TRACE(name);
    count = 0;
    for (const double population : {1.0, 2.0, 5.0}) {
      expect_sound(problem, run_nsga2(problem, 30, judge, {}, {{"population", population}}));
    }
  }
}

TEST(Nsga2, GoesThroughAFiniteSpaceAndThenRefuses) {
  const SamplerProblem problem =
      problem_of({integer("k", 1, 5), categorical("c", {"x", "y", "z"})}, 2);
  const History history = run_nsga2(problem, 15, two_bowls, {}, {{"population", 4}});
  expect_sound(problem, history);
  EXPECT_THROW(run_nsga2(problem, 16, two_bowls, history), SpaceExhausted);
}

TEST(Nsga2, ChecksItsOptions) {
  EXPECT_THROW(make_sampler("nsga2", four(), {{"population", 0}}), UsageError);
  EXPECT_THROW(make_sampler("nsga2", four(), {{"population", 2.5}}), UsageError);
  EXPECT_THROW(make_sampler("nsga2", four(), {{"poplation", 20}}), UsageError);
}

}  // namespace
}  // namespace paretiny::samplers

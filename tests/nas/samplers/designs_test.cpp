#include "nas/samplers/methods/designs.h"

#include <array>

#include "base/error.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;

/// Asks for trials 0 .. n-1, telling each as pending.
History asked(Sampler& sampler, std::size_t n) {
  return run(sampler, n, [](const Vector&) { return Observation{}; });
}

TEST(Designs, SamePointForSameSeedAndTrial) {
  for (const std::string name : {"random", "lhs"}) {
    const auto problem =
        problem_of({real("a"), integer("b", 1, 9), categorical("c", {"x", "y"})}, 2);
    auto first = make_sampler(name, problem);
    auto second = make_sampler(name, problem);
    const auto history = asked(*first, 12);
    EXPECT_EQ(second->ask({history.begin(), history.begin() + 5}, 5), history[5].x);
    auto other = make_sampler(
        name, problem_of({real("a"), integer("b", 1, 9), categorical("c", {"x", "y"})}, 2, 8));
    EXPECT_NE(other->ask({}, 0), history[0].x);
  }
}

TEST(Designs, RandomFillsEveryParameterEvenly) {
  auto sampler =
      make_sampler("random", problem_of({real("a"), categorical("c", {"x", "y", "z"})}, 2));
  double sum = 0;
  std::array<int, 3> chosen{};
  for (std::uint64_t t = 0; t < 3000; ++t) {
    const auto x = sampler->ask({}, t);
    sum += x[0];
    for (std::size_t c = 0; c < 3; ++c) chosen[c] += x[1 + c] == 1 ? 1 : 0;
  }
  EXPECT_NEAR(sum / 3000, 0.5, 0.02);
  for (const int count : chosen) EXPECT_NEAR(count, 1000, 100);
}

TEST(Designs, EachBlockIsALatinHypercube) {
  auto problem =
      problem_of({real("a"), real("b"), integer("k", 1, 8), categorical("c", {"x", "y"})}, 2);
  problem.initial = 8;
  LatinHypercubeSampler sampler(problem);
  const auto history = asked(sampler, 24);
  for (std::size_t block = 0; block < 3; ++block) {
    std::array<std::set<int>, 3> shares;
    int first_choice = 0;
    for (std::size_t r = 0; r < 8; ++r) {
      const auto& x = history[block * 8 + r].x;
      for (std::size_t i = 0; i < 3; ++i) shares[i].insert(static_cast<int>(x[i] * 8));
      first_choice += x[3] == 1 ? 1 : 0;
    }
    for (const auto& visited : shares) EXPECT_EQ(visited.size(), 8u);
    EXPECT_EQ(first_choice, 4);
  }
  EXPECT_NE(history[0].x, history[8].x);
}

TEST(Designs, GoesThroughAFiniteSpaceAndThenRefuses) {
  for (const std::string name : {"random", "lhs"}) {
    auto sampler =
        make_sampler(name, problem_of({integer("k", 1, 4), categorical("c", {"x", "y"})}, 2));
    auto history = asked(*sampler, 8);
    std::set<std::vector<double>> points;
    for (const Observation& o : history) points.insert(o.x);
    EXPECT_EQ(points.size(), 8u);
    EXPECT_THROW(sampler->ask(history, 8), SpaceExhausted);
  }
}

TEST(Designs, HonoursTheDuplicateTest) {
  auto problem = problem_of({integer("k", 1, 1000), real("a")}, 2);
  problem.duplicate = [](const space::Values& values) {
    return std::get<std::int64_t>(values.at("k")) != 7;
  };
  auto sampler = make_sampler("random", problem);
  EXPECT_EQ(std::get<std::int64_t>(problem.space.decode(sampler->ask({}, 0))["k"]), 7);
  problem.duplicate = [](const space::Values&) { return true; };
  EXPECT_THROW(make_sampler("lhs", problem)->ask({}, 0), SpaceExhausted);
}

TEST(Designs, RefusesUnknownNamesAndOptions) {
  EXPECT_THROW(make_sampler("randon", problem_of({real("a")}, 2)), UsageError);
  EXPECT_THROW(make_sampler("lhs", problem_of({real("a")}, 2), {{"steps", 3}}), UsageError);
  try {
    make_sampler("randon", problem_of({real("a")}, 2));
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("'random'"), std::string::npos);
  }
  auto sampler = make_sampler("random", problem_of({real("a")}, 2));
  EXPECT_THROW(sampler->ask({{{0.5, 0.5}, Outcome::pending, {}}}, 0), UsageError);
}

}  // namespace
}  // namespace paretiny::samplers

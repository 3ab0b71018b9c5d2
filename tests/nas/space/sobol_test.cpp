#include "nas/space/sobol.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "base/error.h"
#include "kernels/core/random.h"
#include "nas/samplers/sampler.h"

namespace paretiny::space {
namespace {

using Vector = std::vector<double>;

Vector point(const SobolSequence& sequence, std::uint64_t index) {
  Vector u(sequence.dimensions());
  sequence.point(index, u.data());
  return u;
}

std::uint64_t digits(double u) {
  return static_cast<std::uint64_t>(u * 0x1p53);
}

/// How many of their leading binary digits two coordinates share: scrambling keeps it.
int shared_digits(double a, double b) {
  return 53 - static_cast<int>(std::bit_width(digits(a) ^ digits(b)));
}

TEST(Sobol, ScramblesThePublishedPoints) {
  // The first points of Joe and Kuo's own program, which counts in Gray code: dimensions 1, 2, 3
  // and, by Boost 1.74, 128.
  const std::vector<Vector> published{
      {0, 0, 0, 0},
      {0.5, 0.5, 0.5, 0.5},
      {0.75, 0.25, 0.25, 0.25},
      {0.25, 0.75, 0.75, 0.75},
      {0.375, 0.375, 0.625, 0.625},
      {0.875, 0.875, 0.125, 0.125},
      {0.625, 0.125, 0.875, 0.875},
      {0.125, 0.625, 0.375, 0.375},
      {0.1875, 0.3125, 0.9375, 0.0625},
      {0.6875, 0.8125, 0.4375, 0.5625},
  };
  const std::vector<std::size_t> dimensions{0, 1, 2, 127};
  const SobolSequence sequence(128, 5);
  const auto ours = [&](std::uint64_t i) { return point(sequence, i ^ (i >> 1)); };
  for (std::uint64_t i = 0; i < published.size(); ++i) {
    for (std::uint64_t j = 0; j < i; ++j) {
      for (std::size_t k = 0; k < dimensions.size(); ++k) {
        EXPECT_EQ(shared_digits(ours(i)[dimensions[k]], ours(j)[dimensions[k]]),
                  shared_digits(published[i][k], published[j][k]))
            << i << " and " << j << ", dimension " << dimensions[k];
      }
    }
  }
}

TEST(Sobol, EveryShareOfEveryDimensionGetsOnePoint) {
  const SobolSequence sequence(SobolSequence::kTabulated, 11);
  constexpr std::uint64_t kPoints = 256;
  for (const std::uint64_t first : {std::uint64_t{0}, 5 * kPoints, kPoints << 40}) {
    std::vector<std::set<int>> shares(sequence.dimensions());
    for (std::uint64_t i = 0; i < kPoints; ++i) {
      const Vector u = point(sequence, first + i);
      for (std::size_t j = 0; j < u.size(); ++j) {
        ASSERT_TRUE(u[j] >= 0 && u[j] < 1);
        shares[j].insert(static_cast<int>(u[j] * kPoints));
      }
    }
    for (const std::set<int>& visited : shares) EXPECT_EQ(visited.size(), kPoints);
  }
}

TEST(Sobol, TheFirstTwoDimensionsFillEveryElementaryInterval) {
  const SobolSequence sequence(2, 3);
  for (int columns = 1; columns <= 64; columns *= 2) {
    std::set<std::pair<int, int>> cells;
    for (std::uint64_t i = 64; i < 128; ++i) {
      const Vector u = point(sequence, i);
      cells.emplace(static_cast<int>(u[0] * columns), static_cast<int>(u[1] * 64 / columns));
    }
    EXPECT_EQ(cells.size(), 64u) << columns;
  }
}

TEST(Sobol, EachPointAloneIsUniform) {
  double sum = 0;
  double squares = 0;
  constexpr int kKeys = 4000;
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    const double u = point(SobolSequence(1, key), 6)[0];
    sum += u / kKeys;
    squares += u * u / kKeys;
  }
  EXPECT_NEAR(sum, 0.5, 0.02);
  EXPECT_NEAR(squares, 1.0 / 3, 0.02);
}

TEST(Sobol, IntegratesFarBetterThanRandomPoints) {
  const auto f = [](const Vector& u) {
    double product = 1;
    for (const double v : u) product *= 1 + 0.5 * (v - 0.5);
    return product;  // its integral is 1
  };
  double worst = 0;
  for (std::uint64_t key = 0; key < 10; ++key) {
    const SobolSequence sequence(8, key);
    double mean = 0;
    for (std::uint64_t i = 0; i < 4096; ++i) mean += f(point(sequence, i)) / 4096;
    worst = std::max(worst, std::abs(mean - 1));
  }
  // The standard error of 4096 random points is 0.0066.
  EXPECT_LT(worst, 5e-4);
}

TEST(Sobol, IsAFunctionOfItsKey) {
  EXPECT_EQ(point(SobolSequence(3, 9), 77), point(SobolSequence(3, 9), 77));
  EXPECT_NE(point(SobolSequence(3, 9), 77), point(SobolSequence(3, 10), 77));
  const Vector few = point(SobolSequence(2, 9), 77);
  const Vector more = point(SobolSequence(5, 9), 77);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), more.begin())) << "more dimensions change none";
}

TEST(Sobol, BeyondTheTableIsRandom) {
  constexpr std::size_t kBeyond = 3;
  const SobolSequence sequence(SobolSequence::kTabulated + kBeyond, 9);
  Vector sums(kBeyond);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Vector u = point(sequence, i);
    for (std::size_t j = 0; j < kBeyond; ++j) {
      sums[j] += u[SobolSequence::kTabulated + j] / 2000;
      EXPECT_LT(u[SobolSequence::kTabulated + j], 1);
    }
  }
  for (const double mean : sums) EXPECT_NEAR(mean, 0.5, 0.03);
  EXPECT_NE(sums[0], sums[1]);
  EXPECT_EQ(point(sequence, 77), point(sequence, 77));
  EXPECT_THROW(SobolSequence(0, 1), UsageError);
}

samplers::SamplerProblem problem_of(std::vector<Parameter> parameters, std::uint64_t seed = 7) {
  samplers::SamplerProblem problem;
  problem.space = Space(std::move(parameters));
  problem.objectives = 1;
  problem.reference = {1};
  problem.seed = seed;
  return problem;
}

TEST(SobolSampler, FillsAMixedSpaceEvenly) {
  const auto problem =
      problem_of({{"a", ParameterKind::real, 0, 1, false, {}},
                  {"k", ParameterKind::integer, 1, 4, false, {}},
                  {"c", ParameterKind::categorical, 0, 1, false, {"x", "y", "z", "w"}}});
  const auto sampler = samplers::make_sampler("sobol", problem);
  std::vector<samplers::Observation> history;
  std::vector<int> integers(5);
  std::map<std::string, int> choices;
  for (std::uint64_t t = 0; t < 32; ++t) {
    history.push_back({sampler->ask(history, t)});
    Values values = problem.space.decode(history.back().x);
    ++integers[static_cast<std::size_t>(std::get<std::int64_t>(values["k"]))];
    ++choices[std::get<std::string>(values["c"])];
  }
  for (std::size_t k = 1; k <= 4; ++k) EXPECT_EQ(integers[k], 8);
  for (const auto& [choice, count] : choices) EXPECT_EQ(count, 8) << choice;
  EXPECT_EQ(
      samplers::make_sampler("sobol", problem)->ask({history.begin(), history.begin() + 9}, 9),
      history[9].x);
}

TEST(SobolSampler, NeverRepeatsAndSaysWhenNothingIsLeft) {
  const auto sampler =
      samplers::make_sampler("sobol", problem_of({{"k", ParameterKind::integer, 1, 5, false, {}}}));
  std::vector<samplers::Observation> history;
  std::set<Vector> seen;
  for (std::uint64_t t = 0; t < 5; ++t) {
    history.push_back({sampler->ask(history, t)});
    seen.insert(history.back().x);
  }
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_THROW(sampler->ask(history, 5), samplers::SpaceExhausted);
}

TEST(SobolSampler, TakesNoOptions) {
  const auto problem = problem_of({{"k", ParameterKind::integer, 1, 5, false, {}}});
  EXPECT_THROW(samplers::make_sampler("sobol", problem, {{"steps", 3}}), UsageError);
}

}  // namespace
}  // namespace paretiny::space

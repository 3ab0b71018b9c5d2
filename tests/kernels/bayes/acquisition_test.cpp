#include "kernels/bayes/acquisition.h"

#include "tests/support/kernels.h"
#include "tests/support/threads.h"

namespace paretiny::test {
namespace {

using Doubles = std::vector<double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor numbers(Stream& stream, const Shape& shape, const Doubles& values) {
  return {stream, DType::f64, shape, values};
}

Doubles uniform(std::int64_t count, std::uint64_t seed, double low = 0, double high = 1) {
  Random random(seed, "acquisition test");
  Doubles values(static_cast<std::size_t>(count));
  for (double& value : values) value = random.uniform(low, high);
  return values;
}
Doubles normal(std::int64_t count, std::uint64_t seed) {
  Random random(seed, "acquisition test");
  Doubles values(static_cast<std::size_t>(count));
  for (double& value : values) value = random.normal();
  return values;
}

/// Beliefs about q points and a scalarisation of the first of their sets.
struct Improvement {
  std::int64_t objectives, samples, sets, q;
  Doubles low, factor, normals, mean, variance, reward;
  double best = 0.3, softness = 1e-3;

  Improvement(std::int64_t m, std::int64_t base_samples, std::int64_t all_sets, std::int64_t points)
      : objectives(m),
        samples(base_samples),
        sets(all_sets),
        q(points),
        low(uniform(m, 1, -1, 1)),
        factor(uniform(m, 2, 0.1, 2)),
        normals(normal(m * base_samples, 3)),
        mean(uniform(all_sets * points, 4, -1, 1)),
        variance(uniform(all_sets * points, 5, 1e-10, 0.2)),
        reward(uniform(points, 6, -1, 1)) {}

  Doubles run(Stream& stream) const {
    const Tensor lows = numbers(stream, {1, 1, 1, objectives}, low);
    const Tensor factors = numbers(stream, {1, 1, 1, objectives}, factor);
    const Tensor samples_of_all = numbers(stream, {1, 1, samples, objectives}, normals);
    const Tensor means = numbers(stream, {1, 1, sets, q}, mean);
    const Tensor variances = numbers(stream, {1, 1, sets, q}, variance);
    const Tensor rewards = numbers(stream, {1, 1, 1, q}, reward);
    const bayes::Scalarisation s{lows, factors, samples_of_all, best, softness};
    bayes::add_log_scalarised_improvement(stream, s, {.mean = means, .variance = variances},
                                          rewards);
    return rewards.values();
  }

  /// In 80 bits, by the definition; the sum has its largest exponent taken out.
  Doubles judge() const {
    Doubles result = reward;
    for (std::size_t i = 0; i < result.size(); ++i) {
      std::vector<long double> logs;
      for (std::int64_t s = 0; s < samples; ++s) {
        long double largest = -kInfinity, sum = 0;
        for (std::int64_t k = 0; k < objectives; ++k) {
          const auto at = static_cast<std::size_t>(k * q) + i;
          const long double y =
              mean[at] +
              sqrtl(variance[at]) * normals[static_cast<std::size_t>(s * objectives + k)];
          const auto place = static_cast<std::size_t>(k);
          const long double term = (y - low[place]) * factor[place];
          largest = std::max(largest, term);
          sum += term;
        }
        const long double z = (best - largest - 0.05L * sum) / softness;
        logs.push_back(z < -60 ? z : logl(std::max(z, 0.0L) + log1pl(expl(-fabsl(z)))));
      }
      const long double top = *std::max_element(logs.begin(), logs.end());
      long double mean_of_all = 0;
      for (const long double value : logs) {
        mean_of_all += expl(value - top) / static_cast<long double>(samples);
      }
      result[i] += static_cast<double>(top + logl(mean_of_all) + logl(softness));
    }
    return result;
  }
};

/// Each within a part in 10^12 (of itself, at least of 1).
void expect_close(const Doubles& actual, const Doubles& expected, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-12 * std::max(1.0, std::abs(expected[i])))
        << what << "[" << i << "]";
  }
}

TEST(Acquisition, ImprovementIsThatOfTheDefinition) {
  const auto stream = test_stream();
  for (const auto& [m, samples, sets, q] :
       {std::array{1, 1, 1, 1}, {2, 3, 2, 5}, {4, 64, 4, 40}, {3, 33, 5, 17}, {6, 7, 6, 16}}) {
    Improvement problem(m, samples, sets, q);
    const std::string what = std::to_string(m) + " objectives, " + std::to_string(q) + " points";
    expect_close(problem.run(*stream), problem.judge(), what);
    problem.softness = 0.5;
    expect_close(problem.run(*stream), problem.judge(), what + ", soft");
  }
}

TEST(Acquisition, ImprovementHoldsFarOut) {
  const auto stream = test_stream();
  // One objective, certain: softplus of z = best - mean itself.
  Improvement certain(1, 2, 1, 12);
  certain.low = {0};
  certain.factor = {1};
  certain.variance.assign(12, 1e-30);
  certain.reward.assign(12, 0);
  certain.best = 0;
  certain.softness = 1;
  const Doubles z{-1e6, -800, -40, -37.5, -36.9, -36.5, -20, -1, 0, 1, 40, 1e6};
  for (std::size_t i = 0; i < z.size(); ++i) certain.mean[i] = -z[i] / 1.05;
  const Doubles values = certain.run(*stream);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double expected =
        z[i] < -30 ? z[i] : std::log(std::max(z[i], 0.0) + std::log1p(std::exp(-std::abs(z[i]))));
    EXPECT_NEAR(values[i], expected, 1e-12 * std::max(1.0, std::abs(expected))) << z[i];
    EXPECT_TRUE(i == 0 || values[i] > values[i - 1]) << z[i];
  }
  // Wide beliefs far away: some samples underflow beside others.
  Improvement far(3, 64, 3, 40);
  for (double& mean : far.mean) mean = 40 * (1 + mean);
  far.variance = uniform(120, 9, 0, 100);
  const Doubles rewards = far.run(*stream);
  expect_close(rewards, far.judge(), "far");
  for (const double reward : rewards) EXPECT_TRUE(std::isfinite(reward));
}

Doubles within(Stream& stream, const Doubles& limits, const Doubles& mean, const Doubles& variance,
               const Doubles& reward) {
  const auto sets = static_cast<std::int64_t>(limits.size());
  const auto q = static_cast<std::int64_t>(reward.size());
  const Tensor all = numbers(stream, {1, 1, 1, sets}, limits);
  const Tensor means = numbers(stream, {1, 1, sets, q}, mean);
  const Tensor variances = numbers(stream, {1, 1, sets, q}, variance);
  const Tensor rewards = numbers(stream, {1, 1, 1, q}, reward);
  bayes::add_log_within(stream, all, {.mean = means, .variance = variances}, rewards);
  return rewards.values();
}

TEST(Acquisition, ChanceOfStayingWithin) {
  const auto stream = test_stream();
  for (const std::int64_t sets : {1, 2, 4, 7}) {
    for (const std::int64_t q : {1, 33, 200}) {
      Doubles limits = uniform(sets, 1, -1, 1);
      if (sets > 1) limits[1] = kInfinity;
      const Doubles mean = uniform(sets * q, 2, -1, 1);
      const Doubles variance = uniform(sets * q, 3, 0.05, 3);
      const Doubles reward = uniform(q, 4);
      Doubles expected = reward;
      for (std::size_t i = 0; i < reward.size(); ++i) {
        for (std::size_t k = 0; k < limits.size(); ++k) {
          if (limits[k] == kInfinity) continue;
          const std::size_t at = k * reward.size() + i;
          const long double z =
              (static_cast<long double>(limits[k]) - mean[at]) / sqrtl(variance[at]);
          expected[i] += static_cast<double>(logl(erfcl(-z / sqrtl(2)) / 2));
        }
      }
      expect_close(within(*stream, limits, mean, variance, reward), expected,
                   std::to_string(sets) + " sets");
    }
  }
}

TEST(Acquisition, ChanceOfStayingWithinFarOut) {
  const auto stream = test_stream();
  // z = -40, -39.5, ..., 40.
  Doubles mean;
  for (double z = -40; z <= 40; z += 0.5) mean.push_back(1 - 2 * z);
  const Doubles values = within(*stream, {1}, mean, Doubles(mean.size(), 4), Doubles(mean.size()));
  EXPECT_NEAR(values[0], -804.6084420137538, 1e-11);  // log Phi(-40)
  for (std::size_t i = 1; i < values.size(); ++i) {
    EXPECT_TRUE(values[i] > values[i - 1] || values[i] > -1e-18) << i;
  }
  EXPECT_EQ(values.back(), 0);
  // Nothing is added where there is no limit, whatever the belief.
  EXPECT_EQ(within(*stream, {kInfinity}, {1e300, 0}, {1, 0}, {0.5, 0.25}), (Doubles{0.5, 0.25}));
}

TEST(Acquisition, DoesNotDependOnThreads) {
  const auto stream = test_stream();
  const Improvement problem(4, 16, 4, 200);
  const Tensor low = numbers(*stream, {1, 1, 1, 4}, problem.low);
  const Tensor factor = numbers(*stream, {1, 1, 1, 4}, problem.factor);
  const Tensor normals = numbers(*stream, {1, 1, 16, 4}, problem.normals);
  const Tensor mean = numbers(*stream, {1, 1, 4, 200}, problem.mean);
  const Tensor variance = numbers(*stream, {1, 1, 4, 200}, problem.variance);
  const Tensor reward(*stream, DType::f64, {1, 1, 1, 200});
  expect_same_for_any_threads(
      [&] {
        stream->zero(reward.view().data, reward.view().bytes());
        bayes::add_log_scalarised_improvement(*stream, {low, factor, normals, 0.3, 1e-3},
                                              {.mean = mean, .variance = variance}, reward);
        bayes::add_log_within(*stream, low, {.mean = mean, .variance = variance}, reward);
      },
      {&reward});
}

TEST(Acquisition, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const auto zeros = [&](const Shape& shape) {
    return numbers(*stream, shape, Doubles(static_cast<std::size_t>(shape.elements()), 1.0));
  };
  const Tensor two = zeros({1, 1, 1, 2}), three = zeros({1, 1, 1, 3});
  const Tensor normals = zeros({1, 1, 5, 2}), beliefs = zeros({1, 1, 3, 7});
  const Tensor one_belief = zeros({1, 1, 1, 7}), reward = zeros({1, 1, 1, 7});
  const Tensor single(*stream, DType::f32, {1, 1, 1, 7});
  const bayes::Scalarisation good{two, two, normals, 0.5, 1e-3};
  const auto improve = [&](const bayes::Scalarisation& s, ConstView mean, View to) {
    bayes::add_log_scalarised_improvement(*stream, s, {.mean = mean, .variance = beliefs}, to);
  };
  EXPECT_NO_THROW(improve(good, beliefs, reward));
  EXPECT_THROW(improve({two, three, normals, 0.5, 1e-3}, beliefs, reward), UsageError);
  EXPECT_THROW(improve({two, two, two, 0.5, 0}, beliefs, reward), UsageError);
  EXPECT_THROW(improve({two, two, normals, kInfinity, 1e-3}, beliefs, reward), UsageError);
  EXPECT_THROW(improve({two, two, normals, 0.5, -1}, beliefs, reward), UsageError);
  EXPECT_THROW(improve({three, three, normals, 0.5, 1e-3}, beliefs, reward), UsageError);
  EXPECT_THROW(improve(good, one_belief, reward), UsageError);
  EXPECT_THROW(improve(good, beliefs, single), UsageError);
  EXPECT_THROW(improve(good, ConstView{}, reward), UsageError);

  EXPECT_NO_THROW(bayes::add_log_within(*stream, three, {beliefs, beliefs}, reward));
  EXPECT_THROW(bayes::add_log_within(*stream, two, {beliefs, beliefs}, reward), UsageError);
  EXPECT_THROW(bayes::add_log_within(*stream, three, {beliefs, one_belief}, reward), UsageError);
}

}  // namespace
}  // namespace paretiny::test

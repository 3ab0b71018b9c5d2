#include <numbers>

#include "kernels/core/random.h"
#include "tests/kernels/bayes/policies.h"

namespace paretiny::test {

using bayes::PolicyShape;

namespace {

/// Directions and rollouts of `n` directions of an update.
struct Noise {
  Doubles directions, rollouts;
};
Noise perturb(Stream& stream, const PolicyShape& policy, std::int64_t n, double noise,
              std::uint64_t key, int update, const Doubles& weights) {
  const Tensor number(stream, DType::i32, {}, {static_cast<double>(update)});
  const Tensor w = numbers(stream, {policy.policies, 1, 1, policy.weights()}, weights);
  const Tensor directions(stream, DType::f64, {policy.policies, 1, n, policy.weights()});
  const Tensor rollouts(stream, DType::f64, {policy.policies, 1, 2 * n, policy.weights()});
  bayes::policy_perturb(
      stream, policy, noise, key,
      {.update = number, .weights = w, .directions = directions, .rollouts = rollouts});
  return {directions.values(), rollouts.values()};
}

TEST(PolicyRollout, DirectionsAreStandardNormal) {
  const auto stream = test_stream();
  const PolicyShape policy{2, 12, 16, 0.1};
  const auto w = static_cast<std::size_t>(policy.weights());
  const std::int64_t n = 20;
  const Noise drawn = perturb(*stream, policy, n, 0.2, 5, 3, Doubles(2 * w));
  const Doubles& x = drawn.directions;
  const auto count = static_cast<double>(x.size());
  double mean = 0, square = 0, cube = 0, fourth = 0, tail = 0, neighbours = 0, apart = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean += x[i] / count;
    square += x[i] * x[i] / count;
    cube += x[i] * x[i] * x[i] / count;
    fourth += x[i] * x[i] * x[i] * x[i] / count;
    tail += (x[i] > 1.6448536269514722 ? 1 : 0) / count;
    neighbours += x[i] * x[(i + 1) % x.size()] / count;
    apart += x[i] * x[(i + w) % x.size()] / count;
  }
  // Five standard deviations of each mean.
  const double unit = 5 / std::sqrt(count);
  EXPECT_NEAR(mean, 0, unit);
  EXPECT_NEAR(square, 1, unit * std::sqrt(2.0));
  EXPECT_NEAR(cube, 0, unit * std::sqrt(15.0));
  EXPECT_NEAR(fourth, 3, unit * std::sqrt(96.0));
  EXPECT_NEAR(tail, 0.05, unit * 0.22);
  EXPECT_NEAR(neighbours, 0, unit);
  EXPECT_NEAR(apart, 0, unit);
}

TEST(PolicyRollout, DirectionsAreNamedByKeyUpdatePolicyAndNumber) {
  const auto stream = test_stream();
  const PolicyShape policy{2, 3, 5, 0.1};
  const auto w = static_cast<std::size_t>(policy.weights());
  const auto draw = [&](std::int64_t n, std::uint64_t key, int update) {
    return perturb(*stream, policy, n, 0.2, key, update, Doubles(2 * w)).directions;
  };
  const Doubles few = draw(2, 1, 7), more = draw(4, 1, 7);
  const auto at = [w](const Doubles& values, std::size_t n, std::size_t p, std::size_t j) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>((p * n + j) * w);
    return Doubles(begin, begin + static_cast<std::ptrdiff_t>(w));
  };
  std::vector<Doubles> seen;
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::size_t j = 0; j < 4; ++j) {
      seen.push_back(at(more, 4, p, j));
      if (j < 2) {
        EXPECT_EQ(at(few, 2, p, j), seen.back());
      }
    }
  }
  seen.push_back(at(draw(2, 1, 8), 2, 0, 0));
  seen.push_back(at(draw(2, 2, 7), 2, 0, 0));
  for (std::size_t i = 0; i < seen.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(seen[i][0], seen[j][0]) << i << " and " << j;
  }
  EXPECT_EQ(draw(2, 1, 7), few);
}

TEST(PolicyRollout, DirectionsAreBoxAndMullersOfTheirCounters) {
  const auto stream = test_stream();
  const PolicyShape policy{2, 1, 2, 0.1};
  const std::int64_t w = policy.weights(), n = 3;  // 7: not a multiple of a block
  const std::uint64_t key = random_key(4, "directions");
  const Noise drawn = perturb(*stream, policy, n, 1, key, 9, Doubles(14));
  for (std::int64_t p = 0; p < 2; ++p) {
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < w; ++i) {
        const PhiloxBlock block =
            philox(key, std::uint64_t{9} << 32 | static_cast<unsigned>(p),
                   static_cast<std::uint64_t>(j) << 32 | static_cast<unsigned>(i / 4));
        const std::uint32_t* pair = block.word + i % 4 / 2 * 2;
        const double radius = std::sqrt(-2 * std::log((pair[0] + 0.5) * 0x1p-32));
        const double angle = 2 * std::numbers::pi * (pair[1] * 0x1p-32);
        EXPECT_NEAR(drawn.directions[static_cast<std::size_t>((p * n + j) * w + i)],
                    radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle)), 2e-15 * radius);
      }
    }
  }
}

TEST(PolicyRollout, RolloutsStandOnBothSidesOfTheWeights) {
  const auto stream = test_stream();
  for (const PolicyShape policy : {PolicyShape{1, 1, 1, 0.1}, {3, 2, 7, 0.1}, {2, 12, 16, 0.1}}) {
    const auto w = static_cast<std::size_t>(policy.weights());
    const std::size_t n = 3, policies = static_cast<std::size_t>(policy.policies);
    const Doubles weights = uniform(policies * w, 2, -1, 1);
    const double noise = 0.3;
    const Noise drawn = perturb(*stream, policy, 3, noise, 11, 0, weights);
    for (std::size_t p = 0; p < policies; ++p) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t i = 0; i < w; ++i) {
          const double direction = drawn.directions[(p * n + j) * w + i];
          const double plus = drawn.rollouts[(p * 2 * n + 2 * j) * w + i];
          const double minus = drawn.rollouts[(p * 2 * n + 2 * j + 1) * w + i];
          const double weight = weights[p * w + i];
          EXPECT_NEAR(plus, weight + noise * direction, 1e-15);
          EXPECT_NEAR(plus + minus, 2 * weight, 1e-15);
        }
      }
    }
  }
}

struct Moved {
  Doubles next, snapped;
};
Moved move(Stream& stream, const PolicyShape& policy, const std::vector<bayes::CubeParameter>& cube,
           std::int64_t r, const Doubles& statistics, const Doubles& rollouts,
           const Doubles& states) {
  const Shape points{policy.policies, 1, r, policy.dimensions};
  const Buffer table = on_device(stream, cube);
  const Tensor known = numbers(stream, {policy.policies, 1, 1, policy.statistics()}, statistics);
  const Tensor weights = numbers(stream, {policy.policies, 1, r, policy.weights()}, rollouts);
  const Tensor from = numbers(stream, points, states);
  const Tensor next(stream, DType::f64, points), snapped(stream, DType::f64, points);
  bayes::policy_move(stream, policy,
                     {.cube = cube_view(table),
                      .statistics = known,
                      .rollouts = weights,
                      .states = from,
                      .next = next,
                      .snapped = snapped});
  return {next.values(), snapped.values()};
}

/// Of one rollout, all arrays its own. `doubt` is added to every variance.
Doubles judged_move(const PolicyShape& policy, const double* statistics, const double* weights,
                    const double* state, double doubt = 0) {
  const auto d = static_cast<std::size_t>(policy.dimensions);
  const auto hidden = static_cast<std::size_t>(policy.hidden);
  Doubles units(hidden), next(d);
  const double* b1 = weights + d * hidden;
  const double* w2 = b1 + hidden;
  const double* b2 = w2 + hidden * d;
  for (std::size_t j = 0; j < hidden; ++j) {
    double sum = b1[j];
    for (std::size_t k = 0; k < d; ++k) {
      double observed = state[k];
      if (statistics[0] >= 2) {
        const double mean = statistics[1 + k] / statistics[0];
        const double variance = statistics[1 + d + k] / statistics[0] - mean * mean + doubt;
        observed = (state[k] - mean) / std::sqrt(std::max(variance, 1e-6));
      }
      sum += weights[k * hidden + j] * observed;
    }
    units[j] = std::tanh(sum);
  }
  for (std::size_t k = 0; k < d; ++k) {
    double sum = b2[k];
    for (std::size_t j = 0; j < hidden; ++j) sum += w2[j * d + k] * units[j];
    next[k] = std::clamp(state[k] + policy.reach * std::tanh(sum), 0.0, 1.0);
  }
  return next;
}

TEST(PolicyRollout, MovesAsTheNetworkSays) {
  const auto stream = test_stream();
  for (const PolicyShape policy : {PolicyShape{1, 1, 1, 0.3},
                                   {2, 7, 3, 0.3},
                                   {3, 7, 40, 0.1},
                                   {1, 12, 16, 0.2},
                                   {1, 60, 33, 0.2}}) {
    for (const std::int64_t r : {1, 17}) {
      for (const std::size_t met : {0u, 1u, 2u, 50u}) {
        const auto d = static_cast<std::size_t>(policy.dimensions);
        const auto w = static_cast<std::size_t>(policy.weights());
        const auto points = static_cast<std::size_t>(policy.policies * r);
        const Doubles statistics = statistics_of(policy, met, 1);
        const Doubles weights = uniform(points * w, 2, -1, 1);
        const Doubles states = uniform(points * d, 3);
        const auto cube = d == 7 ? mixed_cube() : reals(policy.dimensions);
        const Moved moved = move(*stream, policy, cube, r, statistics, weights, states);
        // A variance is what is left of numbers near 1: it is known to a few units of their last
        // place, which matters where it is small.
        const double doubt = 4 * std::numeric_limits<double>::epsilon();
        Doubles expected;
        double rounding = 0;
        for (std::size_t i = 0; i < points; ++i) {
          const double* of_policy = &statistics[i / static_cast<std::size_t>(r) * (1 + 2 * d)];
          const Doubles one = judged_move(policy, of_policy, &weights[i * w], &states[i * d]);
          const Doubles other =
              judged_move(policy, of_policy, &weights[i * w], &states[i * d], doubt);
          for (std::size_t k = 0; k < d; ++k) {
            rounding = std::max(rounding, std::abs(other[k] - one[k]));
          }
          expected.insert(expected.end(), one.begin(), one.end());
        }
        expect_near(moved.next, expected, 1e-12 + 4 * rounding, "next");
        Doubles snapped = moved.next;
        for (std::size_t i = 0; i < points; ++i) {
          for (const bayes::CubeParameter& parameter : cube)
            bayes::snap(parameter, &snapped[i * d]);
        }
        EXPECT_EQ(moved.snapped, snapped);
      }
    }
  }
}

TEST(PolicyRollout, StaysInsideTheCube) {
  const auto stream = test_stream();
  const PolicyShape policy{1, 4, 2, 0.3};
  const auto w = static_cast<std::size_t>(policy.weights());
  // No hidden unit is heard; the output's biases push hard: up, down, a little, not at all.
  Doubles weights(w);
  const double bias[] = {100, -100, 0.1, 0};
  std::copy_n(bias, 4, weights.end() - 4);
  const Doubles statistics(9);
  const Moved faces = move(*stream, policy, reals(4), 1, statistics, weights, {0.9, 0.1, 1, 0.25});
  EXPECT_EQ(faces.next, (Doubles{1, 0, 1, 0.25}));
  const Moved inside =
      move(*stream, policy, reals(4), 1, statistics, weights, {0.5, 0.5, 0.5, 0.5});
  expect_near(inside.next, {0.8, 0.2, 0.5 + 0.3 * std::tanh(0.1), 0.5}, 1e-15, "next");
}

TEST(PolicyRollout, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const PolicyShape policy{2, 3, 4, 0.1};
  const std::int64_t w = policy.weights();
  const auto zeros = [&](const Shape& shape) {
    return numbers(*stream, shape, Doubles(static_cast<std::size_t>(shape.elements())));
  };
  const Tensor update(*stream, DType::i32, {}, {0}), wrong_type = zeros({});
  const Tensor weights = zeros({2, 1, 1, w}), directions = zeros({2, 1, 5, w});
  const Tensor rollouts = zeros({2, 1, 10, w}), statistics = zeros({2, 1, 1, 7});
  const Tensor points = zeros({2, 1, 10, 3});
  const Tensor next = zeros({2, 1, 10, 3}), snapped = zeros({2, 1, 10, 3});
  const Buffer table = on_device(*stream, reals(3));
  const View cube = cube_view(table);

  EXPECT_NO_THROW(bayes::policy_perturb(
      *stream, policy, 0.1, 1,
      {.update = update, .weights = weights, .directions = directions, .rollouts = rollouts}));
  const auto perturb_fails = [&](const PolicyShape& shape, double noise, const Tensor& number,
                                 const Tensor& to) {
    EXPECT_THROW(
        bayes::policy_perturb(
            *stream, shape, noise, 1,
            {.update = number, .weights = weights, .directions = directions, .rollouts = to}),
        UsageError);
  };
  perturb_fails({0, 3, 4, 0.1}, 0.1, update, rollouts);
  perturb_fails({2, 4, 4, 0.1}, 0.1, update, rollouts);
  perturb_fails(policy, -1, update, rollouts);
  perturb_fails(policy, std::nan(""), update, rollouts);
  perturb_fails(policy, 0.1, wrong_type, rollouts);
  perturb_fails(policy, 0.1, update, directions);

  EXPECT_NO_THROW(bayes::policy_move(*stream, policy,
                                     {.cube = cube,
                                      .statistics = statistics,
                                      .rollouts = rollouts,
                                      .states = points,
                                      .next = next,
                                      .snapped = snapped}));
  const auto move_fails = [&](const PolicyShape& shape, ConstView parameters, const Tensor& known,
                              const Tensor& from) {
    EXPECT_THROW(bayes::policy_move(*stream, shape,
                                    {.cube = parameters,
                                     .statistics = known,
                                     .rollouts = rollouts,
                                     .states = from,
                                     .next = next,
                                     .snapped = snapped}),
                 UsageError);
  };
  PolicyShape still = policy;
  still.reach = 0;
  ConstView cut = cube;
  cut.shape.c -= 1;
  move_fails(still, cube, statistics, points);
  move_fails(policy, cut, statistics, points);
  move_fails(policy, ConstView{}, statistics, points);
  move_fails(policy, cube, weights, points);
  move_fails(policy, cube, statistics, weights);
}

}  // namespace
}  // namespace paretiny::test

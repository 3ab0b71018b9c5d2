#include "kernels/policy_rollout.h"

#include <numeric>

#include "tests/support/kernels.h"
#include "tests/support/threads.h"

namespace paretiny::test {
namespace {

using Doubles = std::vector<double>;

/// A tensor of 64-bit numbers of the given values.
Tensor numbers(Stream& stream, const Shape& shape, const Doubles& values) {
  return {stream, DType::f64, shape, values};
}

Doubles uniform(std::size_t count, std::uint64_t seed, double low = 0, double high = 1) {
  Random random(seed, "policy test");
  Doubles values(count);
  for (double& value : values) value = random.uniform(low, high);
  return values;
}

Buffer on_device(Stream& stream, const std::vector<CubeParameter>& cube) {
  Buffer buffer(stream.device(), cube.size() * sizeof(CubeParameter));
  stream.upload(buffer.data(), cube.data(), buffer.bytes());
  return buffer;
}
View cube_view(const Buffer& buffer) {
  return view(buffer.data(), DType::u8, {1, 1, 1, static_cast<std::int64_t>(buffer.bytes())});
}

/// Six parameters of all kinds on seven coordinates, or as many reals as there are coordinates.
std::vector<CubeParameter> mixed_cube() {
  return {cube_number(CubeParameter::real, 0, 0.5, 0.99, false),
          cube_number(CubeParameter::real, 1, 1e-5, 1e-1, true),
          cube_choice(2, 2),
          cube_number(CubeParameter::integer, 4, 1, 7, false),
          cube_number(CubeParameter::integer, 5, 8, 512, true),
          cube_number(CubeParameter::real, 6, 3, 3, false)};
}
std::vector<CubeParameter> reals(std::int64_t d) {
  std::vector<CubeParameter> cube;
  for (std::int32_t k = 0; k < d; ++k) {
    cube.push_back(cube_number(CubeParameter::real, k, 0, 1, false));
  }
  return cube;
}

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
  policy_perturb(stream, policy, noise, key, number, w, directions, rollouts);
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
Moved move(Stream& stream, const PolicyShape& policy, const std::vector<CubeParameter>& cube,
           std::int64_t r, const Doubles& statistics, const Doubles& rollouts,
           const Doubles& states) {
  const Shape points{policy.policies, 1, r, policy.dimensions};
  const Buffer table = on_device(stream, cube);
  const Tensor known = numbers(stream, {policy.policies, 1, 1, policy.statistics()}, statistics);
  const Tensor weights = numbers(stream, {policy.policies, 1, r, policy.weights()}, rollouts);
  const Tensor from = numbers(stream, points, states);
  const Tensor next(stream, DType::f64, points), snapped(stream, DType::f64, points);
  policy_move(stream, policy, cube_view(table), known, weights, from, next, snapped);
  return {next.values(), snapped.values()};
}

/// Of one rollout, all arrays its own.
Doubles judged_move(const PolicyShape& policy, const double* statistics, const double* weights,
                    const double* state) {
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
        const double variance = statistics[1 + d + k] / statistics[0] - mean * mean;
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

/// Statistics of `met` uniform states of each policy.
Doubles statistics_of(const PolicyShape& policy, std::size_t met, std::uint64_t seed) {
  Doubles statistics;
  for (std::int64_t p = 0; p < policy.policies; ++p) {
    const auto d = static_cast<std::size_t>(policy.dimensions);
    const Doubles states = uniform(met * d, seed + static_cast<std::uint64_t>(p));
    Doubles own(1 + 2 * d);
    own[0] = static_cast<double>(met);
    for (std::size_t i = 0; i < states.size(); ++i) {
      own[1 + i % d] += states[i];
      own[1 + d + i % d] += states[i] * states[i];
    }
    statistics.insert(statistics.end(), own.begin(), own.end());
  }
  return statistics;
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
        Doubles expected;
        for (std::size_t i = 0; i < points; ++i) {
          const std::size_t p = i / static_cast<std::size_t>(r);
          const Doubles one =
              judged_move(policy, &statistics[p * (1 + 2 * d)], &weights[i * w], &states[i * d]);
          expected.insert(expected.end(), one.begin(), one.end());
        }
        expect_near(moved.next, expected, 1e-12, "next");
        Doubles snapped = moved.next;
        for (std::size_t i = 0; i < points; ++i) {
          for (const CubeParameter& parameter : cube) snap(parameter, &snapped[i * d]);
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

/// A problem for policy_update, `horizon` moves of 2 n rollouts.
struct Update {
  PolicyShape policy{2, 3, 4, 0.1};
  std::int64_t n = 5, horizon = 3, kept = 2;
  double step_size = 0.5;
  Doubles rewards, states, directions, weights, statistics;
  int number = 6;

  explicit Update(std::uint64_t seed = 1) { fill(seed); }
  Update(PolicyShape shape, std::int64_t directions_tried, std::int64_t moves, std::int64_t used)
      : policy(shape), n(directions_tried), horizon(moves), kept(used) {
    fill(2);
  }

  void fill(std::uint64_t seed) {
    const auto count = [](std::int64_t a) { return static_cast<std::size_t>(a); };
    const std::int64_t rollouts = policy.policies * 2 * n;
    rewards = uniform(count(horizon * rollouts), seed, -3, 1);
    states = uniform(count(horizon * rollouts * policy.dimensions), seed + 1);
    directions = uniform(count(policy.policies * n * policy.weights()), seed + 2, -2, 2);
    weights = uniform(count(policy.policies * policy.weights()), seed + 3, -1, 1);
    statistics = statistics_of(policy, 4, seed + 4);
  }

  /// Overwrites weights, statistics and number.
  void run(Stream& stream) {
    const std::int64_t l = policy.policies, w = policy.weights();
    const Tensor reward = numbers(stream, {horizon, 1, l, 2 * n}, rewards);
    const Tensor state = numbers(stream, {horizon, l, 2 * n, policy.dimensions}, states);
    const Tensor direction = numbers(stream, {l, 1, n, w}, directions);
    const Tensor weight = numbers(stream, {l, 1, 1, w}, weights);
    const Tensor known = numbers(stream, {l, 1, 1, policy.statistics()}, statistics);
    const Tensor done(stream, DType::i32, {}, {static_cast<double>(number)});
    policy_update(stream, policy, kept, step_size, reward, state, direction, weight, known, done);
    weights = weight.values();
    statistics = known.values();
    number = static_cast<int>(done.values()[0]);
  }

  /// The same from the definitions.
  void judge() {
    const auto size = [](std::int64_t a) { return static_cast<std::size_t>(a); };
    const std::size_t w = size(policy.weights()), d = size(policy.dimensions);
    const std::size_t rollouts = size(2 * n), l = size(policy.policies);
    for (std::size_t p = 0; p < l; ++p) {
      Doubles best(rollouts, -std::numeric_limits<double>::infinity());
      double* known = &statistics[p * (1 + 2 * d)];
      for (std::size_t h = 0; h < size(horizon); ++h) {
        for (std::size_t i = 0; i < rollouts; ++i) {
          best[i] = std::max(best[i], rewards[(h * l + p) * rollouts + i]);
          known[0] += 1;
          for (std::size_t k = 0; k < d; ++k) {
            const double x = states[((h * l + p) * rollouts + i) * d + k];
            known[1 + k] += x;
            known[1 + d + k] += x * x;
          }
        }
      }
      std::vector<std::size_t> order(size(n));
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::max(best[2 * a], best[2 * a + 1]) > std::max(best[2 * b], best[2 * b + 1]);
      });
      order.resize(size(kept));
      Doubles used;
      for (const std::size_t j : order) used.insert(used.end(), {best[2 * j], best[2 * j + 1]});
      const auto count = static_cast<double>(used.size());
      const double mean = std::accumulate(used.begin(), used.end(), 0.0) / count;
      double variance = 0;
      for (const double r : used) variance += (r - mean) * (r - mean) / count;
      if (std::sqrt(variance) < 1e-12) continue;
      for (const std::size_t j : order) {
        for (std::size_t i = 0; i < w; ++i) {
          weights[p * w + i] += step_size / (static_cast<double>(kept) * std::sqrt(variance)) *
                                (best[2 * j] - best[2 * j + 1]) *
                                directions[(p * size(n) + j) * w + i];
        }
      }
    }
    ++number;
  }
};

void expect_judged(Stream& stream, Update problem, const std::string& what) {
  Update judged = problem;
  judged.judge();
  problem.run(stream);
  expect_near(problem.weights, judged.weights, 1e-12, what + ": weights");
  expect_near(problem.statistics, judged.statistics,
              1e-13 * std::max(1.0, max_abs(judged.statistics)), what + ": statistics");
  EXPECT_EQ(problem.number, judged.number) << what;
}

TEST(PolicyRollout, UpdatesByTheBestDirections) {
  const auto stream = test_stream();
  expect_judged(*stream, Update(), "few");
  for (const std::int64_t kept : {1, 2, 7}) {
    expect_judged(*stream, Update({1, 1, 1, 0.1}, 7, 1, kept), "small, " + std::to_string(kept));
  }
  expect_judged(*stream, Update({3, 12, 16, 0.1}, 32, 8, 16), "usual");
  expect_judged(*stream, Update({1, 60, 5, 0.1}, 3, 2, 3), "wide");
  expect_judged(*stream, Update({1, 2, 3, 0.1}, 300, 2, 140), "many directions");
}

TEST(PolicyRollout, EqualRewardsLeaveTheWeights) {
  const auto stream = test_stream();
  Update equal;
  std::fill(equal.rewards.begin(), equal.rewards.end(), -7.25);
  const Doubles before = equal.weights;
  Update judged = equal;
  judged.judge();
  equal.run(*stream);
  EXPECT_EQ(equal.weights, before);
  expect_near(equal.statistics, judged.statistics, 1e-12, "statistics");
  EXPECT_EQ(equal.number, 7);
}

TEST(PolicyRollout, OfEqualDirectionsTheFirstAreKept) {
  const auto stream = test_stream();
  Update tied({1, 2, 2, 0.1}, 6, 1, 3);
  // max(r+, r-): 1, 2, 1, 2, 1, 1; kept: 1, 3, 0.
  tied.rewards = {1, -4, -5, 2, 1, -6, 2, 1.5, -7, 1, 1, -8};
  Update judged = tied;
  judged.judge();
  Update without = tied;
  tied.run(*stream);
  expect_near(tied.weights, judged.weights, 1e-13, "weights");
  // Rewards and directions of those left out are of no account.
  for (const std::size_t j : {2u, 4u, 5u}) {
    without.rewards[2 * j] = without.rewards[2 * j + 1] = -100;
  }
  without.run(*stream);
  EXPECT_EQ(without.weights, tied.weights);
}

TEST(PolicyRollout, StatisticsByHand) {
  const auto stream = test_stream();
  Update one({1, 2, 1, 0.1}, 1, 2, 1);
  one.states = {0, 0.5, 0.25, 0.5, 1, 0.5, 0.75, 0};
  one.statistics = {3, 1, 2, 0.5, 4};
  one.run(*stream);
  EXPECT_EQ(one.statistics, (Doubles{7, 3, 3.5, 2.125, 4.75}));
}

/// All three ops and a reward: three moves of an update.
class Search {
 public:
  Search(Stream& stream, std::uint64_t seed)
      : stream_(stream),
        weights_(numbers(stream, {2, 1, 1, policy_.weights()},
                         uniform(static_cast<std::size_t>(2 * policy_.weights()), seed, -1, 1))),
        statistics_(numbers(stream, {2, 1, 1, policy_.statistics()}, Doubles(30))),
        update_(stream, DType::i32, {}, {0}),
        directions_(stream, DType::f64, {2, 1, kDirections, policy_.weights()}),
        rollouts_(stream, DType::f64, {2, 1, 2 * kDirections, policy_.weights()}),
        states_(numbers(stream, {kMoves + 1, 2, 2 * kDirections, 7},
                        uniform((kMoves + 1) * 4 * kDirections * 7, seed))),
        snapped_(stream, DType::f64, {2, 1, 2 * kDirections, 7}),
        rewards_(numbers(stream, {kMoves, 1, 2, 2 * kDirections},
                         uniform(kMoves * 4 * kDirections, seed + 1))),
        cube_(on_device(stream, mixed_cube())) {}

  void update() {
    policy_perturb(stream_, policy_, 0.2, 77, update_, weights_, directions_, rollouts_);
    for (std::int64_t h = 0; h < kMoves; ++h) {
      policy_move(stream_, policy_, cube_view(cube_), statistics_, rollouts_, state(h),
                  state(h + 1), snapped_);
    }
    View from = states_;
    from.shape.n = kMoves;
    policy_update(stream_, policy_, 3, 0.3, rewards_, from, directions_, weights_, statistics_,
                  update_);
  }

  std::vector<const Tensor*> results() const {
    return {&weights_, &statistics_, &update_, &states_, &snapped_, &directions_, &rollouts_};
  }

 private:
  static constexpr std::int64_t kDirections = 4, kMoves = 3;

  View state(std::int64_t h) const {
    const Shape shape{2, 1, 2 * kDirections, 7};
    return view(states_.view().as<double>() + h * shape.elements(), DType::f64, shape);
  }

  PolicyShape policy_{2, 7, 5, 0.2};
  Stream& stream_;
  Tensor weights_, statistics_, update_, directions_, rollouts_, states_, snapped_, rewards_;
  Buffer cube_;
};

TEST(PolicyRollout, ARecordingRunsAsTheOpsDo) {
  const auto stream = test_stream();
  Search eager(*stream, 1), recorded(*stream, 1);
  const auto recording = stream->record([&] { recorded.update(); });
  for (int i = 0; i < 4; ++i) {
    eager.update();
    recording->run();
  }
  for (std::size_t i = 0; i < eager.results().size(); ++i) {
    EXPECT_EQ(eager.results()[i]->bytes(), recorded.results()[i]->bytes()) << "result " << i;
  }
}

TEST(PolicyRollout, AgreesWithTheCpu) {
  const auto stream = test_stream(), judge = cpu_stream();
  Search here(*stream, 2), there(*judge, 2);
  for (int i = 0; i < 3; ++i) {
    here.update();
    there.update();
  }
  for (std::size_t i = 0; i < here.results().size(); ++i) {
    expect_near(*here.results()[i], there.results()[i]->values(), 1e-9,
                "result " + std::to_string(i));
  }
}

TEST(PolicyRollout, DoesNotDependOnThreads) {
  const auto stream = test_stream();
  std::vector<std::vector<unsigned char>> first;
  const int threads = omp_get_max_threads();
  for (const int count : {1, 2, 5}) {
    omp_set_num_threads(count);
    Search run(*stream, 3);
    run.update();
    run.update();
    for (std::size_t i = 0; i < run.results().size(); ++i) {
      if (count == 1) {
        first.push_back(run.results()[i]->bytes());
      } else {
        EXPECT_EQ(run.results()[i]->bytes(), first[i]) << "result " << i;
      }
    }
  }
  omp_set_num_threads(threads);
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
  const Tensor points = zeros({2, 1, 10, 3}), rewards = zeros({4, 1, 2, 10});
  const Tensor states = zeros({4, 2, 10, 3}), odd = zeros({4, 2, 9, 3});
  const Tensor next = zeros({2, 1, 10, 3}), snapped = zeros({2, 1, 10, 3});
  const Buffer table = on_device(*stream, reals(3));
  const View cube = cube_view(table);

  EXPECT_NO_THROW(policy_perturb(*stream, policy, 0.1, 1, update, weights, directions, rollouts));
  const auto perturb_fails = [&](const PolicyShape& shape, double noise, const Tensor& number,
                                 const Tensor& to) {
    EXPECT_THROW(policy_perturb(*stream, shape, noise, 1, number, weights, directions, to),
                 UsageError);
  };
  perturb_fails({0, 3, 4, 0.1}, 0.1, update, rollouts);
  perturb_fails({2, 4, 4, 0.1}, 0.1, update, rollouts);
  perturb_fails(policy, -1, update, rollouts);
  perturb_fails(policy, std::nan(""), update, rollouts);
  perturb_fails(policy, 0.1, wrong_type, rollouts);
  perturb_fails(policy, 0.1, update, directions);

  EXPECT_NO_THROW(policy_move(*stream, policy, cube, statistics, rollouts, points, next, snapped));
  const auto move_fails = [&](const PolicyShape& shape, ConstView parameters, const Tensor& known,
                              const Tensor& from) {
    EXPECT_THROW(policy_move(*stream, shape, parameters, known, rollouts, from, next, snapped),
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

  const auto change = [&](std::int64_t kept, double step, const Tensor& reward,
                          const Tensor& from) {
    policy_update(*stream, policy, kept, step, reward, from, directions, weights, statistics,
                  update);
  };
  EXPECT_NO_THROW(change(5, 0.1, rewards, states));
  EXPECT_THROW(change(0, 0.1, rewards, states), UsageError);
  EXPECT_THROW(change(6, 0.1, rewards, states), UsageError);
  EXPECT_THROW(change(5, std::nan(""), rewards, states), UsageError);
  EXPECT_THROW(change(5, 0.1, states, states), UsageError);
  EXPECT_THROW(change(5, 0.1, rewards, odd), UsageError);
}

}  // namespace
}  // namespace paretiny::test

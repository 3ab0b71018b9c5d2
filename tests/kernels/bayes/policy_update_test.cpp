#include <numeric>

#include "kernels/bayes/acquisition.h"
#include "kernels/core/threads.h"
#include "tests/kernels/bayes/policies.h"

namespace paretiny::test {
namespace {

/// A problem for policy_update, `horizon` moves of 2 n rollouts.
struct Update {
  bayes::PolicyShape policy{2, 3, 4, 0.1};
  std::int64_t n = 5, horizon = 3, kept = 2;
  double step_size = 0.5;
  Doubles rewards, states, directions, weights, statistics;
  int number = 6;

  explicit Update(std::uint64_t seed = 1) { fill(seed); }
  Update(bayes::PolicyShape shape, std::int64_t directions_tried, std::int64_t moves,
         std::int64_t used)
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
    bayes::policy_update(stream, policy, kept, step_size,
                         {.rewards = reward,
                          .states = state,
                          .directions = direction,
                          .weights = weight,
                          .statistics = known,
                          .update = done});
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

TEST(PolicyUpdate, UpdatesByTheBestDirections) {
  const auto stream = test_stream();
  expect_judged(*stream, Update(), "few");
  for (const std::int64_t kept : {1, 2, 7}) {
    expect_judged(*stream, Update({1, 1, 1, 0.1}, 7, 1, kept), "small, " + std::to_string(kept));
  }
  expect_judged(*stream, Update({3, 12, 16, 0.1}, 32, 8, 16), "usual");
  expect_judged(*stream, Update({1, 60, 5, 0.1}, 3, 2, 3), "wide");
  expect_judged(*stream, Update({1, 2, 3, 0.1}, 300, 2, 140), "many directions");
  expect_judged(*stream, Update({1, 300, 2, 0.1}, 2, 2, 1), "more coordinates than threads");
}

TEST(PolicyUpdate, EqualRewardsLeaveTheWeights) {
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

TEST(PolicyUpdate, OfEqualDirectionsTheFirstAreKept) {
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

TEST(PolicyUpdate, StatisticsByHand) {
  const auto stream = test_stream();
  Update one({1, 2, 1, 0.1}, 1, 2, 1);
  one.states = {0, 0.5, 0.25, 0.5, 1, 0.5, 0.75, 0};
  one.statistics = {3, 1, 2, 0.5, 4};
  one.run(*stream);
  EXPECT_EQ(one.statistics, (Doubles{7, 3, 3.5, 2.125, 4.75}));
}

/// Updates of policies whose reward is to stay away from some points: every op there is.
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
        rewards_(stream, DType::f64, {kMoves, 1, 2, 2 * kDirections}),
        limits_(numbers(stream, {1, 1, 1, 7}, uniform(7, seed + 1))),
        variance_(numbers(stream, {1, 1, 7, 4 * kDirections},
                          uniform(static_cast<std::size_t>(28 * kDirections), seed + 2, 0.1, 1))),
        cube_(on_device(stream, mixed_cube())) {}

  void update() {
    bayes::policy_perturb(
        stream_, policy_, 0.2, 77,
        {.update = update_, .weights = weights_, .directions = directions_, .rollouts = rollouts_});
    stream_.zero(rewards_.view().data, rewards_.view().bytes());
    for (std::int64_t h = 0; h < kMoves; ++h) {
      bayes::policy_move(stream_, policy_,
                         {.cube = cube_view(cube_),
                          .statistics = statistics_,
                          .rollouts = rollouts_,
                          .states = state(h),
                          .next = state(h + 1),
                          .snapped = snapped_});
      // A smooth function of where the rollouts are, whatever it means.
      View points = snapped_;
      points.shape = {1, 1, 7, 4 * kDirections};
      bayes::add_log_within(stream_, limits_, {.mean = points, .variance = variance_},
                            view(rewards_.view().as<double>() + h * 4 * kDirections, DType::f64,
                                 {1, 1, 1, 4 * kDirections}));
    }
    View from = states_;
    from.shape.n = kMoves;
    bayes::policy_update(stream_, policy_, 3, 0.3,
                         {.rewards = rewards_,
                          .states = from,
                          .directions = directions_,
                          .weights = weights_,
                          .statistics = statistics_,
                          .update = update_});
  }

  std::vector<const Tensor*> results() const {
    return {&weights_, &statistics_, &update_,   &states_,
            &snapped_, &directions_, &rollouts_, &rewards_};
  }

 private:
  static constexpr std::int64_t kDirections = 12, kMoves = 3;

  View state(std::int64_t h) const {
    const Shape shape{2, 1, 2 * kDirections, 7};
    return view(states_.view().as<double>() + h * shape.elements(), DType::f64, shape);
  }

  bayes::PolicyShape policy_{2, 7, 5, 0.2};
  Stream& stream_;
  Tensor weights_, statistics_, update_, directions_, rollouts_, states_, snapped_, rewards_,
      limits_, variance_;
  Buffer cube_;
};

TEST(PolicyUpdate, ARecordingRunsAsTheOpsDo) {
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

TEST(PolicyUpdate, AgreesWithTheCpu) {
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

TEST(PolicyUpdate, DoesNotDependOnThreads) {
  const auto stream = test_stream();
  std::vector<std::vector<unsigned char>> first;
  const int threads = thread_count();
  for (const int count : {1, 2, 5}) {
    set_thread_count(count);
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
  set_thread_count(threads);
}

TEST(PolicyUpdate, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const bayes::PolicyShape policy{2, 3, 4, 0.1};
  const auto zeros = [&](const Shape& shape) {
    return numbers(*stream, shape, Doubles(static_cast<std::size_t>(shape.elements())));
  };
  const Tensor weights = zeros({2, 1, 1, policy.weights()}), statistics = zeros({2, 1, 1, 7});
  const Tensor directions = zeros({2, 1, 5, policy.weights()}), rewards = zeros({4, 1, 2, 10});
  const Tensor states = zeros({4, 2, 10, 3}), odd = zeros({4, 2, 9, 3});
  const Tensor update(*stream, DType::i32, {}, {0});
  const auto change = [&](std::int64_t kept, double step, const Tensor& reward,
                          const Tensor& from) {
    bayes::policy_update(*stream, policy, kept, step,
                         {.rewards = reward,
                          .states = from,
                          .directions = directions,
                          .weights = weights,
                          .statistics = statistics,
                          .update = update});
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

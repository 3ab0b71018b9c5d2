#include "kernels/bayes/hypervolume_improvement.h"

#include <numbers>

#include "tests/support/jsonl.h"
#include "tests/support/kernels.h"
#include "tests/support/shared.h"
#include "tests/support/threads.h"

namespace paretiny::test {
namespace {

using Vector = std::vector<double>;
using Points = std::vector<Vector>;
using Corner = std::vector<std::int32_t>;

/// A cover of what a front leaves, made the plain way: every point of the front cuts the boxes that
/// reach above it into those below it in one objective and not below it in those before.
struct Cover {
  std::size_t objectives, levels = 0;
  Vector level;
  std::vector<std::int32_t> boxes;

  Cover(Points front, const Vector& reference) : objectives(reference.size()) {
    std::erase_if(front, [&](const Vector& point) {
      return !std::equal(point.begin(), point.end(), reference.begin(), std::less<>());
    });
    Points rows(objectives, {-std::numeric_limits<double>::infinity()});
    for (std::size_t k = 0; k < objectives; ++k) {
      for (const Vector& point : front) rows[k].push_back(point[k]);
      std::sort(rows[k].begin(), rows[k].end());
      rows[k].erase(std::unique(rows[k].begin(), rows[k].end()), rows[k].end());
      rows[k].push_back(reference[k]);
      levels = std::max(levels, rows[k].size());
    }
    std::vector<std::pair<Corner, Corner>> cut{{Corner(objectives, 0), {}}};
    for (const Vector& row : rows) {
      cut[0].second.push_back(static_cast<std::int32_t>(row.size()) - 1);
    }
    for (const Vector& point : front) {
      decltype(cut) pieces;
      for (auto [lower, upper] : cut) {
        for (std::size_t k = 0; k < objectives; ++k) {
          const auto at = static_cast<std::int32_t>(
              std::lower_bound(rows[k].begin(), rows[k].end(), point[k]) - rows[k].begin());
          if (lower[k] >= at) continue;
          Corner below = upper;
          below[k] = std::min(at, upper[k]);
          pieces.emplace_back(lower, below);
          lower[k] = at;
          if (lower[k] >= upper[k]) break;
        }
      }
      cut = std::move(pieces);
    }
    for (Vector& row : rows) {
      row.resize(levels, row.back());
      level.insert(level.end(), row.begin(), row.end());
    }
    for (const auto& [lower, upper] : cut) {
      boxes.insert(boxes.end(), lower.begin(), lower.end());
      boxes.insert(boxes.end(), upper.begin(), upper.end());
    }
  }

  std::size_t count() const { return boxes.size() / (2 * objectives); }
};

/// E[(level - Y)+] of Y ~ N(mean, variance), to the far tails by the continued fraction of Mills'
/// ratio.
long double judged_gap(double level, double mean, double variance) {
  const long double below = static_cast<long double>(level) - mean;
  if (variance == 0 || std::isinf(level)) return std::max(0.0L, below);
  const long double sigma = std::sqrt(static_cast<long double>(variance));
  const long double t = -below / sigma;
  const long double density = std::exp(-t * t / 2) / std::sqrt(2 * std::numbers::pi_v<long double>);
  if (t < 3) return sigma * (density - t * std::erfc(t / std::sqrt(2.0L)) / 2);
  long double rest = t;  // 1 / M = t + 1 / (t + 2 / (t + 3 / ...))
  for (int i = 200; i > 1; --i) rest = t + static_cast<long double>(i) / rest;
  return sigma * density / (t + 1 / rest) / rest;
}

long double judged(const Cover& cover, const Vector& mean, const Vector& variance) {
  long double sum = 0;
  for (std::size_t b = 0; b < cover.count(); ++b) {
    long double gain = 1;
    for (std::size_t k = 0; k < cover.objectives; ++k) {
      const std::int32_t* corner = &cover.boxes[b * 2 * cover.objectives + k];
      const double* level = &cover.level[k * cover.levels];
      gain *= judged_gap(level[corner[cover.objectives]], mean[k], variance[k]) -
              judged_gap(level[corner[0]], mean[k], variance[k]);
    }
    sum += gain;
  }
  return sum;
}

/// Rows a point.
struct Beliefs {
  Points mean, variance;
};

/// Column by column, as the ops read them.
Tensor tensor(Stream& stream, const Points& rows) {
  Vector values;
  for (std::size_t k = 0; k < rows[0].size(); ++k) {
    for (const Vector& row : rows) values.push_back(row[k]);
  }
  return {stream,
          DType::f64,
          {1, 1, static_cast<std::int64_t>(rows[0].size()), static_cast<std::int64_t>(rows.size())},
          values};
}

/// A call of either op.
struct Call {
  Stream& stream;
  Tensor levels, boxes, mean, variance, plain, reward;

  Call(Stream& on, const Cover& cover, const Beliefs& beliefs)
      : stream(on),
        levels(on, DType::f64,
               {1, 1, static_cast<std::int64_t>(cover.objectives),
                static_cast<std::int64_t>(cover.levels)},
               cover.level),
        boxes(on, DType::i32,
              {static_cast<std::int64_t>(cover.count()), 1, 2,
               static_cast<std::int64_t>(cover.objectives)},
              Vector(cover.boxes.begin(), cover.boxes.end())),
        mean(tensor(on, beliefs.mean)),
        variance(tensor(on, beliefs.variance)),
        plain(on, DType::f64, {1, 1, 1, mean.shape().c}),
        reward(on, DType::f64, {1, 1, 1, mean.shape().c}) {}

  void run_plain() {
    bayes::hypervolume_improvement(stream, {levels, boxes}, {.mean = mean, .variance = variance},
                                   plain);
  }
  void run_log() {
    stream.zero(reward.view().data, reward.view().bytes());
    bayes::add_log_hypervolume_improvement(stream, {levels, boxes},
                                           {.mean = mean, .variance = variance}, reward);
  }
};

struct Improvement {
  Vector plain, log;
};

Improvement improvement(Stream& stream, const Cover& cover, const Beliefs& beliefs) {
  Call call(stream, cover, beliefs);
  call.run_plain();
  call.run_log();
  return {call.plain.values(), call.reward.values()};
}

Points random_front(std::size_t n, std::size_t m, std::uint64_t seed) {
  Random random(seed, "front");
  Points front(n, Vector(m));
  for (Vector& point : front) {
    double norm = 0;
    for (double& value : point) {
      value = random.uniform();
      norm += value * value;
    }
    for (double& value : point) value = 1 - value / std::sqrt(norm);
  }
  return front;
}

/// Means from `low` to `high`; one variance in five is 0. One row more than there are objectives.
Beliefs random_beliefs(std::size_t q, std::size_t m, double low, double high, double sigma) {
  Random random(q, "beliefs");
  Beliefs beliefs{Points(q, Vector(m + 1, std::nan(""))), Points(q, Vector(m + 1, std::nan("")))};
  for (std::size_t i = 0; i < q; ++i) {
    for (std::size_t k = 0; k < m; ++k) {
      beliefs.mean[i][k] = random.uniform(low, high);
      const double s = sigma * std::exp(random.normal());
      beliefs.variance[i][k] = random.below(5) == 0 ? 0 : s * s;
    }
  }
  return beliefs;
}

void expect_judged(Stream& stream, const Cover& cover, const Beliefs& beliefs) {
  const Improvement ours = improvement(stream, cover, beliefs);
  for (std::size_t i = 0; i < beliefs.mean.size(); ++i) {
    const long double exact = judged(cover, beliefs.mean[i], beliefs.variance[i]);
    EXPECT_NEAR(ours.plain[i], static_cast<double>(exact),
                1e-11 * static_cast<double>(exact) + 1e-290)
        << "point " << i;
    const auto log = static_cast<double>(std::log(exact));
    // z^2 / 2 of the judge's range, 150 sigma, is the largest of the terms.
    EXPECT_NEAR(ours.log[i], std::max(log, -1e6), 1e-11 * std::max(1.0, -log)) << "point " << i;
  }
}

TEST(HypervolumeImprovement, IsTheSumOverBoxes) {
  const auto stream = test_stream();
  for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 6u}) {
    for (const std::size_t n : {0u, 1u, 4u, 9u}) {
      if (slow_device() && m > 4 && n > 4) continue;
      SCOPED_TRACE(testing::Message() << m << " objectives, front of " << n);
      const Cover cover(random_front(n, m, m + n), Vector(m, 1.1));
      expect_judged(*stream, cover, random_beliefs(n + m, m, -0.2, 1.2, 0.1));
    }
  }
  const std::size_t q = slow_device() ? 10 : 333;
  expect_judged(*stream, Cover(random_front(30, 3, 1), Vector(3, 1.1)),
                random_beliefs(q, 3, 0, 1, 0.1));
}

TEST(HypervolumeImprovement, LogarithmHoldsInTheTails) {
  const auto stream = test_stream();
  for (const std::size_t m : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(m);
    const Cover cover(random_front(7, m, m), Vector(m, 1.1));
    expect_judged(*stream, cover, random_beliefs(12, m, 1, 3, 0.04));
  }
}

TEST(HypervolumeImprovement, MoreLevelsThanSharedMemoryHolds) {
  const auto stream = test_stream();
  Cover cover(random_front(3, 2, 5), {1.1, 1.1});
  const Vector level = cover.level;
  const std::size_t few = cover.levels;
  cover.levels = 15000;
  cover.level.assign(2 * cover.levels, 1.1);
  for (std::size_t k = 0; k < 2; ++k) {
    std::copy_n(level.begin() + static_cast<std::ptrdiff_t>(k * few), few,
                cover.level.begin() + static_cast<std::ptrdiff_t>(k * cover.levels));
  }
  expect_judged(*stream, cover, random_beliefs(3, 2, 0, 2, 0.05));
}

TEST(HypervolumeImprovement, ReferenceVectors) {
  const auto file = test::shared("vectors/bo/acquisition.jsonl.gz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  const auto stream = test_stream();
  int rows = 0;
  for (const auto& row : read_jsonl_gz(file)) {
    if (row.at("kind") != "ehvi") continue;
    ++rows;
    Beliefs beliefs{{row.at("mu").get<Vector>()}, {row.at("sigma").get<Vector>()}};
    for (double& value : beliefs.variance[0]) value *= value;
    const Cover cover(row.at("front").get<Points>(), row.at("reference").get<Vector>());
    const Improvement ours = improvement(*stream, cover, beliefs);
    const double exact = row.at("ehvi").get<double>(), log = row.at("log_ehvi").get<double>();
    EXPECT_NEAR(ours.plain[0], exact, std::min(std::max(1e-11 * exact, 1e-280), 1e-13))
        << row.at("id");
    EXPECT_NEAR(ours.log[0], log, 1e-12 * std::max(1.0, std::abs(log))) << row.at("id");
  }
  EXPECT_GT(rows, 0);
}

TEST(HypervolumeImprovement, IsExactWhereEverythingIsCertain) {
  const auto stream = test_stream();
  const Cover cover({{5, 5}, {4, 6}, {2, 7}, {7, 4}}, {10, 10});
  const Points at{{1, 1}, {5, 5}, {4, 4}, {9, 1}, {10, 0}, {0, 10}, {-2, 9}, {6, 4.5}, {1e300, 0}};
  const Vector gain{81 - 38, 0, 4, 3, 0, 0, 4, 0.5, 0};
  const Improvement ours = improvement(*stream, cover, {at, Points(at.size(), Vector{0, 0})});
  for (std::size_t i = 0; i < at.size(); ++i) {
    EXPECT_NEAR(ours.plain[i], gain[i], 1e-13) << i;
    EXPECT_NEAR(ours.log[i], gain[i] > 0 ? std::log(gain[i]) : -1e6, 1e-9) << i;
  }
}

TEST(HypervolumeImprovement, NoLessThanTheLeast) {
  const auto stream = test_stream();
  const Cover cover({{0.5, 0.5}}, {1, 1});
  const double tiny = 1e-300;
  const Improvement ours = improvement(
      *stream, cover,
      {{{1e200, 0}, {3, 3}, {0.2, 0.2}, {1, 0.7}}, {{1, 1}, {1e-10, 1e-10}, {tiny, tiny}, {0, 0}}});
  EXPECT_EQ(ours.log[0], -1e6);
  EXPECT_EQ(ours.log[1], -1e6);
  EXPECT_NEAR(ours.log[2], std::log(0.64 - 0.25), 1e-13);
  EXPECT_EQ(ours.log[3], -1e6);
  EXPECT_EQ(ours.plain[0], 0);
  EXPECT_EQ(ours.plain[3], 0);
}

TEST(HypervolumeImprovement, DoesNotDependOnThreads) {
  const auto stream = test_stream();
  const Cover cover(random_front(9, 3, 2), Vector(3, 1.1));
  const Beliefs beliefs = random_beliefs(slow_device() ? 9 : 100, 3, 0, 4, 0.1);
  Call call(*stream, cover, beliefs);
  const auto run = [&] {
    call.run_plain();
    call.run_log();
  };
  expect_same_for_any_threads(run, {&call.plain, &call.reward});
}

TEST(HypervolumeImprovement, LogarithmIsAdded) {
  const auto stream = test_stream();
  Call call(*stream, Cover({}, {1, 1}), {{{0, 0}, {-1, 0.5}}, {{0, 0}, {0, 0}}});
  call.run_log();
  bayes::add_log_hypervolume_improvement(*stream, {call.levels, call.boxes},
                                         {.mean = call.mean, .variance = call.variance},
                                         call.reward);
  EXPECT_EQ(call.reward.values(), (Vector{0, 0}));
}

TEST(HypervolumeImprovement, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor levels(*stream, DType::f64, {1, 1, 2, 3}), narrow(*stream, DType::f32, {1, 1, 2, 3});
  const Tensor boxes(*stream, DType::i32, {4, 1, 2, 2}), wide(*stream, DType::i32, {4, 1, 2, 3});
  const Tensor none(*stream, DType::i32, {0, 1, 2, 2});
  const Tensor mean(*stream, DType::f64, {1, 1, 2, 5}), one(*stream, DType::f64, {1, 1, 1, 5});
  const Tensor result(*stream, DType::f64, {1, 1, 1, 5}), few(*stream, DType::f64, {1, 1, 1, 4});
  const auto refused = [&](const bayes::BoxCover& cover, ConstView mu, ConstView sigma, View y) {
    EXPECT_THROW(bayes::hypervolume_improvement(*stream, cover, {mu, sigma}, y), UsageError);
    EXPECT_THROW(bayes::add_log_hypervolume_improvement(*stream, cover, {mu, sigma}, y),
                 UsageError);
  };
  refused({narrow, boxes}, mean, mean, result);
  refused({levels, wide}, mean, mean, result);
  refused({levels, none}, mean, mean, result);
  refused({levels, boxes}, one, one, result);
  refused({levels, boxes}, mean, one, result);
  refused({levels, boxes}, mean, mean, few);
  refused({levels, boxes}, ConstView{}, mean, result);
  refused({levels, boxes}, mean, mean, View{});
}

}  // namespace
}  // namespace paretiny::test

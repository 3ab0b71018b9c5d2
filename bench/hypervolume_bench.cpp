// Hypervolume, exclusive contributions, and improvement of many points at once beside one point at
// a time. bench/peers/hypervolume_peer.py times moocore on the same points.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <cmath>

#include "kernels/bayes/hypervolume_improvement.h"
#include "nas/pareto/boxes.h"
#include "nas/pareto/hypervolume.h"

namespace paretiny {

using pareto::Points;

namespace {

/// Points from `first` on of a sequence in the unit cube: multiples of square roots of primes,
/// without their whole parts.
Points sequence(std::size_t first, std::size_t n, std::size_t objectives) {
  constexpr double primes[] = {2, 3, 5, 7, 11, 13};
  Points points(n, std::vector<double>(objectives));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < objectives; ++k) {
      const double multiple = static_cast<double>(first + i) * std::sqrt(primes[k]);
      points[i][k] = multiple - std::floor(multiple);
    }
  }
  return points;
}

/// On a sphere about (1, 1, ..), none dominated.
Points front(std::size_t n, std::size_t objectives) {
  Points points = sequence(1, n, objectives);
  for (std::vector<double>& point : points) {
    double square = 0;
    for (const double value : point) square += value * value;
    for (double& value : point) value = 1 - value / std::sqrt(square);
  }
  return points;
}

void exact_hypervolume(benchmark::State& state, std::size_t objectives, std::size_t n) {
  const Points points = front(n, objectives);
  const std::vector<double> reference(objectives, 1.1);
  for (auto _ : state) benchmark::DoNotOptimize(pareto::hypervolume(points, reference));
  state.counters["hypervolume"] = pareto::hypervolume(points, reference);
}

void contributions(benchmark::State& state, std::size_t objectives, std::size_t n) {
  const Points points = front(n, objectives);
  const std::vector<double> reference(objectives, 1.1);
  for (auto _ : state)
    benchmark::DoNotOptimize(pareto::hypervolume_contributions(points, reference));
}

constexpr std::size_t kFront = 100, kPoints = 1000;

/// Certain points against a front, the boxes included.
std::vector<double> improvements(Stream& stream, const Points& front, const Points& points,
                                 const std::vector<double>& reference) {
  const pareto::Boxes boxes = pareto::undominated_boxes(front, reference);
  const auto objectives = static_cast<std::int64_t>(reference.size());
  const auto q = static_cast<std::int64_t>(points.size());
  std::vector<double> mean, variance(reference.size() * points.size(), 0.0), gains(points.size());
  for (std::size_t k = 0; k < reference.size(); ++k) {
    for (const std::vector<double>& point : points) mean.push_back(point[k]);
  }
  const bayes::BoxCover cover{
      view(static_cast<const void*>(boxes.levels.data()), DType::f64,
           {1, 1, objectives, static_cast<std::int64_t>(boxes.level_count())}),
      view(static_cast<const void*>(boxes.corners.data()), DType::i32,
           {static_cast<std::int64_t>(boxes.count()), 1, 2, objectives})};
  const Shape beliefs{1, 1, objectives, q};
  bayes::hypervolume_improvement(stream, cover,
                                 {.mean = view(mean.data(), DType::f64, beliefs),
                                  .variance = view(variance.data(), DType::f64, beliefs)},
                                 view(gains.data(), DType::f64, {1, 1, 1, q}));
  return gains;
}

std::vector<double> improvements_one_by_one(const Points& front, const Points& points,
                                            const std::vector<double>& reference) {
  const double before = pareto::hypervolume(front, reference);
  Points with = front;
  with.emplace_back();
  std::vector<double> gains;
  for (const std::vector<double>& point : points) {
    with.back() = point;
    gains.push_back(pareto::hypervolume(with, reference) - before);
  }
  return gains;
}

void batched(benchmark::State& state, std::size_t objectives) {
  const Points points = sequence(kFront + 1, kPoints, objectives);
  const Points others = front(kFront, objectives);
  const std::vector<double> reference(objectives, 1.1);
  const auto stream = Stream::create({DeviceKind::cpu, 0});
  for (auto _ : state) {
    benchmark::DoNotOptimize(improvements(*stream, others, points, reference));
  }
  const auto ours = improvements(*stream, others, points, reference);
  const auto theirs = improvements_one_by_one(others, points, reference);
  double difference = 0;
  for (std::size_t i = 0; i < kPoints; ++i) {
    difference = std::max(difference, std::abs(ours[i] - theirs[i]));
  }
  state.counters["difference"] = difference;
  if (!(difference < 1e-12)) state.SkipWithError("batched and one by one disagree");
}

void one_by_one(benchmark::State& state, std::size_t objectives) {
  const Points points = sequence(kFront + 1, kPoints, objectives);
  const Points others = front(kFront, objectives);
  const std::vector<double> reference(objectives, 1.1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(improvements_one_by_one(others, points, reference));
  }
}

const int kRegistered = [] {
  const auto add = [](const std::string& name, auto run, auto... arguments) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) { run(state, arguments...); })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  for (std::size_t m = 2; m <= 6; ++m) {
    for (const std::size_t n : {50u, 100u, 200u, 500u}) {
      add(fmt::format("hypervolume/{}/{}/paretiny", m, n), exact_hypervolume, m, n);
      if (n <= 200) add(fmt::format("contributions/{}/{}/paretiny", m, n), contributions, m, n);
    }
  }
  for (const std::size_t m : {3u, 4u}) {
    add(fmt::format("improvement/{}/{}/paretiny", m, kPoints), batched, m);
    add(fmt::format("improvement/{}/{}/one_by_one", m, kPoints), one_by_one, m);
  }
  return 0;
}();

}  // namespace
}  // namespace paretiny

BENCHMARK_MAIN();

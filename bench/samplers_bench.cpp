// What a suggestion, a fit and a hypervolume cost, and how far the samplers get: hypervolume after
// a number of trials on published problems (docs/samplers.md holds a table).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "kernels/random.h"
#include "nas/pareto/hypervolume.h"
#include "nas/problems/problem.h"
#include "nas/samplers/sampler.h"
#include "nas/surrogate/gp_fit.h"

namespace paretiny {
namespace {

/// `problem` as a search sees it: objectives over the reference, so that it is the limit.
SamplerProblem search_of(const Problem& problem, std::uint64_t seed) {
  SamplerProblem search;
  search.space = problem_space(problem);
  search.objectives = problem.reference.size();
  search.reference = std::vector<double>(problem.reference.size(), 1.0);
  search.seed = seed;
  search.initial = 10;
  return search;
}

std::vector<Observation> run(Sampler& sampler, const Problem& problem, std::size_t trials) {
  std::vector<Observation> history;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    const std::vector<double> x = sampler.ask(history, trial);
    std::vector<double> objectives = evaluate_unit(problem, x).objectives;
    for (std::size_t k = 0; k < objectives.size(); ++k) objectives[k] /= problem.reference[k];
    history.push_back({x, Outcome::finished, std::move(objectives)});
  }
  return history;
}

/// Hypervolume in the problem's own units.
double hypervolume_of(const std::vector<Observation>& history, const Problem& problem) {
  Points points;
  double unit = 1;
  for (const double reference : problem.reference) unit *= reference;
  for (const Observation& o : history) points.push_back(o.objectives);
  return unit * hypervolume(points, std::vector<double>(problem.reference.size(), 1.0));
}

/// Mean and standard deviation over 5 seeds of the hypervolume after the given number of trials.
void search(benchmark::State& state, const std::string& name, const Problem& problem) {
  constexpr int kSeeds = 5;
  double sum = 0;
  double squares = 0;
  for (auto _ : state) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const auto sampler = make_sampler(name, search_of(problem, seed));
      const double volume =
          hypervolume_of(run(*sampler, problem, static_cast<std::size_t>(state.range(0))), problem);
      sum += volume / kSeeds;
      squares += volume * volume / kSeeds;
    }
  }
  state.counters["hypervolume"] = sum;
  state.counters["deviation"] = std::sqrt(std::max(0.0, squares - sum * sum));
}

void ars_suggestion(benchmark::State& state) {
  const Problem problem = make_problem(fmt::format("DTLZ2:d={},m=4", state.range(1)));
  const auto trials = static_cast<std::size_t>(state.range(0));
  const auto history = run(*make_sampler("random", search_of(problem, 1)), problem, trials);
  const auto sampler = make_sampler("ars", search_of(problem, 1));
  for (auto _ : state) benchmark::DoNotOptimize(sampler->ask(history, trials));
}

void gp_fit(benchmark::State& state) {
  const Problem problem = make_problem(fmt::format("DTLZ2:d={},m=4", state.range(1)));
  const Eigen::Index n = state.range(0);
  Random random(1, "samplers bench");
  Eigen::MatrixXd x(n, state.range(1));
  for (double& value : x.reshaped()) value = random.uniform();
  Eigen::VectorXd y(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    y(i) = problem.evaluate(std::vector<double>(x.row(i).begin(), x.row(i).end())).objectives[0];
  }
  y = (y.array() - y.mean()) / std::sqrt((y.array() - y.mean()).square().mean());
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        fit_gaussian_process(KernelKind::matern52, x, y, {prior_mode(x.cols())}));
  }
}

/// Points on a sphere, all non-dominated.
void exact_hypervolume(benchmark::State& state) {
  Random random(1, "samplers bench");
  const auto objectives = static_cast<std::size_t>(state.range(0));
  Points points(static_cast<std::size_t>(state.range(1)), std::vector<double>(objectives));
  for (std::vector<double>& point : points) {
    double norm = 0;
    for (double& value : point) value = std::abs(random.normal());
    for (const double value : point) norm += value * value;
    for (double& value : point) value = 1 - value / std::sqrt(norm);
  }
  const std::vector<double> reference(objectives, 1.1);
  for (auto _ : state) benchmark::DoNotOptimize(hypervolume(points, reference));
}

BENCHMARK(exact_hypervolume)
    ->Args({2, 200})
    ->Args({3, 200})
    ->Args({4, 200})
    ->Args({5, 100})
    ->Args({6, 60})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(gp_fit)->Args({50, 12})->Args({150, 12})->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ars_suggestion)
    ->Args({50, 12})
    ->Args({150, 12})
    ->Args({300, 12})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

const int kRegistered = [] {
  for (const char* text : {"BraninCurrin", "VehicleSafety", "DTLZ2:d=8,m=4", "DTLZ2:d=12,m=4"}) {
    const Problem problem = make_problem(text);
    for (const std::string& name : sampler_names()) {
      const std::string label = "search/" + problem.name + "/" + name;
      benchmark::RegisterBenchmark(label.c_str(),
                                   [=](benchmark::State& state) { search(state, name, problem); })
          ->Arg(60)
          ->Iterations(1)
          ->UseRealTime()
          ->Unit(benchmark::kSecond);
    }
  }
  return 0;
}();

}  // namespace
}  // namespace paretiny

BENCHMARK_MAIN();

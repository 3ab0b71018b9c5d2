#include "bench/samplers.h"

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <chrono>

#include "kernels/core/random.h"
#include "nas/problems/problem.h"
#include "nas/samplers/sampler.h"
#include "nas/surrogate/surrogates.h"

namespace paretiny {
namespace {

/// Random trials of DTLZ2 in 12 parameters and 4 objectives.
struct Run {
  problems::Problem problem = problems::make_problem("DTLZ2:d=12,m=4");
  samplers::SamplerProblem search;
  std::vector<samplers::Observation> history;

  Run(std::int64_t trials, Device device) {
    search.space = problems::problem_space(problem);
    search.objectives = problem.objectives();
    search.reference = problem.reference;
    search.seed = 1;
    search.device = device;
    const auto sampler = samplers::make_sampler("random", search);
    for (std::uint64_t trial = 0; trial < static_cast<std::uint64_t>(trials); ++trial) {
      std::vector<double> x = sampler->ask(history, trial);
      const problems::Response evaluation = problems::evaluate_unit(problem, x);
      history.push_back({std::move(x), samplers::Outcome::finished, evaluation.objectives});
    }
  }

  /// What the surrogates learn from.
  std::vector<surrogate::TrainingSet> sets() const {
    std::vector<surrogate::TrainingSet> sets(search.objectives);
    const auto n = static_cast<Eigen::Index>(history.size());
    for (std::size_t k = 0; k < sets.size(); ++k) {
      sets[k] = {surrogate::RowMatrix(n, 12), Eigen::VectorXd(n)};
      for (Eigen::Index i = 0; i < n; ++i) {
        const samplers::Observation& o = history[static_cast<std::size_t>(i)];
        sets[k].x.row(i) = Eigen::Map<const Eigen::RowVectorXd>(o.x.data(), 12);
        sets[k].y(i) = o.objectives[k];
      }
    }
    return sets;
  }
};

/// A suggestion, the mean of four: turns (model_sampler.cpp) take as many trials to come round.
void suggestion(benchmark::State& state, const std::string& name, Device device) {
  constexpr std::int64_t kTurns = 4;
  const Run run(state.range(0), device);
  const auto sampler = samplers::make_sampler(name, run.search);
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::int64_t fewer = 0; fewer < kTurns; ++fewer) {
      const auto end = run.history.end() - fewer;
      benchmark::DoNotOptimize(sampler->ask({run.history.begin(), end}, run.history.size()));
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(seconds.count() / kTurns);
  }
}

void fit(benchmark::State& state, Device device) {
  const auto stream = Stream::create(device);
  const std::vector<surrogate::TrainingSet> sets = Run(state.range(0), device).sets();
  for (auto _ : state) surrogate::Surrogates(*stream, sets);
}

/// 320 points, as many as the rollouts of a suggestion meet at a move.
void posterior(benchmark::State& state, Device device) {
  const auto stream = Stream::create(device);
  const surrogate::Surrogates surrogates(*stream, Run(state.range(0), device).sets());
  Random random(1, "samplers bench");
  const surrogate::RowMatrix queries =
      surrogate::RowMatrix::NullaryExpr(320, 12, [&] { return random.uniform(); });
  for (auto _ : state) benchmark::DoNotOptimize(surrogates.predict(queries));
}

}  // namespace

void register_samplers(Device device) {
  const std::string at = to_string(device);
  for (const std::string& name : samplers::sampler_names()) {
    auto* bench = benchmark::RegisterBenchmark(
        fmt::format("suggestion/{}/{}", name, at).c_str(),
        [=](benchmark::State& state) { suggestion(state, name, device); });
    bench->UseManualTime()->Unit(benchmark::kMillisecond)->Arg(50)->Arg(150);
    if (name.starts_with("ars")) bench->Arg(300)->Arg(500)->Arg(1000);
  }
  for (const std::int64_t trials : {50, 150, 500, 1000}) {
    benchmark::RegisterBenchmark(fmt::format("fit/{}", at).c_str(),
                                 [=](benchmark::State& state) { fit(state, device); })
        ->Arg(trials)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(fmt::format("posterior/{}", at).c_str(),
                                 [=](benchmark::State& state) { posterior(state, device); })
        ->Arg(trials)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

}  // namespace paretiny

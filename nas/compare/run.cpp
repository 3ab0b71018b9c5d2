#include "nas/compare/run.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "engine/workers.h"
#include "kernels/core/threads.h"
#include "nas/pareto/hypervolume.h"

namespace paretiny::compare {
namespace {

bool feasible(const problems::Response& evaluation) {
  return pareto::all_finite(evaluation.objectives) &&
         std::all_of(evaluation.constraints.begin(), evaluation.constraints.end(),
                     [](double g) { return g <= 0; });
}

/// The hypervolume of what it was given, computed anew only when it grows.
class GrowingFront {
 public:
  explicit GrowingFront(const std::vector<double>& reference) : reference_(reference) {}

  void add(const std::vector<double>& objectives) {
    if (!std::equal(objectives.begin(), objectives.end(), reference_.begin(), std::less<>()))
      return;
    if (pareto::extend_front(front_, objectives)) {
      volume_ = pareto::hypervolume(front_, reference_);
    }
  }

  double volume() const { return volume_; }

 private:
  const std::vector<double>& reference_;
  pareto::Points front_;
  double volume_ = 0;
};

}  // namespace

std::string RunPlan::label() const {
  std::string text = sampler;
  for (const auto& [key, value] : options) text += fmt::format(" {}={}", key, value);
  return text;
}

samplers::SamplerProblem sampler_problem(const problems::Problem& problem, const RunPlan& plan) {
  samplers::SamplerProblem result;
  result.space = problems::problem_space(problem);
  result.objectives = problem.objectives();
  result.reference = problem.reference;
  result.constraints = problem.constraints;
  result.seed = plan.seed;
  result.initial = plan.initial;
  result.device = plan.device;
  return result;
}

std::optional<SamplerRun> run_sampler(const problems::Problem& problem, const RunPlan& plan,
                                      const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  samplers::SamplerProblem task = sampler_problem(problem, plan);
  task.stop = stop;
  const auto sampler = samplers::make_sampler(plan.sampler, std::move(task), plan.options);
  SamplerRun run{plan.label(), plan.seed, {}};
  std::vector<samplers::Observation> history;
  GrowingFront front(problem.reference);
  for (std::uint64_t trial = 0; trial < plan.trials; ++trial) {
    if (stop.stop_requested()) return std::nullopt;
    const Clock::time_point begin = Clock::now();
    std::vector<double> u;
    try {
      u = sampler->ask(history, trial);
    } catch (const Interrupted&) {
      return std::nullopt;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    problems::Response evaluation = problems::evaluate_unit(problem, u);
    if (feasible(evaluation)) front.add(evaluation.objectives);
    run.trials.push_back({front.volume(), seconds, problems::in_units(problem, u)});
    history.push_back({u, samplers::Outcome::finished,
                       problems::measured(problem, evaluation.objectives, plan.seed, trial),
                       std::move(evaluation.constraints)});
  }
  return run;
}

void run_samplers(const problems::Problem& problem, const std::vector<RunPlan>& plans,
                  std::size_t threads, const std::stop_token& stop,
                  const std::function<void(SamplerRun)>& done) {
  std::stop_source halt;
  const std::stop_callback asked(stop, [&halt] { halt.request_stop(); });
  std::mutex mutex;
  std::size_t next = 0;
  std::exception_ptr failure;
  const std::size_t workers = std::min(std::max<std::size_t>(1, threads), plans.size());
  const auto work = [&] {
    if (workers > 1) set_thread_count(1);  // of this thread alone
    while (!halt.stop_requested()) {
      std::size_t mine = 0;
      {
        const std::lock_guard lock(mutex);
        if (next == plans.size()) return;
        mine = next++;
      }
      try {
        std::optional<SamplerRun> run = run_sampler(problem, plans[mine], halt.get_token());
        const std::lock_guard lock(mutex);
        if (run) done(std::move(*run));
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        halt.request_stop();
      }
    }
  };
  for (std::jthread& worker : start_workers(workers, work)) worker.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace paretiny::compare

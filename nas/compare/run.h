// One run of a sampler on a test problem.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "kernels/core/device.h"
#include "nas/problems/problem.h"
#include "nas/samplers/sampler.h"

namespace paretiny::compare {

struct RunPlan {
  std::string sampler;
  std::map<std::string, double> options{};
  std::uint64_t seed = 0;
  std::size_t trials = 0;
  std::size_t initial = 0;
  Device device{};

  /// The sampler and the options it was given: "nsga2", "nsga2 population=40".
  std::string label() const;
};

/// What a run knew after a trial.
struct RunTrial {
  double hypervolume = 0;   ///< of the feasible trials so far
  double seconds = 0;       ///< that the suggestion took
  std::vector<double> x{};  ///< in the problem's units, for problems of two inputs; else empty
};

struct SamplerRun {
  std::string label;
  std::uint64_t seed = 0;
  std::vector<RunTrial> trials;
};

/// The problem as a sampler sees it.
samplers::SamplerProblem sampler_problem(const problems::Problem& problem, const RunPlan& plan);

/// Runs the plan; nothing when it was asked to stop before the end. Trials outside the constraints
/// are told as finished, with their constraints.
std::optional<SamplerRun> run_sampler(const problems::Problem& problem, const RunPlan& plan,
                                      const std::stop_token& stop = {});

/// Runs the plans in order on up to `threads` threads, each of them with one thread when
/// they are several; `done` is called after each run, one at a time. Stops early when asked to, and
/// rethrows what the first failing run threw. A run's suggestions do not depend on `threads`.
void run_samplers(const problems::Problem& problem, const std::vector<RunPlan>& plans,
                  std::size_t threads, const std::stop_token& stop,
                  const std::function<void(SamplerRun)>& done);

}  // namespace paretiny::compare

// Whether a running trial shall go on: a verdict at a few fractions of its own epochs. Exact
// objectives (ROM, RAM, FLOPs) are known before training; of the open ones (the error) a curve is.
// All functions are pure: the same trials, seed and spec give the same verdict.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nas/pareto/pareto.h"
#include "nas/stopping/final_value.h"
#include "nas/stopping/stop_spec.h"
#include "nas/stopping/verdict.h"

namespace paretiny::stopping {

/// A trial as verdicts see it.
struct StopTrial {
  Course course;
  /// [objectives]: of a running or stopped trial the known ones, NaN for the open ones.
  std::vector<double> objectives;
  std::optional<StopVerdict> verdict{};  ///< its last one
  bool finished = false;                 ///< ran to its end, also by diverging
  bool feasible = true;                  ///< may be on the front
};

struct StopHistory {
  std::vector<StopTrial> trials;  ///< ended ones, by number
  std::vector<OpenObjective> open;
  std::vector<double> reference;  ///< of the hypervolume, [objectives]
  std::uint64_t seed = 0;
};

/// Whether nothing stops trial `number`.
bool is_run_on(const StopSpec& spec, std::uint64_t seed, std::int64_t number);

/// The verdict that a trial begins with. One that has none is never stopped.
StopVerdict enlist(const StopSpec& spec, const StopHistory& history, std::int64_t number);

/// The verdict on a running trial after the last point of its curve, to be kept in the place of
/// its earlier one: the same where no decision falls there. Throws UsageError for numbers of
/// another length than objectives, open objectives or other trials' positions.
StopVerdict judge(const StopSpec& spec, const StopHistory& history, const StopTrial& trial);

/// The verdict as a sentence, for people: why a trial was stopped. names: of the objectives.
std::string explain(const StopVerdict& verdict, const StopHistory& history,
                    const std::vector<std::string>& names);

/// How often stopping would have been wrong, shown by the trials that ran on although hopeless.
struct StopCount {
  std::size_t stopped = 0;
  std::size_t ran_on = 0;  ///< and finished
  std::size_t broken = 0;  ///< of these: ended below the bound of an open objective
  std::size_t wrong = 0;   ///< of these: add more than delta to the front of all others
};
StopCount count_stops(const StopSpec& spec, const StopHistory& history);

}  // namespace paretiny::stopping

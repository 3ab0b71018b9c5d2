// Whether a running trial shall go on: a verdict at a few fractions of its own epochs. Exact
// objectives (ROM, RAM, FLOPs) are known before training; of the open ones (the error) a curve is.
// All functions are pure: the same trials, seed and spec give the same verdict.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nas/pareto/pareto.h"
#include "nas/stopping/final_value.h"

namespace paretiny {

enum class StopMethod {
  off,
  hypervolume,  ///< stop what would add too little to the front even at its best
  asha,         ///< stop all but the best share at each decision point, by values so far
};

/// "off", "hypervolume", "asha".
std::string_view name_of(StopMethod method);

struct StopSpec {
  StopMethod method = StopMethod::off;
  /// Fractions of a trial's own epochs at which it is decided on: ascending, in (0, 1).
  std::vector<double> fractions = {0.125, 0.25, 0.5, 0.75};
  double alpha = 0.1;    ///< hypervolume: chance that a trial ends below its bounds, in (0, 1)
  double delta = 1e-3;   ///< hypervolume: share of the front's that is too little, >= 0
  double run_on = 0.05;  ///< share of all trials, drawn by (seed, number), that nothing stops
  double eta = 2;        ///< asha: one in so many goes on, > 1
};

/// Throws UsageError, naming the constant, for one that is out of range.
void check_stop_spec(const StopSpec& spec);

enum class StopChoice { go_on, stop };

enum class StopReason {
  not_due,     ///< no decision point was reached yet
  too_few,     ///< trials ended: nothing is learnt yet
  unmeasured,  ///< a number is missing or not finite: a curve of NaN, no validation split; or
               ///< too few trials have decisions where this one has
  hopeful,     ///< it may matter
  hopeless,    ///< it cannot: stop
  runs_on,     ///< it cannot, but is of the share that runs on to show how often that is wrong
};

std::string_view to_string(StopReason reason);

/// What is kept of a trial.
struct StopVerdict {
  StopChoice choice = StopChoice::go_on;
  StopReason reason = StopReason::not_due;
  double fraction = 0;  ///< of the trial's own epochs, when it was judged
  /// Whether the trial may be stopped, which is settled before its first point: so the others are
  /// a fair sample of all trials.
  bool armed = false;
  /// [objectives], or empty where nothing could be predicted: the known ones exact, the open ones
  /// as predicted, with the standard deviation of that, 0 for known ones; and the best point that
  /// the trial may still become, -infinity where no bound is known.
  std::vector<double> predicted, deviation, bound;
  /// hypervolume: what `bound` would add, as a share of the front's; asha: NaN.
  double gain = std::numeric_limits<double>::quiet_NaN();
};

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

}  // namespace paretiny

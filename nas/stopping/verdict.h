// What was decided on a running trial, in the form that a study keeps.
#pragma once

#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace paretiny::stopping {

enum class StopMethod {
  off,
  hypervolume,  ///< stop what would add too little to the front even at its best
  asha,         ///< stop all but the best share at each decision point, by values so far
};

/// "off", "hypervolume", "asha".
std::string_view name_of(StopMethod method);
/// The method of that name, if there is one.
std::optional<StopMethod> stop_method(std::string_view name);

enum class StopChoice { go_on, stop };

enum class StopReason {
  not_due,     ///< no decision point was reached yet
  too_few,     ///< trials ended: nothing is learnt yet
  unmeasured,  ///< a number is missing or not finite: a curve of NaN, no validation split; or
               ///< too few trials have decisions where this one has
  hopeful,     ///< it may matter
  hopeless,    ///< it cannot: stop
  runs_on,     ///< it cannot, but is of the share that runs on to show how often that is wrong
  wanted,      ///< it was stopped, and somebody wants it run to its end
};

/// "not due", "too few", "unmeasured", "hopeful", "hopeless", "runs on", "wanted".
std::string_view name_of(StopReason reason);
/// The reason of that name, if there is one.
std::optional<StopReason> stop_reason(std::string_view name);
/// The same in a sentence for people.
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

}  // namespace paretiny::stopping

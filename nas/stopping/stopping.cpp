#include "nas/stopping/stopping.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernels/core/random.h"
#include "nas/pareto/hypervolume.h"
#include "nas/stopping/asha.h"

namespace paretiny::stopping {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Objectives of the finished trials that may be on the front, but for trial `but`.
pareto::Points front_points(const StopHistory& history, const StopTrial* but = nullptr) {
  pareto::Points points;
  for (const StopTrial& trial : history.trials) {
    if (&trial == but || !trial.finished || !trial.feasible) continue;
    if (pareto::all_finite(trial.objectives)) points.push_back(trial.objectives);
  }
  return points;
}

/// What a point would add to the hypervolume, as a share of what there is.
double relative_gain(const pareto::Points& front, const std::vector<double>& point,
                     const std::vector<double>& reference) {
  const double there = pareto::hypervolume(front, reference);
  const double gain = pareto::hypervolume_gain(front, point, reference);
  if (gain == 0) return 0;
  return there > 0 ? gain / there : kInfinity;
}

/// Each open objective has an equal part of the risk.
double alpha_of(const StopSpec& spec, const StopHistory& history) {
  return spec.alpha / static_cast<double>(history.open.size());
}

/// What an open objective is learnt from.
std::vector<FinalValue::Example> examples_of(const StopHistory& history, std::size_t open) {
  std::vector<FinalValue::Example> examples;
  for (const StopTrial& trial : history.trials) {
    // One without a curve tells nothing, and was never in danger of a bound that it could break.
    if (!trial.finished || trial.course.curve.empty()) continue;
    examples.push_back({&trial.course, trial.objectives[history.open[open].index],
                        !trial.verdict || !trial.verdict->armed});
  }
  return examples;
}

FinalValue learn(const StopSpec& spec, const StopHistory& history, std::size_t open) {
  return {examples_of(history, open),
          {open, history.open[open].lowest, spec.fractions, alpha_of(spec, history), history.seed}};
}

/// Which decision falls on the last point of a curve.
std::optional<std::size_t> due(const StopSpec& spec, const Course& course) {
  const auto points = decision_points(course.curve, spec.fractions, course.earliest);
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (points[k] && *points[k] + 1 == course.curve.size()) return k;
  }
  return std::nullopt;
}

/// Fills in what is predicted of the trial; whether every open objective has a bound.
bool predict(const StopSpec& spec, const StopHistory& history, const StopTrial& trial,
             std::size_t decision, StopVerdict& verdict) {
  verdict.predicted = verdict.bound = trial.objectives;
  verdict.deviation.assign(trial.objectives.size(), 0);
  bool bounded = true, complete = true;
  for (std::size_t j = 0; j < history.open.size(); ++j) {
    const FinalValue model = learn(spec, history, j);
    const auto guess = model.predict(trial.course, decision, trial.course.curve.size() - 1);
    const std::size_t k = history.open[j].index;
    bounded = bounded && model.bounded();
    complete = complete && guess.has_value();
    if (!guess) continue;
    verdict.predicted[k] = guess->value;
    verdict.deviation[k] = guess->deviation;
    verdict.bound[k] = guess->lower;
  }
  if (!complete || !pareto::all_finite(verdict.predicted)) {
    verdict.predicted.clear();
    verdict.deviation.clear();
    verdict.bound.clear();
  }
  return bounded;
}

/// The objectives at a rung, the open ones as measured there; empty while it is not reached or a
/// number is missing.
std::vector<double> rung_point(const StopSpec& spec, const StopHistory& history,
                               const StopTrial& trial, std::size_t rung) {
  const auto at = decision_points(trial.course.curve, spec.fractions, trial.course.earliest)[rung];
  if (!at) return {};
  std::vector<double> point = trial.objectives;
  for (std::size_t j = 0; j < history.open.size(); ++j) {
    point[history.open[j].index] = trial.course.curve[*at].values[j];
  }
  return pareto::all_finite(point) ? point : std::vector<double>{};
}

/// Sets the reason that the method finds.
void weigh_hypervolume(const StopSpec& spec, const StopHistory& history, bool bounded,
                       StopVerdict& verdict) {
  if (!bounded) {
    verdict.reason = StopReason::too_few;
  } else if (verdict.bound.empty()) {
    verdict.reason = StopReason::unmeasured;
  } else {
    verdict.gain = relative_gain(front_points(history), verdict.bound, history.reference);
    verdict.reason = verdict.gain > spec.delta ? StopReason::hopeful : StopReason::hopeless;
  }
}

void weigh_asha(const StopSpec& spec, const StopHistory& history, const StopTrial& trial,
                std::size_t rung, StopVerdict& verdict) {
  pareto::Points points;
  std::size_t which = 0;
  const auto add = [&](const StopTrial& other) {
    const std::vector<double> point = rung_point(spec, history, other, rung);
    if (!point.empty()) points.push_back(point);
    return !point.empty();
  };
  for (const StopTrial& other : history.trials) {
    if (add(other) && other.course.number < trial.course.number) which = points.size();
  }
  const std::vector<double> own = rung_point(spec, history, trial, rung);
  const auto goes_on = std::floor(static_cast<double>(points.size() + 1) / spec.eta);
  if (goes_on < 1) {
    verdict.reason = StopReason::too_few;
  } else if (own.empty()) {
    verdict.reason = StopReason::unmeasured;
  } else {
    points.insert(points.begin() + static_cast<std::ptrdiff_t>(which), own);
    const auto position = static_cast<double>(rung_position(points, which));
    verdict.reason = position < goes_on ? StopReason::hopeful : StopReason::hopeless;
  }
}

void check_trial(const StopHistory& history, const StopTrial& trial, std::size_t dimensions) {
  const auto refuse = [&](const std::string& what) {
    throw UsageError(fmt::format("stopping: trial {} has {}", trial.course.number, what));
  };
  const std::size_t objectives = history.reference.size();
  if (trial.objectives.size() != objectives) {
    refuse(fmt::format("{} objectives where the reference has {}", trial.objectives.size(),
                       objectives));
  }
  if (trial.course.x.size() != dimensions) {
    refuse(fmt::format("a position of {} numbers where others have {}", trial.course.x.size(),
                       dimensions));
  }
  for (const CurvePoint& point : trial.course.curve) {
    if (point.values.size() != history.open.size()) {
      refuse(fmt::format("a curve of {} values a point where {} objectives are open",
                         point.values.size(), history.open.size()));
    }
  }
}

}  // namespace

void check_stop_spec(const StopSpec& spec) {
  const auto require = [](bool holds, const char* key, double value, const char* range) {
    if (!holds) {
      throw UsageError(fmt::format("stopping: {} is {}, it must be {}", key, value, range));
    }
  };
  require(spec.alpha > 0 && spec.alpha < 1, "alpha", spec.alpha, "above 0 and below 1");
  require(spec.delta >= 0 && std::isfinite(spec.delta), "delta", spec.delta, "0 or more");
  require(spec.run_on >= 0 && spec.run_on <= 1, "run_on", spec.run_on, "from 0 to 1");
  require(spec.eta > 1 && std::isfinite(spec.eta), "eta", spec.eta, "above 1");
  double last = 0;
  for (const double fraction : spec.fractions) {
    require(fraction > last && fraction < 1, "a fraction", fraction,
            "above the one before it and below 1");
    last = fraction;
  }
}

bool is_run_on(const StopSpec& spec, std::uint64_t seed, std::int64_t number) {
  return Random(seed, "stop run on", static_cast<std::uint64_t>(number)).uniform() < spec.run_on;
}

StopVerdict enlist(const StopSpec& spec, const StopHistory& history, std::int64_t number) {
  check_stop_spec(spec);
  bool learnt = spec.method != StopMethod::off;
  if (spec.method == StopMethod::hypervolume) {
    for (std::size_t j = 0; j < history.open.size(); ++j) {
      learnt = learnt && FinalValue::enough(examples_of(history, j), alpha_of(spec, history));
    }
  }
  StopVerdict verdict;
  verdict.armed = learnt && !is_run_on(spec, history.seed, number);
  return verdict;
}

StopVerdict judge(const StopSpec& spec, const StopHistory& history, const StopTrial& trial) {
  check_stop_spec(spec);
  for (const StopTrial& other : history.trials) {
    check_trial(history, other, trial.course.x.size());
  }
  check_trial(history, trial, trial.course.x.size());

  const StopVerdict earlier = trial.verdict.value_or(StopVerdict{});
  const bool settled = earlier.choice == StopChoice::stop ||
                       earlier.reason == StopReason::runs_on ||
                       earlier.reason == StopReason::wanted;
  const std::optional<std::size_t> decision = due(spec, trial.course);
  if (spec.method == StopMethod::off || settled || !decision) return earlier;

  StopVerdict verdict;
  verdict.armed = earlier.armed;
  verdict.fraction = trial.course.curve.back().fraction;
  const bool bounded = predict(spec, history, trial, *decision, verdict);
  if (!earlier.armed && !is_run_on(spec, history.seed, trial.course.number)) {
    verdict.reason = StopReason::too_few;
  } else if (spec.method == StopMethod::hypervolume) {
    weigh_hypervolume(spec, history, bounded, verdict);
  } else {
    weigh_asha(spec, history, trial, *decision, verdict);
  }
  if (verdict.reason == StopReason::hopeless) {
    if (!verdict.armed) verdict.reason = StopReason::runs_on;
    verdict.choice = verdict.armed ? StopChoice::stop : StopChoice::go_on;
  }
  return verdict;
}

std::string explain(const StopVerdict& verdict, const StopHistory& history,
                    const std::vector<std::string>& names) {
  std::string text = fmt::format("after {:.0f} % of its epochs {}", 100 * verdict.fraction,
                                 to_string(verdict.reason));
  if (verdict.predicted.empty()) return text;
  const char* before = ": ";
  for (const OpenObjective& open : history.open) {
    const std::size_t k = open.index;
    text += fmt::format("{}{} is predicted as {:.4g} +- {:.2g}", before, names[k],
                        verdict.predicted[k], verdict.deviation[k]);
    if (std::isfinite(verdict.bound[k])) text += fmt::format(", at best {:.4g}", verdict.bound[k]);
    before = "; ";
  }
  if (!std::isnan(verdict.gain)) {
    text += fmt::format(", which would add {:.3g} % to the hypervolume", 100 * verdict.gain);
  }
  return text;
}

StopCount count_stops(const StopSpec& spec, const StopHistory& history) {
  StopCount count;
  for (const StopTrial& trial : history.trials) {
    if (!trial.verdict) continue;
    if (trial.verdict->choice == StopChoice::stop) ++count.stopped;
    if (trial.verdict->reason != StopReason::runs_on || !trial.finished) continue;
    ++count.ran_on;
    if (!pareto::all_finite(trial.objectives)) continue;
    const bool broken = std::ranges::any_of(history.open, [&](const OpenObjective& open) {
      return !trial.verdict->bound.empty() &&
             trial.objectives[open.index] < trial.verdict->bound[open.index];
    });
    const double gain = trial.feasible ? relative_gain(front_points(history, &trial),
                                                       trial.objectives, history.reference)
                                       : 0;
    count.broken += broken ? 1 : 0;
    count.wrong += gain > spec.delta ? 1 : 0;
  }
  return count;
}

}  // namespace paretiny::stopping

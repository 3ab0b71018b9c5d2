// What one study knows, taken over by another.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "nas/search/black_box.h"
#include "nas/search/limits.h"

namespace paretiny::search {
namespace {

/// Reasons that a sentence lists one by one.
constexpr std::size_t kMostReasons = 4;

/// Why a trial is not taken over.
class NotTaken : public Error {
  using Error::Error;
};

bool equal_or_unknown(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

/// One study's trials as another would have measured them.
class Translation {
 public:
  Translation(const study::StudyHeader& from, const study::StudyHeader& into,
              const space::Space& space, const space::Values& given)
      : from_(from), into_(into), space_(space), given_(given) {}

  space::Values values(const study::Trial& trial) const {
    space::Values values;
    for (const space::Parameter& parameter : space_.parameters()) {
      for (const space::Values* of : {&trial.values, &given_}) {
        const auto found = of->find(parameter.name);
        if (found != of->end()) values.emplace(parameter.name, found->second);
      }
      if (!values.contains(parameter.name) && parameter.when.empty()) {
        throw NotTaken(fmt::format("parameter '{0}' is new; say what trials had: --with {0}=VALUE",
                                   parameter.name));
      }
    }
    try {
      return space_.canonical(values);
    } catch (const UsageError& error) {
      throw NotTaken(error.what());
    }
  }

  /// What was measured under a name, NaN for nothing.
  double measured(const study::Trial& trial, const std::string& name) const {
    const auto objective = std::ranges::find(from_.objectives, name, &study::Objective::name);
    if (objective != from_.objectives.end()) {
      return trial.objectives[static_cast<std::size_t>(objective - from_.objectives.begin())];
    }
    const auto metric = trial.metrics.find(name);
    return metric == trial.metrics.end() ? std::numeric_limits<double>::quiet_NaN()
                                         : metric->second;
  }

  std::pair<study::TrialState, study::TrialResult> result(const study::Trial& trial) const {
    study::TrialResult result;
    if (trial.state == study::TrialState::failed) {
      result.reason = trial.reason;
      return {trial.state, result};
    }
    if (trial.state != study::TrialState::done && trial.state != study::TrialState::infeasible) {
      throw NotTaken("it has no result");
    }
    for (const study::Objective& objective : into_.objectives) {
      result.objectives.push_back(measured(trial, objective.name));
    }
    for (const study::Constraint& constraint : into_.constraints) {
      result.metrics[constraint.name] = measured(trial, constraint.name);
    }
    const auto unknown = [](double value) { return !std::isfinite(value); };
    const bool whole = std::ranges::none_of(result.objectives, unknown) &&
                       std::ranges::none_of(result.metrics, unknown,
                                            &std::pair<const std::string, double>::second);
    if (whole) {
      Verdict ended = verdict(into_, result.objectives, result.metrics);
      result.reason = std::move(ended.reason);
      return {ended.end, result};
    }
    // One that was known to break a limit was never measured as a whole.
    result.reason = broken_limit(into_.objectives, result.objectives);
    if (result.reason.empty()) throw NotTaken("not all that is measured now was measured");
    result.metrics.clear();
    return {study::TrialState::infeasible, result};
  }

 private:
  const study::StudyHeader& from_;
  const study::StudyHeader& into_;
  const space::Space& space_;
  const space::Values& given_;
};

bool is_there(const std::vector<study::Trial>& trials, const space::Values& values,
              study::TrialState end, const study::TrialResult& result) {
  return std::ranges::any_of(trials, [&](const study::Trial& trial) {
    return trial.state == end && trial.values == values &&
           (result.objectives.empty() ||
            std::ranges::equal(trial.objectives, result.objectives, equal_or_unknown));
  });
}

}  // namespace

std::int64_t add_ended(study::Study& study, const space::Values& values, study::TrialState end,
                       const study::TrialResult& result) {
  const study::Lease lease{kAsked, kAskedLease};
  while (true) {
    const std::int64_t number = study.trial_count();
    // Whoever is quicker takes the number.
    if (!study.add_trial(number, values, values_hash(values), study.header().seed, lease)) continue;
    if (!study.conclude(number, lease.owner, end, result)) {
      throw StoreError(fmt::format("trial {} was taken by another process", number));
    }
    return number;
  }
}

Taken take_trials(study::Study& from, const OpenBlackBox& opened, const space::Values& given) {
  study::Study& into = *opened.study;
  const Translation translation(from.header(), into.header(), opened.spec.space, given);
  const std::vector<study::Trial> before = into.trials();
  Taken taken;
  std::set<std::string> lost;
  for (const study::Trial& trial : from.trials()) {
    ++taken.trials;
    try {
      const auto [end, result] = translation.result(trial);
      const space::Values values = translation.values(trial);
      for (const auto& [name, value] : trial.values) {
        if (!values.contains(name)) lost.insert(name);
      }
      if (is_there(before, values, end, result)) {
        ++taken.there;
        continue;
      }
      add_ended(into, values, end, result);
      ++taken.taken;
    } catch (const NotTaken& reason) {
      ++taken.left[reason.what()];
    }
  }
  for (const space::Parameter& parameter : opened.spec.space.parameters()) {
    lost.erase(parameter.name);  // without a value here, but searched
  }
  taken.lost.assign(lost.begin(), lost.end());
  return taken;
}

std::string sentence(const Taken& taken, const std::string& path) {
  std::string text =
      fmt::format("{} of the {} trials of '{}' were taken over", taken.taken, taken.trials, path);
  if (taken.there > 0) text += fmt::format(", {} were there already", taken.there);
  std::size_t listed = 0;
  std::size_t others = 0;
  for (const auto& [reason, count] : taken.left) {
    if (listed++ < kMostReasons) {
      text += fmt::format("; {} not: {}", count, reason);
    } else {
      others += count;
    }
  }
  if (others > 0) text += fmt::format("; {} not for reasons like these", others);
  if (!taken.lost.empty()) {
    text +=
        fmt::format("; what they had of {} counts for nothing now", fmt::join(taken.lost, ", "));
  }
  return text;
}

}  // namespace paretiny::search

#include "nas/search/warm_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "nas/experiment/space_reader.h"
#include "nas/experiment/table_reader.h"
#include "nas/experiment/toml_text.h"
#include "nas/search/limits.h"
#include "nas/search/session.h"
#include "nas/study/difference.h"
#include "nas/study/same_study.h"

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

/// Trials by their values.
class Known {
 public:
  explicit Known(const std::vector<study::Trial>& trials) {
    for (const study::Trial& trial : trials) by_values_.emplace(values_hash(trial.values), trial);
  }

  bool has(const space::Values& values, study::TrialState end,
           const study::TrialResult& result) const {
    const auto [first, last] = by_values_.equal_range(values_hash(values));
    return std::any_of(first, last, [&](const auto& known) {
      const study::Trial& trial = known.second;
      return trial.state == end && trial.values == values &&
             (result.objectives.empty() ||
              std::ranges::equal(trial.objectives, result.objectives, equal_or_unknown));
    });
  }

 private:
  std::unordered_multimap<std::uint64_t, study::Trial> by_values_;
};

/// Adds the trials of `from` by `add`.
template <class Add>
Taken take(study::Study& from, study::Study& into, const space::Space& space,
           const Translation& translation, const Add& add) {
  const Known before(into.trials());
  Taken taken;
  std::set<std::string> lost;
  for (const study::Trial& trial : from.trials()) {
    ++taken.trials;
    try {
      const auto [end, result] = translation.result(trial);
      const space::Values values = translation.values(trial);
      if (before.has(values, end, result)) {
        ++taken.there;
        continue;
      }
      add(trial, values, end, result);
      for (const auto& [name, value] : trial.values) {
        if (!values.contains(name)) lost.insert(name);
      }
      ++taken.taken;
    } catch (const NotTaken& reason) {
      ++taken.left[reason.what()];
    }
  }
  for (const space::Parameter& parameter : space.parameters()) {
    lost.erase(parameter.name);  // without a value here, but searched
  }
  taken.lost.assign(lost.begin(), lost.end());
  return taken;
}

/// What a search's results depend on, but for what either study searches.
struct FixedTask {
  space::Values values;  ///< of the parameters of both
  std::string rest;      ///< canonical text of all else
};

void erase_path(toml::table& root, const std::string& path) {
  const std::size_t dot = path.rfind('.');
  toml::table* table =
      dot == std::string::npos ? &root : root.at_path(path.substr(0, dot)).as_table();
  if (table != nullptr) table->erase(dot == std::string::npos ? path : path.substr(dot + 1));
}

FixedTask fixed_task(const std::string& task, const std::vector<space::Parameter>& parameters) {
  toml::table root = experiment::parse_toml(task, "the study's task");
  FixedTask fixed;
  for (const space::Parameter& parameter : parameters) {
    const toml::node* node = experiment::find_path(root, parameter.name);
    const auto text = node == nullptr ? std::nullopt : experiment::value_text(*node);
    if (text) fixed.values.emplace(parameter.name, experiment::parse_choice(*text));
    erase_path(root, parameter.name);
  }
  for (const char* other : {"initial", "sampler"}) erase_path(root, other);
  fixed.rest = experiment::to_text(root);
  return fixed;
}

/// A trial is copied in less.
constexpr std::chrono::minutes kCopyLease{5};

/// Adds a trial as the lease's owner and ends it; returns its number.
std::int64_t add_ended_as(study::Study& study, const study::Lease& lease,
                          const space::Values& values, std::uint64_t architecture,
                          std::uint64_t seed, study::TrialState end,
                          const study::TrialResult& result) {
  while (true) {
    const std::int64_t number = study.trial_count();
    // Whoever is quicker takes the number.
    if (!study.add_trial(number, values, architecture, seed, lease)) continue;
    if (!study.conclude(number, lease.owner, end, result)) {
      throw StoreError(fmt::format("trial {} was taken by another process", number));
    }
    return number;
  }
}

void refuse_itself(study::Study& from, study::Study& into) {
  if (from.identity() != into.identity()) return;
  throw UsageError("a study takes nothing from itself; --from names another one");
}

}  // namespace

std::int64_t add_ended(study::Study& study, const study::Lease& lease, const space::Values& values,
                       study::TrialState end, const study::TrialResult& result) {
  return add_ended_as(study, lease, values, values_hash(values), study.header().seed, end, result);
}

Taken take_trials(study::Study& from, study::Study& into, const study::Lease& lease,
                  const space::Space& space, const space::Values& given) {
  refuse_itself(from, into);
  const Translation translation(from.header(), into.header(), space, given);
  return take(
      from, into, space, translation,
      [&](const study::Trial&, const space::Values& values, study::TrialState end,
          const study::TrialResult& result) { add_ended(into, lease, values, end, result); });
}

Taken take_trials(study::Study& from, study::Study& into,
                  const experiment::Experiment& experiment) {
  refuse_itself(from, into);
  const study::StudyHeader& before = from.header();
  study::check_kind("of --from", before, study::StudyKind::search);
  std::vector<space::Parameter> parameters = experiment.space.parameters();
  const space::Space old_space = space::described_space(before.space);
  parameters.insert(parameters.end(), old_space.parameters().begin(), old_space.parameters().end());
  const FixedTask then = fixed_task(before.task, parameters);
  const FixedTask now = fixed_task(into.header().task, parameters);
  for (const auto& [what, was, is] :
       {std::tuple("the task", then.rest, now.rest),
        std::tuple("the data set", before.data, into.header().data)}) {
    if (was == is) continue;
    throw StoreError(
        fmt::format("the study of --from was made for another experiment: {}; its "
                    "results say nothing about this one",
                    study::difference(what, was, is)));
  }
  const Translation translation(before, into.header(), experiment.space, then.values);
  const study::Lease lease{study::process_owner(), kCopyLease};
  return take(
      from, into, experiment.space, translation,
      [&](const study::Trial& trial, const space::Values& values, study::TrialState end,
          study::TrialResult result) {
        for (const auto& [name, value] : trial.values) {
          const auto own = now.values.find(name);
          if (values.contains(name) || (own != now.values.end() && space::same(own->second, value)))
            continue;
          throw NotTaken(
              fmt::format("'{}' is searched no longer, and it had another than the "
                          "experiment has now",
                          name));
        }
        result.metrics = trial.metrics;
        result.model = from.model(trial.number);
        add_ended_as(into, lease, values, trial.architecture, trial.seed, end, result);
      });
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

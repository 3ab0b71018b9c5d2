#include "nas/black_box/tell.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"
#include "nas/black_box/black_box.h"
#include "nas/black_box/tell_step.h"
#include "nas/search/session.h"
#include "nas/search/warm_start.h"
#include "nas/study/study_json.h"

namespace paretiny::black_box {
namespace {

using nlohmann::json;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// `line` with null for the NaN, Infinity and -Infinity that some writers of JSON put down for
/// numbers.
std::string without_infinities(const std::string& line) {
  constexpr std::array<std::string_view, 3> kWords{"NaN", "-Infinity", "Infinity"};
  std::string text;
  bool quoted = false;
  for (std::size_t at = 0; at < line.size();) {
    const auto here = [&](std::string_view word) {
      return line.compare(at, word.size(), word) == 0;
    };
    const auto word = std::find_if(kWords.begin(), kWords.end(), here);
    if (!quoted && word != kWords.end()) {
      text += "null";
      at += word->size();
      continue;
    }
    if (line[at] == '"') quoted = !quoted;
    if (line[at] == '\\' && at + 1 < line.size()) text += line[at++];  // and what it escapes
    text += line[at++];
  }
  return text;
}

json parse(const std::string& line) {
  try {
    json parsed = json::parse(without_infinities(line));
    if (parsed.is_object()) return parsed;
  } catch (const json::exception&) {
  }
  throw DataError(R"(this is no JSON object such as {"trial": 3, "objectives": {"loss": 0.2}})");
}

void refuse_unknown(const json& object, const std::vector<std::string>& names, const char* what) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(names.begin(), names.end(), key) == names.end()) {
      throw DataError(fmt::format("there is no {} '{}'{}", what, key, suggestion(key, names)));
    }
  }
}

/// The numbers of `told`[`key`] in the order of `names`; NaN for a null. `what` is one of them.
std::vector<double> numbers_of(const json& told, const char* key, const char* what,
                               const std::vector<std::string>& names) {
  const json& numbers = told[key];
  if (!numbers.is_object()) {
    throw DataError(fmt::format("'{}' must be an object of numbers by name", key));
  }
  refuse_unknown(numbers, names, what);
  std::vector<double> values;
  for (const std::string& name : names) {
    const auto found = numbers.find(name);
    if (found == numbers.end()) throw DataError(fmt::format("{} '{}' is missing", what, name));
    if (!found->is_number() && !found->is_null()) {
      throw DataError(fmt::format("{} '{}' must be a number; it is of type {}", what, name,
                                  found->type_name()));
    }
    values.push_back(found->is_null() ? kUnknown : found->get<double>());
  }
  return values;
}

template <class Named>
std::vector<std::string> names_of(const std::vector<Named>& all) {
  std::vector<std::string> names;
  for (const Named& each : all) names.push_back(each.name);
  return names;
}

/// What the study's constraints are on. All must be numbers: whether a trial kept its bounds is
/// known or it failed.
std::map<std::string, double> constrained(const json& told,
                                          const std::vector<study::Constraint>& constraints) {
  if (constraints.empty() && !told.contains("constraints")) return {};
  if (!told.contains("constraints")) {
    throw DataError(fmt::format("'constraints' is missing: {{\"{}\": ...}}", constraints[0].name));
  }
  const std::vector<std::string> names = names_of(constraints);
  const std::vector<double> values = numbers_of(told, "constraints", "constraint", names);
  std::map<std::string, double> metrics;
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (!std::isfinite(values[k])) {
      throw DataError(fmt::format(
          "constraint '{}' is not finite; a trial where it cannot be measured is one to tell as "
          "'failed'",
          names[k]));
    }
    metrics[names[k]] = values[k];
  }
  return metrics;
}

/// The trial that `told` is about, which must wait for its result; a stopped one may have been run
/// on nevertheless.
const study::Trial& trial_of(const json& told, study::Study& study) {
  const auto found = told.find("trial");
  if (found == told.end() || !found->is_number_integer()) {
    throw DataError("'trial' must be the whole number that ask gave");
  }
  const auto number = found->get<std::int64_t>();
  const std::vector<study::Trial>& trials = study.trials();
  if (number < 0 || number >= static_cast<std::int64_t>(trials.size())) {
    throw DataError(
        fmt::format("there is no trial {}; {} have been asked for", number, trials.size()));
  }
  const study::Trial& trial = trials[static_cast<std::size_t>(number)];
  if (trial.state != study::TrialState::running && trial.state != study::TrialState::stopped) {
    throw DataError(
        trial.state == study::TrialState::waiting
            ? fmt::format("trial {} has not been asked for", number)
            : fmt::format("trial {} was told before: it is {}", number, to_string(trial.state)));
  }
  if (trial.owner != kAsked) {
    throw DataError(fmt::format("trial {} is one that 'ask' did not give", number));
  }
  return trial;
}

/// Takes a trial that was stopped, and run on nevertheless; false where another process was
/// quicker.
bool reopened(study::Study& study, const study::Trial& trial) {
  if (trial.state != study::TrialState::stopped) return true;
  try {
    (void)study.reopen(trial.number, {kAsked, kAskedLease});
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

/// Before its end.
std::string tell_partial(study::Study& study, const study::Trial& trial, const json& told) {
  for (const char* final_only : {"constraints", "failed"}) {
    if (told.contains(final_only)) {
      throw DataError(
          fmt::format("'{}' belongs to the last result of a trial, not to a 'step'", final_only));
    }
  }
  if (!told["step"].is_number_integer()) throw DataError("'step' must be a whole number from 1");
  if (!told.contains("objectives")) throw DataError("a 'step' needs 'objectives'");
  return tell_step(
      study, trial, told["step"].get<std::int64_t>(),
      numbers_of(told, "objectives", "objective", names_of(study.header().objectives)));
}

/// How a trial ended that `told` is about; `what` it is called.
std::pair<study::TrialState, study::TrialResult> result_of(const json& told,
                                                           const study::StudyHeader& header,
                                                           const std::string& what) {
  if (told.contains("objectives") == told.contains("failed")) {
    throw DataError(what + " needs either 'objectives' or 'failed'");
  }
  study::TrialResult result;
  study::TrialState end = study::TrialState::failed;
  if (told.contains("failed")) {
    if (!told["failed"].is_string()) throw DataError("'failed' must be a text: the reason");
    if (told.contains("constraints")) throw DataError("'constraints' belong to 'objectives'");
    result.reason = told["failed"].get<std::string>();
  } else {
    std::vector<double> values =
        numbers_of(told, "objectives", "objective", names_of(header.objectives));
    result.metrics = constrained(told, header.constraints);
    const search::Verdict ended = search::verdict(header, values, result.metrics);
    end = ended.end;
    result.reason = ended.reason;
    if (end != study::TrialState::failed) result.objectives = std::move(values);
  }
  return {end, std::move(result)};
}

std::string answer_line(std::int64_t number, study::TrialState end, const std::string& reason) {
  nlohmann::ordered_json answer;
  answer["trial"] = number;
  answer["state"] = to_string(end);
  if (!reason.empty()) answer["reason"] = reason;
  return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string Teller::tell_unasked(const json& told) {
  for (const char* of_trial : {"trial", "step"}) {
    if (told.contains(of_trial)) {
      throw DataError(
          fmt::format("'{}' is for a trial that 'ask' gave; 'values' are for what was "
                      "not asked for",
                      of_trial));
    }
  }
  if (!told["values"].is_object()) throw DataError("'values' must be an object of values by name");
  space::Values values = study::values_from_json(told["values"]);
  if (!space_) {
    space_ = parse_black_box(study_.header().experiment, "the study's file").study.space;
  }
  try {
    values = space_->canonical(values);
  } catch (const UsageError& error) {
    throw DataError(error.what());
  }
  const auto [end, result] = result_of(told, study_.header(), "a line with 'values'");
  const std::int64_t number = search::add_ended(study_, {kAsked, kAskedLease}, values, end, result);
  return answer_line(number, end, result.reason);
}

std::string Teller::tell(const std::string& line) {
  const json told = parse(line);
  refuse_unknown(told, {"trial", "values", "step", "objectives", "constraints", "failed"}, "key");
  if (told.contains("values")) return tell_unasked(told);
  const study::Trial trial = trial_of(told, study_);
  const std::int64_t number = trial.number;
  if (told.contains("step")) return tell_partial(study_, trial, told);
  const auto [end, result] = result_of(told, study_.header(), fmt::format("trial {}", number));
  if (!reopened(study_, trial) || !study_.conclude(number, kAsked, end, result)) {
    throw DataError(fmt::format("trial {} was told by another process just now", number));
  }
  return answer_line(number, end, result.reason);
}

}  // namespace paretiny::black_box

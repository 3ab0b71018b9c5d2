#include "nas/study/trial_text.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "nas/pareto/pareto.h"
#include "nas/study/study_json.h"

namespace paretiny::study {
namespace {

TrialState state_from(const std::string& name) {
  for (std::size_t i = 0; i < kTrialStates; ++i) {
    if (to_string(static_cast<TrialState>(i)) == name) return static_cast<TrialState>(i);
  }
  throw DataError("its state is none of a trial's");
}

Trial parse_trial(const TrialText& text, std::size_t objectives_there) {
  Trial trial;
  trial.number = text.number;
  trial.state = state_from(text.state);
  trial.values = values_from_json(nlohmann::json::parse(text.parameters));
  const auto objectives = nlohmann::json::parse(text.objectives);
  for (const auto& value : objectives) trial.objectives.push_back(number_or_nan(value));
  const auto metrics = nlohmann::json::parse(text.metrics);
  for (const auto& [name, value] : metrics.items()) trial.metrics[name] = number_or_nan(value);
  trial.reason = text.reason;
  trial.architecture = static_cast<std::uint64_t>(text.architecture);
  trial.seed = static_cast<std::uint64_t>(text.seed);
  trial.attempts = static_cast<int>(text.attempts);
  trial.owner = text.owner;
  trial.lease_until = text.lease_until;
  trial.started = text.started;
  trial.finished = text.finished;
  if (!text.verdict.empty()) {
    trial.verdict = verdict_from_json(nlohmann::json::parse(text.verdict), objectives_there);
  }
  return trial;
}

}  // namespace

double number_or_nan(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

TrialText text_of(const Trial& trial) {
  TrialText text;
  text.number = trial.number;
  text.state = to_string(trial.state);
  text.parameters = dump(values_to_json(trial.values));
  text.objectives = dump(trial.objectives);
  text.metrics = dump(trial.metrics);
  text.reason = trial.reason;
  text.architecture = static_cast<std::int64_t>(trial.architecture);
  text.seed = static_cast<std::int64_t>(trial.seed);
  text.attempts = trial.attempts;
  text.owner = trial.owner;
  text.lease_until = trial.lease_until;
  text.started = trial.started;
  text.finished = trial.finished;
  if (trial.verdict) text.verdict = dump(to_json(*trial.verdict));
  return text;
}

Trial trial_from(const TrialText& text, std::size_t objectives) {
  try {
    return parse_trial(text, objectives);
  } catch (const nlohmann::json::exception&) {
    throw DataError("it cannot be read");
  }
}

void check_trial(const Trial& trial, std::size_t objectives) {
  if (trial.objectives.size() != objectives) {
    throw DataError(
        fmt::format("it has {} objectives; the study has {}", trial.objectives.size(), objectives));
  }
  if (trial.state == TrialState::done && !pareto::all_finite(trial.objectives)) {
    throw DataError("it is done without all objectives");
  }
  if (trial.state == TrialState::stopped && !trial.verdict) {
    throw DataError("it was stopped without a verdict");
  }
  if (trial.attempts < 0 || trial.attempts > Study::kMaxAttempts) {
    throw DataError(fmt::format("it was tried {} times, which no trial is", trial.attempts));
  }
}

void check_values(std::int64_t number, const space::Values& values) {
  for (const auto& [name, value] : values) {
    const double* real = std::get_if<double>(&value);
    if (real && !std::isfinite(*real)) {
      throw UsageError(fmt::format("parameter '{}' of trial {} is not finite", name, number));
    }
  }
}

void check_result(std::int64_t number, TrialState end, const TrialResult& result,
                  std::size_t objectives) {
  if (end == TrialState::waiting || end == TrialState::running) {
    throw UsageError(fmt::format("trial {} cannot end as {}", number, to_string(end)));
  }
  if ((!result.objectives.empty() || end == TrialState::done) &&
      result.objectives.size() != objectives) {
    throw UsageError(fmt::format("trial {} has {} objectives; the study has {}", number,
                                 result.objectives.size(), objectives));
  }
  if (end == TrialState::done && !pareto::all_finite(result.objectives)) {
    throw UsageError(fmt::format("trial {} is done but has an objective not finite", number));
  }
  if (end == TrialState::stopped && !result.verdict) {
    throw UsageError(fmt::format("trial {} is stopped without a verdict", number));
  }
}

void check_step(std::int64_t number, const StepRecord& record, std::size_t objectives) {
  if (record.step >= 1 && record.objectives.size() == objectives) return;
  throw UsageError(fmt::format("step {} of trial {} has {} objectives; the study has {}",
                               record.step, number, record.objectives.size(), objectives));
}

void make_wanted(Trial& trial) {
  const bool wanted = trial.verdict && trial.verdict->reason == stopping::StopReason::wanted;
  if (trial.state != TrialState::stopped && !(trial.state == TrialState::waiting && wanted)) {
    throw UsageError(
        fmt::format("trial {} was not stopped: it is {}", trial.number, to_string(trial.state)));
  }
  if (trial.state != TrialState::stopped) return;
  trial.attempts = 0;
  trial.verdict->choice = stopping::StopChoice::go_on;
  trial.verdict->reason = stopping::StopReason::wanted;
  trial.finished.clear();
  trial.reason.clear();
}

}  // namespace paretiny::study

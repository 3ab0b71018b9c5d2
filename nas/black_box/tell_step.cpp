#include "nas/black_box/tell_step.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "nas/black_box/black_box.h"
#include "nas/search/stop_watch.h"
#include "nas/stopping/settings.h"

namespace paretiny::black_box {
namespace {

constexpr const char* kSteps = "steps";

stopping::Curve curve_of_steps(const std::vector<study::StepRecord>& records, std::int64_t steps) {
  stopping::Curve curve;
  for (const study::StepRecord& record : records) {
    if (record.step > steps) break;
    curve.push_back(
        {static_cast<double>(record.step) / static_cast<double>(steps), record.objectives});
  }
  return curve;
}

std::string answer_line(const study::Trial& trial, std::int64_t step, const std::string& reason) {
  nlohmann::ordered_json line;
  line["trial"] = trial.number;
  line["step"] = step;
  line["answer"] = reason.empty() ? "go on" : "stop";
  if (!reason.empty()) line["reason"] = reason;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The verdict on `trial` with the curve that the study has of it now, and why.
std::pair<stopping::StopVerdict, std::string> judge_steps(study::Study& study,
                                                          const study::Trial& trial,
                                                          const StepRule& rule) {
  const study::StudyHeader& header = study.header();
  space::Space space;
  try {
    space = parse_black_box(header.experiment, "the study's file").study.space;
    space.encode(trial.values);
  } catch (const UsageError& error) {
    throw DataError(error.what());
  }
  search::StopRecords::Subject subject{
      &space, header.objectives, {}, header.seed, [&](const study::Trial& other) {
        return curve_of_steps(study.steps(other.number), rule.steps);
      }};
  std::vector<std::string> names;
  for (std::size_t k = 0; k < header.objectives.size(); ++k) {
    subject.open.push_back({k});
    names.push_back(header.objectives[k].name);
  }
  search::StopRecords records(std::move(subject));
  const std::vector<study::Trial> trials = study.trials();
  const stopping::StopHistory history =
      records.history(trials, std::numeric_limits<std::int64_t>::max());
  const std::vector<double> unknown(names.size(), std::numeric_limits<double>::quiet_NaN());
  stopping::StopTrial watched = records.begin(trial, unknown);
  watched.course.curve = curve_of_steps(study.steps(trial.number), rule.steps);
  // What a trial may be stopped for is settled with its first step.
  if (!watched.verdict) watched.verdict = stopping::enlist(rule.stop, history, trial.number);
  const stopping::StopVerdict verdict = stopping::judge(rule.stop, history, watched);
  return {verdict, stopping::explain(verdict, history, names)};
}

}  // namespace

std::map<std::string, std::string> settings_of(const StepRule& rule) {
  std::map<std::string, std::string> settings = stopping::settings_of(rule.stop);
  if (rule.steps > 0) settings[kSteps] = std::to_string(rule.steps);
  return settings;
}

StepRule step_rule_of(const std::map<std::string, std::string>& settings) {
  StepRule rule{stopping::stop_spec_of(settings)};
  const auto found = settings.find(kSteps);
  if (found == settings.end()) return rule;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rule.steps);
  if (error != std::errc() || end != text.data() + text.size() || rule.steps < 1) {
    throw DataError("a run was recorded with a count of steps that is none");
  }
  return rule;
}

StepRule step_rule_of(study::Study& study) {
  const std::vector<study::RunRecord> runs = study.runs();
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (run->settings.contains("stop")) return step_rule_of(run->settings);
  }
  return {};
}

std::string tell_step(study::Study& study, const study::Trial& trial, std::int64_t step,
                      std::vector<double> objectives) {
  const StepRule rule = step_rule_of(study);
  if (rule.steps == 0) {
    throw DataError(fmt::format(
        "trial {} has no steps: name their count as 'steps' of [study] in the file and give that "
        "to 'ask --space'",
        trial.number));
  }
  if (step < 1 || step > rule.steps) {
    throw DataError(fmt::format("'step' is {}; a trial has steps 1 to {}", step, rule.steps));
  }
  // Whoever did not get the answer asks again.
  if (trial.state == study::TrialState::stopped) return answer_line(trial, step, trial.reason);
  const std::vector<study::StepRecord> before = study.steps(trial.number);
  if (!before.empty() && step < before.back().step) {
    throw DataError(fmt::format("'step' is {}, but step {} of trial {} was told before", step,
                                before.back().step, trial.number));
  }
  for (double& value : objectives) {
    if (!(std::abs(value) <= space::kMostReal)) value = std::numeric_limits<double>::quiet_NaN();
  }
  const auto require_held = [&](bool held) {
    if (!held) {
      throw DataError(fmt::format("trial {} was told by another process just now", trial.number));
    }
  };
  require_held(study.add_step(trial.number, kAsked, {step, objectives}));
  if (rule.stop.method == stopping::StopMethod::off) return answer_line(trial, step, "");
  const auto [verdict, reason] = judge_steps(study, trial, rule);
  if (verdict.choice == stopping::StopChoice::go_on) {
    require_held(study.decide(trial.number, kAsked, verdict));
    return answer_line(trial, step, "");
  }
  const std::vector<double> unknown(objectives.size(), std::numeric_limits<double>::quiet_NaN());
  require_held(
      study.conclude(trial.number, kAsked, study::TrialState::stopped,
                     {unknown, {{kSteps, static_cast<double>(step)}}, reason, {}, verdict}));
  return answer_line(trial, step, reason);
}

}  // namespace paretiny::black_box

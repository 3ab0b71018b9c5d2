// What is told of a black box's trial before its end, and the answer: go on, or stop.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nas/stopping/stop_spec.h"
#include "nas/study/study.h"

namespace paretiny::black_box {

/// How a black box's trials are stopped: by what rule, and how many steps each has; 0 where partial
/// results are not told.
struct StepRule {
  stopping::StopSpec stop;
  std::int64_t steps = 0;
};

/// As a run records it, and back. Throws DataError for settings that no rule has.
std::map<std::string, std::string> settings_of(const StepRule& rule);
StepRule step_rule_of(const std::map<std::string, std::string>& settings);

/// The rule of the last run that has one.
StepRule step_rule_of(study::Study& study);

/// Records what a trial that is running or stopped has after `step` of its steps, and answers with
/// the line to print: {"trial": 3, "step": 5, "answer": "go on"}, or "stop" and the reason.
/// objectives: [header.objectives], NaN where not measured. Throws DataError where trials have no
/// steps, and for a step that none has or that lies before the last one told.
std::string tell_step(study::Study& study, const study::Trial& trial, std::int64_t step,
                      std::vector<double> objectives);

}  // namespace paretiny::black_box

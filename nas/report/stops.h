// What stopping trials early has saved, and how often it was wrong.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nas/stopping/stopping.h"
#include "nas/study/study.h"

namespace paretiny::report {

struct ReportData;

struct StopFigures {
  /// The rules of the runs, by time, each in words: "hypervolume (alpha 0.1, ...)". Empty where
  /// none was recorded.
  std::vector<std::string> rules;
  stopping::StopCount count;
  double epochs = 0;                ///< trained, of all trials that have a verdict
  double whole = 0;                 ///< what those would have had without the rule
  std::vector<std::size_t> open{};  ///< objectives that are not known before a trial ends
};

/// came: epochs, or steps of a black box, that each trial did.
StopFigures stop_figures(const study::StudyHeader& header, const std::vector<study::Trial>& trials,
                         const std::vector<study::RunRecord>& runs,
                         const std::map<std::int64_t, std::size_t>& came);

/// "12 of 60 trials were stopped early, after 41 % of all epochs. ..."; empty where no rule was on.
std::string stop_sentence(const StopFigures& figures, std::size_t trials);

/// A section of the page; empty where no trial has a verdict.
std::string stops_section(const ReportData& data);

}  // namespace paretiny::report

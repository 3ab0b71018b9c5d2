// How the trials came to their results, as a section of the page.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace paretiny::report {

struct ReportData;

/// Places for the workers' timeline, the learning curves, and what was predicted against what
/// became of it; empty before a trial has begun.
std::string training_section(const ReportData& data);

/// What the page's scripts draw there:
/// {"lanes": count, "length": seconds, "stretches": [[lane, trial, begin, end]...],
///  "breaks": [[at, drawn, seconds]...], "curves": {trial: [[step, value]...]},
///  "predictions": [[trial, predicted, deviation, bound, final]...]}; null where unknown.
nlohmann::json training_json(const ReportData& data);

}  // namespace paretiny::report

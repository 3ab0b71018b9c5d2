// One consistent reading of a study, with what is computed from it.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "nas/report/curves.h"
#include "nas/report/fit/importance.h"
#include "nas/report/fit/surrogate_fit.h"
#include "nas/report/stops.h"
#include "nas/report/timeline.h"
#include "nas/study/study.h"
#include "nas/summary/summary.h"

namespace paretiny::report {

struct ReportData {
  study::StudyHeader header;
  std::vector<study::Trial> trials;
  std::map<std::int64_t, std::vector<study::EpochRecord>>
      epochs;  ///< by trial; none for most that failed
  Curves curves;
  Timeline timeline;
  std::map<std::int64_t, std::size_t> came;  ///< epochs, or steps of a black box, by trial
  summary::StudySummary summary;
  std::vector<study::RunRecord> runs;
  StopFigures stops;
  std::vector<std::string> parameters;
  std::vector<Importance> importance;  ///< [objectives]
  std::vector<SurrogateFit> fits;
};

ReportData read_report_data(study::Study& study);

/// The content of study.json.
nlohmann::json study_json(const ReportData& data);

/// What the page's scripts draw from.
nlohmann::json page_json(const ReportData& data);

}  // namespace paretiny::report

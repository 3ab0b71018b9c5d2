// The report's page. Its text and tables are here, so that it can be read without scripts; its
// plots are drawn by the scripts below page/, from the data that the page carries.
#pragma once

#include <string>

#include "nas/report/report_data.h"

namespace paretiny::report {

/// The style sheet and the scripts below page/, compiled in (nas/CMakeLists.txt).
extern const char* const kReportStyle;
extern const char* const kReportScript;

/// The whole page, with everything it needs inside. Everything from the study is escaped.
std::string report_page(const ReportData& data);

}  // namespace paretiny::report

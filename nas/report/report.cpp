#include "nas/report/report.h"

#include "nas/report/csv.h"
#include "nas/report/page.h"
#include "nas/report/report_data.h"
#include "nas/report/whole_file.h"
#include "nas/study/study_json.h"

namespace paretiny {
void write_report(Study& study, const std::filesystem::path& folder) {
  const ReportData data = read_report_data(study);
  make_folder(folder);
  const std::vector<Objective>& objectives = data.header.objectives;
  write_whole(folder / "front.csv", front_csv(objectives, data.trials, data.summary.front));
  write_whole(folder / "trials.csv", trials_csv(objectives, data.trials));
  write_whole(folder / "study.json", dump(study_json(data)) + "\n");
  write_whole(folder / "report.html", report_page(data));
}

}  // namespace paretiny

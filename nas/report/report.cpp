#include "nas/report/report.h"

#include <system_error>

#include "nas/report/csv.h"
#include "nas/report/page.h"
#include "nas/report/report_data.h"
#include "nas/report/whole_file.h"
#include "nas/study/study_json.h"

namespace paretiny::report {

std::filesystem::path report_folder(const study::Location& store,
                                    const std::filesystem::path& wanted) {
  if (!wanted.empty()) return wanted;
  if (!store.is_file()) return std::filesystem::path("studies") / store.name();
  const std::string suffix = ".report";
  std::error_code unknown;
  std::filesystem::path file = std::filesystem::weakly_canonical(store.file(), unknown);
  if (unknown) file = std::filesystem::absolute(store.file());
  // A stem that looks like the other form is not shortened, so that no two names meet.
  const std::filesystem::path stem = file.stem();
  const bool plain = file.extension() == ".sqlite" && !stem.string().ends_with(suffix);
  return file.parent_path() / (plain ? stem : std::filesystem::path(file.filename()) += suffix);
}

void write_report(study::Study& study, const std::filesystem::path& folder) {
  const ReportData data = read_report_data(study);
  make_folder(folder);
  const std::vector<study::Objective>& objectives = data.header.objectives;
  write_whole(folder / "front.csv", front_csv(objectives, data.trials, data.summary.front));
  write_whole(folder / "trials.csv", trials_csv(objectives, data.trials));
  write_whole(folder / "study.json", study::dump(study_json(data)) + "\n");
  write_whole(folder / "report.html", report_page(data));
}

}  // namespace paretiny::report

#include "nas/report/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "kernels/error.h"
#include "nas/report/csv.h"
#include "nas/report/page.h"
#include "nas/report/report_data.h"
#include "nas/study/study_json.h"

namespace paretiny {
namespace {

/// Writes beside the file and renames, so that a reader finds the old text or the new.
void write_whole(const std::filesystem::path& path, const std::string& text) {
  // Two processes that end one study write its report at once.
  const std::filesystem::path draft = fmt::format("{}.{}.part", path.string(), getpid());
  std::error_code error;
  errno = 0;
  std::ofstream file(draft, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    error.assign(errno == 0 ? EIO : errno, std::generic_category());
  } else {
    std::filesystem::rename(draft, path, error);
  }
  if (!error) return;
  std::error_code ignored;
  std::filesystem::remove(draft, ignored);
  throw DataError(fmt::format("the report cannot write '{}': {}", path.string(), error.message()));
}

}  // namespace

void write_report(Study& study, const std::filesystem::path& folder) {
  const ReportData data = read_report_data(study);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw DataError(
        fmt::format("the folder '{}' cannot be made: {}", folder.string(), error.message()));
  }
  const std::vector<Objective>& objectives = data.header.objectives;
  write_whole(folder / "front.csv", front_csv(objectives, data.trials, data.summary.front));
  write_whole(folder / "trials.csv", trials_csv(objectives, data.trials));
  write_whole(folder / "study.json", dump(study_json(data)) + "\n");
  write_whole(folder / "report.html", report_page(data));
}

}  // namespace paretiny

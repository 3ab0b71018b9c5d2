// What a study found, for people and for programs.
#pragma once

#include <filesystem>

#include "nas/study/study.h"

namespace paretiny::report {

/// Where the report of the study at `store` goes: `wanted`, or where that is empty a folder beside
/// the store's own file, links followed, that no other store's report goes to. x.sqlite has x, any
/// other name y has y.report. One in a database has studies/NAME here.
std::filesystem::path report_folder(const study::Location& store,
                                    const std::filesystem::path& wanted);

/// Writes into `folder` (made if need be), each file whole or not at all:
///   report.html  one page that needs no network
///   front.csv    the Pareto front, by error
///   trials.csv   every trial
///   study.json   header, trials with their epochs, front and hypervolume
/// Throws DataError naming a file that cannot be written.
void write_report(study::Study& study, const std::filesystem::path& folder);

}  // namespace paretiny::report

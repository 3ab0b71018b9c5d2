// What a study found, for people and for programs.
#pragma once

#include <filesystem>

#include "nas/study/study.h"

namespace paretiny {

/// Writes into `folder` (made if need be), each file whole or not at all:
///   report.html  one page that needs no network
///   front.csv    the Pareto front, by error
///   trials.csv   every trial
///   study.json   header, trials with their epochs, front and hypervolume
/// Throws DataError naming a file that cannot be written.
void write_report(Study& study, const std::filesystem::path& folder);

}  // namespace paretiny

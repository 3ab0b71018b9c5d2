// What is drawn of a comparison.
#pragma once

#include <string>

#include "nas/reproduce/folder.h"

namespace paretiny::reproduce {

/// Reads the folder's studies and writes, each file whole or not at all:
///   report.html  one page that needs no network
///   curves.csv   hypervolume after each trial: mean, standard error, least and greatest of the
///                seeds, a row a sampler and trial
///   runs.csv     hypervolume after each trial of each run that the curves are of
///   curves.svg, fronts.svg   the pictures of the page
/// Returns the final table as text. Throws DataError naming a file that cannot be written,
/// StoreError for a study that cannot be read.
std::string write_comparison(const ComparisonFolder& folder);

}  // namespace paretiny::reproduce

// Stores as wholes: which studies they hold, and a study moved from one to another.
#pragma once

#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::study {

/// The names of the studies in a store, sorted: of a file the one that it holds.
std::vector<std::string> study_names(const Location& store);

/// Makes a study at `to` with all that the one at `from` held at one moment: trials with their
/// owners, leases and times, epochs, steps, models, checkpoints and runs; whole or not at all.
/// Throws StoreError where there is anything at `to`.
void copy_study(const Location& from, const Location& to);

}  // namespace paretiny::study

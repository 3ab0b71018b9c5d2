// Studies in a database of PostgreSQL, for several machines: what the rest of this folder may know
// of it. Where the program was built without libpq, all of it throws UsageError.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nas/study/study.h"

namespace paretiny::study {

/// As create_or_open_study, find_study and open_study.
std::unique_ptr<Study> create_postgres_study(const Location& location, const StudyHeader& header,
                                             const Patience& patience);
std::unique_ptr<Study> find_postgres_study(const Location& location, const Patience& patience);
std::unique_ptr<Study> open_postgres_study(const Location& location, const Patience& patience);

/// The names of the studies there, sorted; none in a database where no study was ever made.
std::vector<std::string> postgres_study_names(const Location& location);

/// Throws UsageError for a database without a name of a study, or with one that is none.
void check_names_a_study(const Location& location);

/// Makes a study of that name, which must not be there, with all that `from` holds; whole or not at
/// all.
void copy_to_postgres(const Location& location, Study& from);

}  // namespace paretiny::study

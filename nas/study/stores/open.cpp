// Which store a location means.
#include <fmt/core.h>

#include "base/error.h"
#include "nas/study/postgres/postgres.h"
#include "nas/study/sqlite/sqlite_study.h"
#include "nas/study/study.h"

namespace paretiny::study {
void check_names_a_study(const Location& location) {
  if (location.is_file()) return;
  if (location.name().empty()) {
    throw UsageError(fmt::format(
        "'{}' is a database of studies: say which, as in '{}' ('paretiny studies' lists them)",
        location.text(), Location::in(location.database(), "NAME").text()));
  }
  if (!is_study_name(location.name())) {
    throw UsageError(fmt::format("'{}' is no name that a study may have", location.name()));
  }
}

std::unique_ptr<Study> create_or_open_study(const Location& location, const StudyHeader& header,
                                            const Patience& patience) {
  check_names_a_study(location);
  if (location.is_file()) return SqliteStudy::create(location.file(), header);
  return create_postgres_study(location, header, patience);
}

std::unique_ptr<Study> find_study(const Location& location, const Patience& patience) {
  check_names_a_study(location);
  if (location.is_file()) return SqliteStudy::find(location.file());
  return find_postgres_study(location, patience);
}

std::unique_ptr<Study> open_study(const Location& location, const Patience& patience) {
  check_names_a_study(location);
  if (location.is_file()) return SqliteStudy::open(location.file());
  return open_postgres_study(location, patience);
}

}  // namespace paretiny::study

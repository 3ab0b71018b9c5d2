// What is there in the place of this folder's other files where libpq is not.
#include <fmt/core.h>

#include "base/error.h"
#include "nas/study/postgres/postgres.h"

namespace paretiny::study {
namespace {

[[noreturn]] void refuse(const Location& location) {
  throw UsageError(
      fmt::format("'{}' is in PostgreSQL, which this program was built without: install libpq-dev "
                  "and build it anew",
                  location.text()));
}

}  // namespace

std::unique_ptr<Study> create_postgres_study(const Location& location, const StudyHeader&,
                                             const Patience&) {
  refuse(location);
}

std::unique_ptr<Study> find_postgres_study(const Location& location, const Patience&) {
  refuse(location);
}

std::unique_ptr<Study> open_postgres_study(const Location& location, const Patience&) {
  refuse(location);
}

std::vector<std::string> postgres_study_names(const Location& location) {
  refuse(location);
}

void copy_to_postgres(const Location& location, Study&) {
  refuse(location);
}

}  // namespace paretiny::study

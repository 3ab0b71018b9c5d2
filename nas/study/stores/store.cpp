#include "nas/study/stores/store.h"

#include "nas/study/postgres/postgres.h"
#include "nas/study/sqlite/sqlite_study.h"

namespace paretiny::study {

std::vector<std::string> study_names(const Location& store) {
  if (store.is_file()) return {open_study(store)->header().name};
  return postgres_study_names(store);
}

void copy_study(const Location& from, const Location& to) {
  const std::unique_ptr<Study> study = open_study(from);
  check_names_a_study(to);
  if (to.is_file()) {
    copy_to_sqlite(to.file(), *study);
  } else {
    copy_to_postgres(to, *study);
  }
}

}  // namespace paretiny::study

#include "nas/study/damage.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/one_line.h"

namespace paretiny::study {

void throw_damaged(const Location& location, const std::string& how) {
  throw StoreError(fmt::format(
      "the study '{}' is damaged: {}; put a copy in its place, or begin another study in another "
      "file",
      location.text(), one_line(how)));
}

}  // namespace paretiny::study

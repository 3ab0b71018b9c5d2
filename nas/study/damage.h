// What is said of a study whose file holds what it should not.
#pragma once

#include <string>

#include "nas/study/location.h"

namespace paretiny::study {

/// Throws StoreError: the study at `location` is damaged, and `how` that shows, in one line.
[[noreturn]] void throw_damaged(const Location& location, const std::string& how);

}  // namespace paretiny::study

// What is odd about a data set that can be used all the same.
#pragma once

#include <string>
#include <vector>

#include "engine/data/dataset.h"

namespace paretiny::data {

/// "a", "a and b", "a, b and c"; beyond a handful "a, b, c, d, e and 7 more".
std::string listed(const std::vector<std::string>& names);

/// Adds a note a split in which classes have no samples.
void note_missing_classes(Dataset& set);

}  // namespace paretiny::data

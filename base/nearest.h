// Help for a misspelt name.
#pragma once

#include <string>
#include <vector>

namespace paretiny {

/// A sentence's end for an unknown `word`: "; did you mean 'epochs'?" when a name is close by edit
/// distance, else "; known: a, b, c".
std::string suggestion(const std::string& word, const std::vector<std::string>& names);

}  // namespace paretiny

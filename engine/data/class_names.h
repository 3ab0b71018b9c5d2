// Names for the classes of formats that carry none.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace paretiny {

/// The lines of `folder`/classes.txt, one name a class in the order of their labels, or `fallback`
/// when there is no such file. Throws DataError when the file has not fallback.size() names.
std::vector<std::string> class_names(const std::filesystem::path& folder,
                                     const std::vector<std::string>& fallback);

}  // namespace paretiny

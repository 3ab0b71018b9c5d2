// Names for the classes of formats that carry none.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace paretiny::data {

/// The lines of `folder`/classes.txt in UTF-8, one name a class in the order of their labels, or
/// `fallback` when there is no such file. Empty lines, blanks around a name and a byte-order mark
/// are no part of a name. Throws DataError when the file is not UTF-8 or has not fallback.size()
/// names.
std::vector<std::string> class_names(const std::filesystem::path& folder,
                                     const std::vector<std::string>& fallback);

}  // namespace paretiny::data

// Files that a reader finds as they were or as they are now, never half written.
#pragma once

#include <filesystem>
#include <string>

namespace paretiny::report {

/// Writes beside the file and renames. Throws DataError, leaving the old file, when it cannot.
void write_whole(const std::filesystem::path& path, const std::string& text);

/// Makes a folder and those above it. Throws DataError when it cannot.
void make_folder(const std::filesystem::path& folder);

}  // namespace paretiny::report

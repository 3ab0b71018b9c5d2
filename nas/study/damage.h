// What is said of a study whose file holds what it should not.
#pragma once

#include <filesystem>
#include <string>

namespace paretiny {

/// `text` with blanks for its control characters: files hold anything, a sentence is one line.
std::string one_line(std::string text);

/// Throws StoreError: the study at `path` is damaged, and `how` that shows.
[[noreturn]] void throw_damaged(const std::filesystem::path& path, const std::string& how);

}  // namespace paretiny

// What is said of a study whose file holds what it should not.
#pragma once

#include <filesystem>
#include <string>

namespace paretiny::study {

/// Throws StoreError: the study at `path` is damaged, and `how` that shows, in one line.
[[noreturn]] void throw_damaged(const std::filesystem::path& path, const std::string& how);

}  // namespace paretiny::study

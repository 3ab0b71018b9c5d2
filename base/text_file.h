#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace paretiny {

/// What a file holds, every byte to its end; pipes, devices and files of /proc too. Nothing where
/// there is no such file, where it is a folder, and where it cannot be read.
[[nodiscard]] std::optional<std::string> read_text(const std::filesystem::path& path);

}  // namespace paretiny

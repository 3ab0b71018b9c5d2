// TOML as people write it.
#pragma once

#include <toml++/toml.h>

#include <cstddef>
#include <filesystem>
#include <string>

namespace paretiny::experiment {

/// Parts of a key, as in `space.model.width`, beyond which it is none of ours. toml++ limits nested
/// values but not keys, whose tables it takes down by a call a level.
inline constexpr std::size_t kMostKeyParts = 16;

/// Throws UsageError, naming `source` and the line, for what is no TOML or has a key of too many
/// parts.
toml::table parse_toml(const std::string& text, const std::string& source);
/// The same of a file. Throws DataError where it cannot be read.
toml::table parse_toml_file(const std::filesystem::path& file);

/// Canonical text: equal tables, equal text.
std::string to_text(const toml::table& table);

}  // namespace paretiny::experiment

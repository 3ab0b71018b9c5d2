// Options that take whole numbers.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace paretiny::cli {

/// Of an option that takes whole numbers from `low` to `high`, written in decimal digits:
/// 0x10, 1.5, 1e3 and, where `low` is 0, -1 are refused, and 010 is ten.
CLI::Validator whole_number(std::int64_t low, std::int64_t high);

/// "key=text" for --set, of a key that takes whole numbers. Throws UsageError for other text.
std::string whole_setting(const std::string& key, const std::string& text);

}  // namespace paretiny::cli

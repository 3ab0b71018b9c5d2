#include "nas/cli/arguments/whole_number.h"

#include <fmt/core.h>

#include <charconv>

#include "base/error.h"

namespace paretiny::cli {
namespace {

/// A sign or none, and digits.
bool is_decimal(const std::string& text) {
  const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  return text.size() > sign && text.find_first_not_of("0123456789", sign) == std::string::npos;
}

}  // namespace

CLI::Validator whole_number(std::int64_t low, std::int64_t high) {
  const auto check = [=](std::string& text) -> std::string {
    std::int64_t value = 0;
    const char* last = text.data() + text.size();
    const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
    const bool fits = is_decimal(text) && std::from_chars(first, last, value).ec == std::errc();
    if (!fits || value < low || value > high) {
      return fmt::format("'{}' is no whole number from {} to {}", text, low, high);
    }
    text = std::to_string(value);
    return "";
  };
  return {check, fmt::format("INT in [{} - {}]", low, high)};
}

std::string whole_setting(const std::string& key, const std::string& text) {
  if (is_decimal(text)) return key + "=" + text;
  throw UsageError(
      fmt::format("{} must be a whole number in decimal digits; it is '{}'", key, text));
}

}  // namespace paretiny::cli

#include "nas/cli/arguments/seed_range.h"

#include <fmt/core.h>

#include <charconv>

#include "base/error.h"

namespace paretiny::cli {
namespace {

/// Beyond any comparison: more is a slip of the keyboard.
constexpr std::uint64_t kMostSeeds = 10000;

}  // namespace

std::pair<std::uint64_t, std::uint64_t> parse_seeds(const std::string& text) {
  const std::size_t dots = text.find("..");
  const auto number = [&](const std::string& part) {
    std::uint64_t value = 0;
    const char* last = part.data() + part.size();
    const auto [stop, error] = std::from_chars(part.data(), last, value);
    if (error != std::errc{} || stop != last || part.empty()) {
      throw UsageError("--seeds " + text + " is no range; write 1..5, or 7");
    }
    return value;
  };
  const std::uint64_t first = number(text.substr(0, dots));
  const std::uint64_t last = dots == std::string::npos ? first : number(text.substr(dots + 2));
  if (last < first || last - first >= kMostSeeds) {
    throw UsageError(fmt::format("--seeds {} must go up, and name at most {}", text, kMostSeeds));
  }
  return {first, last};
}

}  // namespace paretiny::cli

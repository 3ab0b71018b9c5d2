// Options that name seeds.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace paretiny::cli {

/// "3" as 3 to 3, "1..5" as 1 to 5. Throws UsageError for other text, for a range that goes down
/// and for one of more than 10,000.
std::pair<std::uint64_t, std::uint64_t> parse_seeds(const std::string& text);

}  // namespace paretiny::cli

#include "nas/report/format.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace paretiny {
namespace {

/// `value` with four digits and the largest of `units` that leaves 1 or more before the point.
std::string scaled(double value, double base, const std::array<const char*, 5>& units) {
  std::size_t power = 0;
  while (power + 1 < units.size() && std::abs(value) >= base) {
    value /= base;
    ++power;
  }
  const int decimals =
      value == std::floor(value) || std::abs(value) >= 1000 ? 0 : (std::abs(value) >= 100 ? 1 : 2);
  const std::string number = fmt::format("{:.{}f}", value, decimals);
  return *units[power] == '\0' ? number : fmt::format("{} {}", number, units[power]);
}

std::string percent(double fraction) {
  const std::string number = fmt::format("{:.2f}", 100 * fraction);
  return number.substr(0, number.find(".00")) + " %";
}

}  // namespace

std::string format_quantity(const Objective& objective, double value) {
  if (!std::isfinite(value)) return "–";
  if (objective.name == "error") return percent(value);
  if (objective.unit == "B") return scaled(value, 1000, {"B", "KB", "MB", "GB", "TB"});
  const std::string number = scaled(value, 1000, {"", "k", "M", "G", "T"});
  return objective.unit.empty() ? number : fmt::format("{} {}", number, objective.unit);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "–";
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string format_metric(std::string_view name, double value) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (!std::isfinite(value)) return "–";
  if (has("accuracy") || has("sparsity")) return percent(value);
  if (has("seconds")) return format_seconds(value);
  return format_quantity(
      {.name = {}, .unit = has("bytes") ? "B" : "", .limit = {}, .limit_text = {}}, value);
}

std::string escape_html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string shortest(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

}  // namespace paretiny

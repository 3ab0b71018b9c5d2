#include "nas/summary/format.h"

#include <fmt/core.h>

#include <array>
#include <cmath>

namespace paretiny::summary {
namespace {

/// `value` with up to four digits, and the prefix and unit that go with it.
std::string scaled(double value, const std::array<const char*, 5>& prefixes,
                   std::string_view unit) {
  if (std::abs(value) >= 1e15) {
    return format_fixed(value, 0) + (unit.empty() ? "" : " ") + std::string(unit);
  }
  std::size_t power = 0;
  while (power + 1 < prefixes.size() && std::abs(value) >= 1000) {
    value /= 1000;
    ++power;
  }
  if (power == 0 && value != 0 && std::abs(value) < 1) {
    return fmt::format("{:.4g}{}{}", value, unit.empty() ? "" : " ", unit);
  }
  const int decimals = value == std::floor(value) ? 0 : (std::abs(value) >= 100 ? 1 : 2);
  const std::string suffix = fmt::format("{}{}", prefixes[power], unit);
  return format_fixed(value, decimals) + (suffix.empty() ? "" : " ") + suffix;
}

std::string percent(double fraction) {
  const std::string number = format_fixed(100 * fraction, 2);
  return number.substr(0, number.find(".00")) + " %";
}

}  // namespace

std::string format_fixed(double value, int decimals) {
  return std::abs(value) < 1e15 ? fmt::format("{:.{}f}", value, decimals)
                                : fmt::format("{:.4g}", value);
}

std::string format_percent(double share) {
  return format_fixed(100 * share, 2) + " %";
}

std::string format_quantity(const study::Objective& objective, double value) {
  if (!std::isfinite(value)) return "–";
  if (objective.measure == study::Measure::share) return percent(value);
  return objective.unit == "B" ? format_bytes(value) : format_count(value, objective.unit);
}

std::string format_bytes(double bytes) {
  return scaled(bytes, {"", "K", "M", "G", "T"}, "B");
}

std::string format_count(double count, std::string_view unit) {
  return scaled(count, {"", "k", "M", "G", "T"}, unit);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "–";
  if (seconds < 1) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  if (seconds >= 1e15) return format_fixed(seconds / 3600, 0) + " h";
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string format_metric(std::string_view name, double value) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (!std::isfinite(value)) return "–";
  if (has("accuracy") || has("sparsity")) return percent(value);
  if (has("seconds")) return format_seconds(value);
  return has("bytes") ? format_bytes(value) : format_count(value);
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

}  // namespace paretiny::summary

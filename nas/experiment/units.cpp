#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "nas/experiment/experiment.h"

namespace paretiny::experiment {
namespace {

using Units = std::vector<std::pair<std::string, double>>;

double parse(const std::string& text, const Units& units, const char* example) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  std::string unit(stop, end);
  unit.erase(0, unit.find_first_not_of(' '));
  if (error == std::errc{} && std::isfinite(number) && number >= 0) {
    for (const auto& [name, factor] : units) {
      if (unit == name && std::isfinite(number * factor)) return number * factor;
    }
  }
  std::string known;
  for (const auto& [name, factor] : units) known += (known.empty() ? "" : ", ") + name;
  throw UsageError(
      fmt::format("'{}' is no number with a unit of {}; write \"{}\"", text, known, example));
}

}  // namespace

double parse_bytes(const std::string& text) {
  static const Units units = {
      {"B", 1}, {"KB", 1e3}, {"MB", 1e6}, {"KiB", 1024.0}, {"MiB", 1048576.0}};
  return parse(text, units, "256 KB");
}

double parse_flops(const std::string& text) {
  static const Units units = {{"FLOPs", 1}, {"kFLOPs", 1e3}, {"MFLOPs", 1e6}, {"GFLOPs", 1e9},
                              {"MACs", 2},  {"kMACs", 2e3},  {"MMACs", 2e6},  {"GMACs", 2e9}};
  return parse(text, units, "400 MFLOPs");
}

double parse_instructions(const std::string& text) {
  return parse(text, {{"k", 1e3}, {"M", 1e6}, {"G", 1e9}}, "20 M");
}

double parse_share(const std::string& text) {
  return parse(text, {{"%", 0.01}}, "80 %");
}

}  // namespace paretiny::experiment

#include "nas/search/limits.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "nas/summary/format.h"

namespace paretiny::search {
namespace {

/// `value` with two decimals (a whole number with none), or with as many more as tell it from
/// `limit`.
std::string apart_from(double limit, double value) {
  std::string text;
  for (int decimals = value == std::floor(value) ? 0 : 2; decimals <= 12; ++decimals) {
    text = summary::format_fixed(value, decimals);
    double shown = 0;
    std::from_chars(text.data(), text.data() + text.size(), shown);
    if ((shown < limit) == (value < limit) && shown != limit) break;
  }
  return text;
}

/// The sentence on a limit that is broken.
std::string sentence(const study::Objective& objective, double value) {
  const std::string& limit = objective.limit_text;
  double number = 0;
  const char* end = limit.data() + limit.size();
  const std::string unit(std::from_chars(limit.data(), end, number).ptr, end);
  // A black box's limit is a bare number, whatever the objective is called.
  if (unit.empty()) {
    return fmt::format("{} {} is {} the limit of {}", objective.name, value,
                       objective.maximize ? "below" : "above", *objective.limit);
  }
  const bool error = objective.measure == study::Measure::share;
  // How many of the limit's units the value is. The author of a limit on the error wrote accuracy.
  const double shown = error ? 100 * (1 - value) : value / *objective.limit * number;
  return fmt::format("{} {}{} is {} the limit of {}", error ? "accuracy" : objective.name,
                     apart_from(number, shown), unit, error ? "below" : "above", limit);
}

}  // namespace

std::vector<double> free_objectives(const experiment::Experiment& experiment,
                                    const deploy::Footprint& size) {
  std::vector<double> values = {std::numeric_limits<double>::quiet_NaN(),
                                static_cast<double>(size.rom()), static_cast<double>(size.ram()),
                                static_cast<double>(size.flops)};
  if (experiment.instructions) values.push_back(static_cast<double>(size.instructions));
  return values;
}

std::vector<std::string> broken_limits(const std::vector<study::Objective>& objectives,
                                       const std::vector<double>& values) {
  std::vector<std::string> broken;
  for (std::size_t i = 0; i < objectives.size(); ++i) {
    const study::Objective& objective = objectives[i];
    if (objective.limit &&
        minimised(objective, values[i]) > minimised(objective, *objective.limit)) {
      broken.push_back(sentence(objectives[i], values[i]));
    }
  }
  return broken;
}

std::string broken_limit(const std::vector<study::Objective>& objectives,
                         const std::vector<double>& values) {
  const std::vector<std::string> broken = broken_limits(objectives, values);
  return broken.empty() ? "" : broken.front();
}

}  // namespace paretiny::search

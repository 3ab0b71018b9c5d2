#include "nas/experiment/constraints.h"

#include <fmt/core.h>

#include <algorithm>

#include "nas/experiment/table_reader.h"
#include "nas/samplers/violation.h"

namespace paretiny::experiment {
namespace {

std::optional<double> read_bound(TableReader& table, const char* key) {
  if (table.find(key) == nullptr) return std::nullopt;
  return table.number(key, 0, -space::kMostReal, space::kMostReal);
}

}  // namespace

std::vector<study::Constraint> read_bounds(const toml::table& root,
                                           const std::vector<study::Objective>& objectives) {
  TableReader table(root, "constraints");
  std::vector<study::Constraint> constraints;
  for (const std::string& name : table.unread()) {
    if (std::any_of(objectives.begin(), objectives.end(),
                    [&](const study::Objective& objective) { return objective.name == name; })) {
      table.fail(name, "is an objective too; give that one a limit");
    }
    TableReader entry(table, name);
    study::Constraint constraint{name, "", read_bound(entry, "at_least"),
                                 read_bound(entry, "at_most")};
    constraint.unit = entry.text("unit", "");
    entry.finish();
    if (!constraint.at_least && !constraint.at_most) {
      table.fail(name, "bounds nothing: give it at_least, at_most or both");
    }
    if (constraint.at_least && constraint.at_most && *constraint.at_least > *constraint.at_most) {
      entry.fail("at_least", "is above at_most");
    }
    constraints.push_back(std::move(constraint));
  }
  return constraints;
}

std::size_t bounds_of(const std::vector<study::Constraint>& constraints) {
  std::size_t bounds = 0;
  for (const study::Constraint& constraint : constraints) {
    bounds += (constraint.at_least ? 1u : 0u) + (constraint.at_most ? 1u : 0u);
  }
  return bounds;
}

std::vector<double> misses(const std::vector<study::Constraint>& constraints,
                           const std::map<std::string, double>& metrics) {
  std::vector<double> all;
  for (const study::Constraint& constraint : constraints) {
    const auto found = metrics.find(constraint.name);
    if (found == metrics.end()) return {};
    const double value = found->second;
    const auto add = [&](double excess, double bound) {
      all.push_back(samplers::excess_share(excess, bound));
    };
    if (constraint.at_least) add(*constraint.at_least - value, *constraint.at_least);
    if (constraint.at_most) add(value - *constraint.at_most, *constraint.at_most);
  }
  return all;
}

std::string broken_bound(const std::vector<study::Constraint>& constraints,
                         const std::map<std::string, double>& metrics) {
  for (const study::Constraint& constraint : constraints) {
    const double value = metrics.at(constraint.name);
    if (constraint.at_least && value < *constraint.at_least) {
      return fmt::format("{} {} is below the least of {}", constraint.name, value,
                         *constraint.at_least);
    }
    if (constraint.at_most && value > *constraint.at_most) {
      return fmt::format("{} {} is above the most of {}", constraint.name, value,
                         *constraint.at_most);
    }
  }
  return "";
}

}  // namespace paretiny::experiment

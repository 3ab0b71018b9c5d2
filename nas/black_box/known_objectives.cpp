#include "nas/black_box/known_objectives.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/one_line.h"
#include "nas/study/study_json.h"

namespace paretiny::black_box {

using nlohmann::json;

KnownObjectives::KnownObjectives(std::string command,
                                 const std::vector<study::Objective>& objectives)
    : command_(std::move(command)), objectives_(objectives), program_(command_) {}

std::vector<double> KnownObjectives::operator()(const space::Values& values) {
  const std::string line = study::dump(study::values_to_json(values));
  const auto before = answers_.find(line);
  if (before != answers_.end()) return before->second;
  return answers_[line] = read(program_.answer(line));
}

std::vector<double> KnownObjectives::read(const std::string& answer) const {
  const auto wrong = [&](const std::string& what) {
    return ToolError(fmt::format("the command '{}' answered '{}'; {}", command_,
                                 one_line(answer.substr(0, 200)), what));
  };
  const json told = json::parse(answer, nullptr, false);
  if (!told.is_object()) throw wrong("it must answer with an object such as {\"size\": 12.5}");
  std::vector<double> values(objectives_.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t k = 0; k < objectives_.size(); ++k) {
    if (!objectives_[k].known) continue;
    const auto found = told.find(objectives_[k].name);
    if (found == told.end() || !(found->is_number() || found->is_null())) {
      throw wrong(
          fmt::format("'{}' must be a number, or null where it is not known", objectives_[k].name));
    }
    if (found->is_null()) continue;
    const double value = found->get<double>();
    if (!std::isfinite(value) || std::abs(value) > space::kMostReal) {
      throw wrong(fmt::format("'{}' must lie in +-1e300", objectives_[k].name));
    }
    values[k] = study::minimised(objectives_[k], value);
  }
  return values;
}

}  // namespace paretiny::black_box

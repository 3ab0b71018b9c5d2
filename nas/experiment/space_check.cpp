#include "nas/experiment/space_check.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"
#include "engine/models/model.h"

namespace paretiny::experiment {
namespace {

/// `values` with the first values that the conditions of their parameters, and of those, allow.
space::Values with_conditions(const space::Space& space, space::Values values) {
  for (bool grown = true; grown;) {
    grown = false;
    for (const space::Parameter& parameter : space.parameters()) {
      if (!values.contains(parameter.name)) continue;
      for (const space::Condition& condition : parameter.when) {
        grown = values.emplace(condition.parameter, condition.values.front()).second || grown;
      }
    }
  }
  return values;
}

/// Of `networks` those with which the parameter has a value: {""} where none is searched, or it is
/// the parameter itself.
std::vector<std::string> networks_of(const space::Parameter& parameter,
                                     const std::vector<std::string>& networks) {
  if (networks.empty() || parameter.name == "model.name") return {""};
  for (const space::Condition& condition : parameter.when) {
    if (condition.parameter != "model.name") continue;
    std::vector<std::string> some;
    for (const space::Value& value : condition.values) some.push_back(space::to_string(value));
    return some;
  }
  return networks;
}

}  // namespace

std::vector<std::string> searched_networks(const toml::table& root) {
  const std::vector<std::string> known = models::model_names();
  std::vector<std::string> networks;
  const toml::array* choices = root.at_path("space.model.name.choices").as_array();
  if (choices == nullptr) return networks;
  for (const toml::node& choice : *choices) {
    const std::string network = choice.value_or(std::string());
    if (std::count(known.begin(), known.end(), network) == 0) {
      throw UsageError("space.model.name: '" + network + "' is no network" +
                       suggestion(network, known));
    }
    networks.push_back(network);
  }
  return networks;
}

void check_space(const Experiment& experiment, const std::vector<std::string>& networks) {
  for (const space::Parameter& parameter : experiment.space.parameters()) {
    std::vector<space::Value> ends = parameter.choices;
    if (parameter.kind == space::ParameterKind::real) ends = {parameter.low, parameter.high};
    if (parameter.kind == space::ParameterKind::integer) {
      ends = {static_cast<std::int64_t>(parameter.low), static_cast<std::int64_t>(parameter.high)};
    }
    for (const std::string& network : networks_of(parameter, networks)) {
      for (const space::Value& end : ends) {
        space::Values values{{parameter.name, end}};
        if (!network.empty()) values.emplace("model.name", network);
        try {
          experiment.candidate(with_conditions(experiment.space, std::move(values)));
        } catch (const UsageError& error) {
          throw UsageError("space." + parameter.name + ": " + error.what());
        }
      }
    }
  }
}

}  // namespace paretiny::experiment

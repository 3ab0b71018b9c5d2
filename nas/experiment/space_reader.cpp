#include "nas/experiment/space_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"
#include "nas/experiment/table_reader.h"

namespace paretiny::experiment {
namespace {

/// A name, a finite number, or true and false; nothing for anything else.
std::optional<space::Value> choice_of(const toml::node& node) {
  if (const auto truth = node.value_exact<bool>()) return *truth;
  if (const auto whole = node.value_exact<std::int64_t>()) return *whole;
  if (const auto real = node.value_exact<double>()) {
    if (std::isfinite(*real)) return *real;
    return std::nullopt;
  }
  if (const std::optional<std::string> text = value_text(node)) return *text;
  return std::nullopt;
}

space::Value read_value(const TableReader& table, const char* key, const toml::node& node) {
  const std::optional<space::Value> value = choice_of(node);
  if (!value) table.fail(key, "must be names, finite numbers or true and false");
  return *value;
}

/// Names with dots may stand in quotes or not.
void read_conditions(const TableReader& table, const toml::table& from, const std::string& prefix,
                     std::vector<space::Condition>& conditions) {
  for (const auto& [key, node] : from) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      read_conditions(table, *inner, name + ".", conditions);
      continue;
    }
    space::Condition condition{name, {}};
    if (const toml::array* list = node.as_array()) {
      for (const toml::node& each : *list) {
        condition.values.push_back(read_value(table, "when", each));
      }
    } else {
      condition.values.push_back(read_value(table, "when", node));
    }
    conditions.push_back(std::move(condition));
  }
}

space::Parameter read_parameter(const toml::table& root, const std::string& name) {
  TableReader table(root, "space." + name);
  space::Parameter parameter;
  parameter.name = name;
  const toml::node* choices = table.find("choices");
  const toml::node* low = table.find("low");
  const toml::node* high = table.find("high");
  const std::vector<std::string> types = {"float", "int", "categorical"};
  const bool whole = low != nullptr && high != nullptr && low->is_integer() && high->is_integer();
  const std::string inferred = choices != nullptr ? "categorical" : whole ? "int" : "float";
  parameter.kind = static_cast<space::ParameterKind>(table.choice("type", types, inferred));
  if (parameter.kind == space::ParameterKind::categorical) {
    if (choices == nullptr || !choices->is_array()) {
      table.fail("choices", "must be a list, such as choices = [\"l1\", \"taylor\"]");
    }
    for (const toml::node& choice : *choices->as_array()) {
      parameter.choices.push_back(read_value(table, "choices", choice));
    }
  } else {
    if (low == nullptr || high == nullptr) table.fail("low", "and high are both needed");
    parameter.low = table.number("low", 0, -space::kMostReal, space::kMostReal);
    parameter.high = table.number("high", 0, -space::kMostReal, space::kMostReal);
    parameter.log = table.boolean("log", false);
    parameter.step = table.integer("step", 1, 1, INT64_MAX);
  }
  if (const toml::node* when = table.find("when")) {
    if (!when->is_table()) {
      table.fail("when", "must be a table, such as when = {\"model.name\" = \"resnet8\"}");
    }
    read_conditions(table, *when->as_table(), "", parameter.when);
  }
  table.finish();
  return parameter;
}

/// A table of [space] is a parameter if it has one of a parameter's keys that is no table itself.
bool is_parameter(const toml::table& table) {
  constexpr std::array keys = {"low", "high", "log", "step", "type", "choices"};
  return table.empty() || std::any_of(keys.begin(), keys.end(), [&](const char* key) {
           return table.contains(key) && !table.get(key)->is_table();
         });
}

void collect(const toml::table& root, const toml::table& table, const std::string& prefix,
             std::vector<space::Parameter>& parameters) {
  for (const auto& [key, node] : table) {
    const std::string part(key.str());
    const std::string name = prefix.empty() ? part : prefix + "." + part;
    if (part.find('.') != std::string::npos) {
      throw UsageError("space." + name + " must be written without quotes: [space." + name + "]");
    }
    const toml::table* inner = node.as_table();
    if (inner == nullptr) {
      throw UsageError("space." + name + " must be a table: [space." + name +
                       "] with low and high, or choices");
    }
    if (is_parameter(*inner)) {
      parameters.push_back(read_parameter(root, name));
    } else {
      collect(root, *inner, name, parameters);
    }
  }
}

/// Holds conditions on keys that are not searched against what the file says of them: those that
/// are met go, and parameters with one that is not go too, with all that depend on them.
void settle_conditions(const toml::table& root, std::vector<space::Parameter>& parameters) {
  std::set<std::string> searched, gone;
  for (const space::Parameter& parameter : parameters) searched.insert(parameter.name);
  const auto fixed = [&](const std::string& key) -> std::optional<space::Value> {
    const toml::node* node = searched.contains(key) ? nullptr : find_path(root, key);
    return node == nullptr ? std::nullopt : choice_of(*node);
  };
  const auto is_met = [&](const space::Condition& condition) {
    const std::optional<space::Value> value = fixed(condition.parameter);
    return value &&
           std::any_of(condition.values.begin(), condition.values.end(),
                       [&](const space::Value& each) { return space::same(each, *value); });
  };
  const auto is_broken = [&](const space::Condition& condition) {
    return gone.contains(condition.parameter) || (fixed(condition.parameter) && !is_met(condition));
  };
  for (std::size_t left = 0; left != parameters.size();) {
    left = parameters.size();
    std::erase_if(parameters, [&](const space::Parameter& parameter) {
      if (std::none_of(parameter.when.begin(), parameter.when.end(), is_broken)) return false;
      gone.insert(parameter.name);
      return true;
    });
  }
  for (space::Parameter& parameter : parameters) std::erase_if(parameter.when, is_met);
}

}  // namespace

space::Value parse_choice(const std::string& text) {
  const toml::table parsed = parse_value(text);
  return choice_of(*parsed.get("value")).value_or(text);
}

space::Space read_space(const toml::table& root) {
  const toml::node* node = find_path(root, "space");
  if (node == nullptr) return {};
  if (!node->is_table()) throw UsageError("space must be made of tables: [space.training.batch]");
  std::vector<space::Parameter> parameters;
  collect(root, *node->as_table(), "", parameters);
  settle_conditions(root, parameters);
  return parameters.empty() ? space::Space() : space::Space(parameters);
}

}  // namespace paretiny::experiment

#include "nas/search/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "engine/nearest.h"
#include "kernels/error.h"
#include "nas/samplers/sampler.h"
#include "nas/search/candidate_reader.h"
#include "nas/search/table_reader.h"

namespace paretiny {
namespace {

/// A choice as it stands in TOML: numbers keep their type.
std::string choice_text(const toml::node& node) {
  if (node.is_string()) return *node.value<std::string>();
  std::ostringstream text;
  node.visit([&](const auto& concrete) {
    if constexpr (toml::is_value<decltype(concrete)>) text << concrete;
  });
  return text.str();
}

std::string to_text(const toml::table& table) {
  std::ostringstream text;
  text << table;
  return text.str();
}

/// The file as its author wrote it, and what was set beside it.
std::string as_written(const std::filesystem::path& path,
                       const std::vector<std::string>& overrides) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  for (const std::string& pair : overrides) text << "# --set " << pair << "\n";
  return text.str();
}

Parameter read_parameter(const toml::table& root, const std::string& name) {
  TableReader table(root, "space." + name);
  Parameter parameter;
  parameter.name = name;
  const toml::node* choices = table.find("choices");
  const toml::node* low = table.find("low");
  const toml::node* high = table.find("high");
  const std::vector<std::string> types = {"float", "int", "categorical"};
  const bool whole = low != nullptr && high != nullptr && low->is_integer() && high->is_integer();
  const std::string inferred = choices != nullptr ? "categorical" : whole ? "int" : "float";
  parameter.kind = static_cast<ParameterKind>(table.choice("type", types, inferred));
  if (parameter.kind == ParameterKind::categorical) {
    if (choices == nullptr || !choices->is_array()) {
      table.fail("choices", "is missing; write choices = [\"l1\", \"taylor\"]");
    }
    for (const toml::node& choice : *choices->as_array()) {
      parameter.choices.push_back(choice_text(choice));
    }
  } else {
    if (low == nullptr || high == nullptr) table.fail("low", "and high are both needed");
    constexpr double kAny = 1e300;
    parameter.low = table.number("low", 0, -kAny, kAny);
    parameter.high = table.number("high", 0, -kAny, kAny);
    parameter.log = table.boolean("log", false);
  }
  table.finish();
  return parameter;
}

/// A table of [space] is a parameter if it has one of a parameter's keys that is no table itself.
bool is_parameter(const toml::table& table) {
  return std::any_of(table.begin(), table.end(),
                     [](const auto& item) { return !item.second.is_table(); }) ||
         table.empty();
}

void collect(const toml::table& root, const toml::table& table, const std::string& prefix,
             std::vector<Parameter>& parameters) {
  for (const auto& [key, node] : table) {
    const std::string name =
        prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
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

std::optional<Limit> read_limit(TableReader& table, const std::string& key,
                                double (*parse)(const std::string&)) {
  const toml::node* node = table.find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) {
    table.fail(key, "needs a unit, in quotes, such as \"256 KB\", \"400 MFLOPs\" or \"80 %\"");
  }
  const std::string text = *node->value<std::string>();
  try {
    return Limit{parse(text), text};
  } catch (const UsageError& error) {
    table.fail(key, std::string("has no valid limit: ") + error.what());
  }
}

Constraints read_constraints(const toml::table& root) {
  TableReader table(root, "constraints");
  Constraints constraints;
  constraints.error = read_limit(table, "accuracy", parse_share);
  if (constraints.error) constraints.error->value = 1 - constraints.error->value;
  constraints.rom = read_limit(table, "rom", parse_bytes);
  constraints.ram = read_limit(table, "ram", parse_bytes);
  constraints.flops = read_limit(table, "flops", parse_flops);
  table.finish();
  return constraints;
}

DatasetSpec read_dataset(const toml::table& root, const std::filesystem::path& folder) {
  TableReader table(root, "dataset");
  DatasetSpec spec;
  const std::vector<std::string> formats = dataset_formats();
  if (table.find("format") == nullptr) {
    table.fail("format", "is missing; it names the reader" + suggestion("", formats));
  }
  spec.format = formats[table.choice("format", formats, "")];
  const std::filesystem::path path = table.text("path", "");
  // A relative path is looked up from where the program runs, then from the experiment's folder.
  spec.path =
      path.empty() || std::filesystem::exists(path) ? path.string() : (folder / path).string();
  spec.validation = table.number("validation", spec.validation, 0, 0.9);
  spec.seed = static_cast<std::uint64_t>(table.integer("seed", 0, 0, INT64_MAX));
  spec.limit = table.integer("limit", 0, 0, INT64_MAX);
  for (const std::string& option : dataset_options(spec.format)) {
    const toml::node* node = table.find(option);
    if (node != nullptr) spec.options[option] = choice_text(*node);
  }
  table.finish();
  return spec;
}

/// Every key of the space must be one that a candidate has, and both ends of it must be valid.
void check_space(const Experiment& experiment) {
  for (const Parameter& parameter : experiment.space.parameters()) {
    std::vector<Value> ends(parameter.choices.begin(), parameter.choices.end());
    if (parameter.kind == ParameterKind::real) ends = {parameter.low, parameter.high};
    if (parameter.kind == ParameterKind::integer) {
      ends = {static_cast<std::int64_t>(parameter.low), static_cast<std::int64_t>(parameter.high)};
    }
    for (const Value& end : ends) {
      try {
        experiment.candidate({{parameter.name, end}});
      } catch (const UsageError& error) {
        throw UsageError("space." + parameter.name + ": " + error.what());
      }
    }
  }
}

}  // namespace

CandidateSpec Experiment::candidate(const Values& values) const {
  toml::table table = base;
  for (const auto& [key, value] : values) {
    if (const auto* choice = std::get_if<std::string>(&value)) {
      set_path(table, key, *parse_value(*choice).get("value"));
    } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      set_path(table, key, toml::value<std::int64_t>(*whole));
    } else {
      set_path(table, key, toml::value<double>(std::get<double>(value)));
    }
  }
  return read_candidate(table);
}

Experiment load_experiment(const std::filesystem::path& path,
                           const std::vector<std::string>& overrides) {
  toml::table root;
  if (!std::filesystem::is_regular_file(path)) {
    throw DataError("there is no experiment file '" + path.string() + "'");
  }
  try {
    root = toml::parse_file(path.string());
  } catch (const toml::parse_error& error) {
    throw DataError(fmt::format("{} line {}: {}", path.string(), error.source().begin.line,
                                error.description()));
  }
  for (const std::string& pair : overrides) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("--set " + pair + " is not of the form key=value");
    }
    const std::string key = pair.substr(0, equals);
    set_path(root, key, *parse_value(pair.substr(equals + 1)).get("value"));
    // What is set is no longer searched.
    const std::size_t dot = key.rfind('.');
    if (dot == std::string::npos) continue;
    if (toml::node* group = root.at_path("space." + key.substr(0, dot)).node()) {
      if (group->is_table() && !key.starts_with("space."))
        group->as_table()->erase(key.substr(dot + 1));
    }
  }

  Experiment experiment;
  TableReader top(root, "");
  for (const char* known : {"study", "sampler", "dataset", "constraints", "space"}) top.find(known);
  for (const std::string& known : candidate_tables()) top.find(known);
  top.finish();

  TableReader study(root, "study");
  experiment.name = study.text("name", path.stem().string());
  experiment.store = study.text("store", "studies/" + experiment.name + ".sqlite");
  experiment.trials = study.integer("trials", experiment.trials, 1, 1000000);
  experiment.initial = study.integer("initial", experiment.initial, 1, 1000000);
  experiment.seed = static_cast<std::uint64_t>(study.integer("seed", 0, 0, INT64_MAX));
  const std::vector<std::string> samplers = sampler_names();
  experiment.sampler = samplers[study.choice("sampler", samplers, experiment.sampler)];
  study.finish();
  TableReader sampler(root, "sampler");
  for (const std::string& option : sampler.unread()) {
    experiment.sampler_options[option] = sampler.number(option, 0, -1e9, 1e9);
  }

  experiment.dataset = read_dataset(root, path.parent_path());
  experiment.constraints = read_constraints(root);
  for (const std::string& part : candidate_tables()) {
    if (const toml::node* node = find_path(root, part)) set_path(experiment.base, part, *node);
  }
  experiment.candidate();
  if (const toml::node* node = find_path(root, "space")) {
    if (!node->is_table()) throw UsageError("space must be made of tables: [space.training.batch]");
    std::vector<Parameter> parameters;
    collect(root, *node->as_table(), "", parameters);
    if (!parameters.empty()) experiment.space = Space(parameters);
  }
  check_space(experiment);
  toml::table task = experiment.base;
  task.insert("initial", experiment.initial);
  for (const char* part : {"dataset", "sampler"}) {
    if (const toml::node* node = find_path(root, part)) set_path(task, part, *node);
  }
  // Where the files lie makes no difference.
  if (toml::node* node = task.at_path("dataset").node()) node->as_table()->erase("path");
  experiment.task = to_text(task);
  experiment.text = as_written(path, overrides);
  return experiment;
}

}  // namespace paretiny

#include "nas/experiment/experiment.h"

#include <fmt/core.h>

#include <sstream>

#include "base/error.h"
#include "base/nearest.h"
#include "base/text_file.h"
#include "nas/experiment/candidate_reader.h"
#include "nas/experiment/space_check.h"
#include "nas/experiment/space_reader.h"
#include "nas/experiment/stop_reader.h"
#include "nas/experiment/table_reader.h"
#include "nas/experiment/targets.h"
#include "nas/experiment/toml_text.h"
#include "nas/samplers/sampler.h"
#include "nas/study/study.h"

namespace paretiny::experiment {
namespace {

constexpr std::string_view kOverride = "# --set ";

/// The file as its author wrote it, and what was set beside it.
std::string as_written(std::string text, const std::vector<std::string>& overrides) {
  for (const std::string& pair : overrides) text += fmt::format("{}{}\n", kOverride, pair);
  return text;
}

/// The overrides that `text` ends with, as as_written puts them there; takes them away.
std::vector<std::string> take_overrides(std::string& text) {
  std::vector<std::string> overrides;
  while (text.ends_with('\n')) {
    const std::size_t before = text.rfind('\n', text.size() - 2);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    std::string line = text.substr(begin, text.size() - 1 - begin);
    if (!line.starts_with(kOverride)) break;
    overrides.insert(overrides.begin(), line.substr(kOverride.size()));
    text.erase(begin);
  }
  return overrides;
}

std::optional<Limit> read_limit(TableReader& table, const std::string& key,
                                double (*parse)(const std::string&)) {
  const toml::node* node = table.find(key);
  if (node == nullptr) return std::nullopt;
  if (!node->is_string()) {
    table.fail(key,
               "needs a unit, in quotes, such as \"256 KB\", \"400 MFLOPs\", \"20 M\" or \"80 %\"");
  }
  const std::string text = *node->value<std::string>();
  Limit limit{0, text};
  try {
    limit.value = parse(text);
  } catch (const UsageError& error) {
    table.fail(key, std::string("has no valid limit: ") + error.what());
  }
  if (limit.value <= 0) table.fail(key, "is " + text + ", which no network keeps");
  return limit;
}

Limits read_limits(const toml::table& root) {
  TableReader table(root, "constraints");
  Limits limits;
  limits.error = read_limit(table, "accuracy", parse_share);
  if (limits.error) {
    limits.error->value = 1 - limits.error->value;
    // Objectives are divided by their limits.
    if (limits.error->value <= 0) table.fail("accuracy", "must be below 100 %");
  }
  limits.rom = read_limit(table, "rom", parse_bytes);
  limits.ram = read_limit(table, "ram", parse_bytes);
  limits.flops = read_limit(table, "flops", parse_flops);
  limits.instructions = read_limit(table, "instructions", parse_instructions);
  table.finish();
  return limits;
}

/// A data set's own key as its reader takes it: a list becomes "7,8".
std::string option_text(const TableReader& table, const std::string& key, const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    const std::optional<std::string> text = value_text(node);
    if (!text) table.fail(key, "must be a value, not a table");
    return *text;
  }
  std::string text;
  for (const toml::node& each : *list) {
    const std::optional<std::string> part = value_text(each);
    if (!part) table.fail(key, "must be a list of values, such as [7, 8]");
    text += (text.empty() ? "" : ",") + *part;
  }
  return text;
}

data::DatasetSpec read_dataset(const toml::table& root, const std::filesystem::path& folder) {
  TableReader table(root, "dataset");
  data::DatasetSpec spec;
  const std::vector<std::string> formats = data::dataset_formats();
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
  for (const std::string& option : data::dataset_options(spec.format)) {
    const toml::node* node = table.find(option);
    if (node != nullptr) spec.options[option] = option_text(table, option, *node);
  }
  table.finish();
  return spec;
}

deploy::Target read_target(const TableReader& study, const char* key, const std::string& name) {
  try {
    return find_target(name);
  } catch (const UsageError& error) {
    study.fail(key, std::string("is wrong: ") + error.what());
  }
}

/// How many candidates are trained at a time, and what a suggestion waits for. A study may be gone
/// on with by another count of them.
void read_jobs(TableReader& study, Experiment& experiment) {
  const toml::node* jobs = study.find("jobs");
  if (jobs != nullptr && jobs->is_string()) {
    if (jobs->value<std::string>() != "auto") {
      study.fail("jobs",
                 fmt::format("must be a whole number from 1 to {}, or \"auto\"", kMostJobs));
    }
    experiment.jobs = 0;
  } else {
    experiment.jobs = static_cast<int>(study.integer("jobs", 1, 1, kMostJobs));
  }
  experiment.async = study.boolean("async", false);
  if (study.find("lag") == nullptr) return;
  experiment.lag = study.integer("lag", 1, 1, 4 * kMostJobs);
  if (experiment.async) study.fail("lag", "means nothing where study.async is true");
}

/// What is set is no longer searched: erases `key`, and the groups it leaves empty, from [space].
void erase_from_space(toml::table& root, const std::string& key) {
  std::string path = "space." + key;
  toml::table* group = nullptr;
  do {
    const std::size_t dot = path.rfind('.');
    group = root.at_path(path.substr(0, dot)).as_table();
    if (group == nullptr) return;
    group->erase(path.substr(dot + 1));
    path.resize(dot);
  } while (group->empty() && path != "space");
}

/// Of the file `path`, whose [study] text is still to be said.
Experiment read_experiment(toml::table root, const std::filesystem::path& path,
                           const std::vector<std::string>& overrides) {
  // Networks whose options the file may hold: also where one of them is set now.
  std::vector<std::string> passed_over = searched_networks(root);
  for (const std::string& pair : overrides) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("--set " + pair + " is not of the form key=value");
    }
    const std::string key = pair.substr(0, equals);
    set_path(root, key, *parse_value(pair.substr(equals + 1)).get("value"));
    if (!key.starts_with("space.")) erase_from_space(root, key);
  }

  Experiment experiment;
  TableReader top(root, "");
  for (const char* known : {"study", "sampler", "dataset", "constraints", "space"}) top.find(known);
  for (const std::string& known : candidate_tables()) top.find(known);
  top.finish();

  TableReader study(root, "study");
  experiment.name = study.text("name", path.stem().string());
  if (!study::is_study_name(experiment.name)) {
    study.fail("name", "must be a name without '/'; it names the report's folder");
  }
  experiment.store = study::Location::in(
      study.text("store", "studies/" + experiment.name + ".sqlite"), experiment.name);
  if (experiment.store.is_file() && experiment.store.file().filename().empty()) {
    study.fail("store", "must name a file, or a database");
  }
  experiment.trials = study.integer("trials", experiment.trials, 1, 1000000);
  experiment.initial = study.integer("initial", experiment.initial, 1, 1000000);
  experiment.seed = static_cast<std::uint64_t>(study.integer("seed", 0, 0, INT64_MAX));
  if (study.find("training_seed") != nullptr) {
    experiment.training_seed =
        static_cast<std::uint64_t>(study.integer("training_seed", 0, 0, INT64_MAX));
  }
  const std::vector<std::string> samplers = samplers::sampler_names();
  experiment.sampler_named = study.find("sampler") != nullptr;
  experiment.sampler = samplers[study.choice("sampler", samplers, samplers::kDefaultSampler)];
  read_jobs(study, experiment);
  experiment.instructions = study.boolean("instructions", false);
  experiment.core = read_target(study, "target", study.text("target", "cortex-m4")).core.kind;
  experiment.verify = study.text("verify", "");
  if (!experiment.verify.empty()) read_target(study, "verify", experiment.verify);
  experiment.stop = read_stop(study);
  experiment.checkpoint = study.number("checkpoint", experiment.checkpoint, 0, 1e6);
  study.finish();
  TableReader sampler(root, "sampler");
  for (const std::string& option : sampler.unread()) {
    experiment.sampler_options[option] = sampler.number(option, 0, -1e9, 1e9);
  }

  experiment.dataset = read_dataset(root, path.parent_path());
  experiment.limits = read_limits(root);
  // A limit is kept by an objective.
  experiment.instructions = experiment.instructions || experiment.limits.instructions;
  const std::vector<std::string> networks = searched_networks(root);
  // A file that searches its network may name none: what needs one value takes the first choice.
  if (!networks.empty() && find_path(root, "model.name") == nullptr) {
    set_path(root, "model.name", toml::value<std::string>(networks.front()));
  }
  for (const std::string& part : candidate_tables()) {
    if (const toml::node* node = find_path(root, part)) set_path(experiment.base, part, *node);
  }
  experiment.space = read_space(root);
  passed_over.insert(passed_over.end(), networks.begin(), networks.end());
  // Unlike `base`, a copy, `root` knows the lines of the file.
  read_candidate_tables(root, passed_over);
  check_space(experiment, networks);
  toml::table task = experiment.base;
  task.insert("initial", experiment.initial);
  if (experiment.training_seed) {
    task.insert("training_seed", static_cast<std::int64_t>(*experiment.training_seed));
  }
  if (experiment.core != deploy::CoreClass::dsp) {
    task.insert("instructions", experiment.core == deploy::CoreClass::v7m ? "ARMv7-M" : "ARMv6-M");
  }
  for (const char* part : {"dataset", "sampler"}) {
    if (const toml::node* node = find_path(root, part)) set_path(task, part, *node);
  }
  // Where the files lie makes no difference.
  if (toml::node* node = task.at_path("dataset").node()) node->as_table()->erase("path");
  experiment.task = to_text(task);
  return experiment;
}

}  // namespace

CandidateSpec Experiment::candidate(const space::Values& values) const {
  toml::table table = base;
  const auto put = [&](const std::string& key, const space::Value& value) {
    if (const auto* choice = std::get_if<std::string>(&value)) {
      set_path(table, key, *parse_value(*choice).get("value"));
    } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      set_path(table, key, toml::value<std::int64_t>(*whole));
    } else if (const auto* truth = std::get_if<bool>(&value)) {
      set_path(table, key, toml::value<bool>(*truth));
    } else {
      set_path(table, key, toml::value<double>(std::get<double>(value)));
    }
  };
  const auto network = values.find("model.name");
  if (network != values.end()) put(network->first, network->second);
  erase_others_options(table);  // of the file; what is searched must be the network's own
  for (const auto& [key, value] : values) put(key, value);
  return read_candidate(table);
}

Experiment load_experiment(const std::filesystem::path& path,
                           const std::vector<std::string>& overrides) {
  if (!std::filesystem::is_regular_file(path)) {
    throw DataError("there is no experiment file '" + path.string() + "'");
  }
  Experiment experiment = read_experiment(parse_toml_file(path), path, overrides);
  experiment.text = as_written(read_text(path).value_or(""), overrides);
  return experiment;
}

Experiment experiment_of_study(const std::string& text, const std::string& source,
                               const std::vector<std::string>& overrides) {
  std::string file = text;
  std::vector<std::string> all = take_overrides(file);
  all.insert(all.end(), overrides.begin(), overrides.end());
  Experiment experiment = read_experiment(parse_toml(file, source), source, all);
  experiment.text = as_written(file, all);
  return experiment;
}

}  // namespace paretiny::experiment

#include "nas/experiment/candidate_reader.h"

#include <algorithm>
#include <functional>

#include "base/nearest.h"
#include "nas/experiment/table_reader.h"

namespace paretiny::experiment {
namespace {

/// The enumerator whose name the key holds; enumerators run from 0 to `last`.
template <class Kind>
Kind read_kind(TableReader& table, const std::string& key, Kind otherwise, Kind last) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(last); ++i) names.push_back(name_of(static_cast<Kind>(i)));
  return static_cast<Kind>(table.choice(key, names, name_of(otherwise)));
}

models::ModelSpec read_model(const toml::table& root, const std::vector<std::string>& networks) {
  TableReader table(root, "model");
  models::ModelSpec spec;
  const std::vector<std::string> names = models::model_names();
  if (table.find("name") == nullptr) {
    table.fail("name", "is missing; it names the network" + suggestion("", names));
  }
  spec.name = names[table.choice("name", names, "")];
  spec.width = table.number("width", 1, 1e-3, 16);
  for (const models::ModelOption& option : models::model_options(spec.name)) {
    if (table.find(option.name) == nullptr) continue;
    spec.options[option.name] =
        static_cast<double>(table.integer(option.name, 0, static_cast<std::int64_t>(option.low),
                                          static_cast<std::int64_t>(option.high)));
  }
  for (const std::string& other : networks) {
    for (const models::ModelOption& option : models::model_options(other)) table.find(option.name);
  }
  table.finish();
  return spec;
}

train::TrainingSpec read_training(const toml::table& root) {
  TableReader table(root, "training");
  train::TrainingSpec spec;
  spec.epochs = table.integer("epochs", spec.epochs, 1, 100000);
  spec.batch = table.integer("batch", spec.batch, 1, 65536);
  spec.optimizer = read_kind(table, "optimizer", spec.optimizer, train::Optimizer::adamw);
  spec.learning_rate = table.number("learning_rate", spec.learning_rate, 0, 1000);
  spec.momentum = table.number("momentum", spec.momentum, 0, 0.9999);
  spec.weight_decay = table.number("weight_decay", spec.weight_decay, 0, 10);
  spec.decay_all = table.boolean("decay_all", spec.decay_all);
  spec.schedule = read_kind(table, "schedule", spec.schedule, train::Schedule::step);
  spec.warmup = table.number("warmup", spec.warmup, 0, 1000);
  spec.milestones = table.numbers("milestones", spec.milestones, 0, 1);
  if (!std::is_sorted(spec.milestones.begin(), spec.milestones.end(), std::less_equal<>())) {
    table.fail("milestones", "must rise, such as [0.5, 0.75]");
  }
  spec.step_factor = table.number("step_factor", spec.step_factor, 0, 1);
  spec.label_smoothing = table.number("label_smoothing", spec.label_smoothing, 0, 0.99);
  spec.crop = table.integer("crop", spec.crop, 0, 64);
  spec.flip = table.boolean("flip", spec.flip);
  spec.shift = table.integer("shift", spec.shift, 0, 65536);
  spec.noise = table.number("noise", spec.noise, 0, 100);
  spec.precision = read_kind(table, "precision", spec.precision, train::Precision::bf16);
  table.finish();
  return spec;
}

compress::PruningSpec read_pruning(const toml::table& root) {
  TableReader table(root, "pruning");
  compress::PruningSpec spec;
  spec.schedule = read_kind(table, "schedule", spec.schedule, compress::PruningSchedule::one_shot);
  spec.criterion =
      read_kind(table, "criterion", spec.criterion, compress::PruningCriterion::random);
  spec.sparsity = table.number("sparsity", spec.sparsity, 0, 0.99);
  spec.begin = table.number("begin", spec.begin, 0, 1);
  spec.end = table.number("end", spec.end, 0, 1);
  spec.every = table.integer("every", spec.every, 1, 100000);
  spec.multiple = table.integer("multiple", spec.multiple, 1, 64);
  if (table.find("sparsity_of") != nullptr) {
    TableReader by_prefix(table, "sparsity_of");
    for (const std::string& prefix : by_prefix.unread()) {
      spec.overrides.push_back({prefix, by_prefix.number(prefix, 0, 0, 0.99)});
    }
  }
  table.finish();
  // The other schedules have no end.
  if (spec.schedule == compress::PruningSchedule::agp && spec.end < spec.begin) {
    table.fail("end", "lies before pruning.begin");
  }
  return spec;
}

void read_quantization(const toml::table& root, CandidateSpec& candidate) {
  TableReader table(root, "quantization");
  compress::CalibrationSpec& spec = candidate.calibration;
  spec.samples = table.integer("samples", spec.samples, 1, 1000000);
  spec.method = read_kind(table, "range", spec.method, compress::RangeMethod::percentile);
  spec.percentile = table.number("percentile", spec.percentile, 50.1, 100);
  train::FineTuneSpec& tuning = candidate.fine_tune;
  tuning.epochs = table.integer("fine_tune", tuning.epochs, 0, 100000);
  tuning.learning_rate = table.number("fine_tune_rate", tuning.learning_rate, 0, 1);
  table.finish();
}

}  // namespace

const std::vector<std::string>& candidate_tables() {
  static const std::vector<std::string> names = {"model", "training", "pruning", "quantization"};
  return names;
}

CandidateSpec read_candidate_tables(const toml::table& root,
                                    const std::vector<std::string>& networks) {
  CandidateSpec spec{read_model(root, networks), read_training(root), read_pruning(root), {}};
  read_quantization(root, spec);
  return spec;
}

void erase_others_options(toml::table& root) {
  const std::vector<std::string> networks = models::model_names();
  const std::string name = root["model"]["name"].value_or(std::string());
  if (std::count(networks.begin(), networks.end(), name) == 0) return;  // its reader refuses it
  const std::vector<models::ModelOption> own = models::model_options(name);
  for (const std::string& network : networks) {
    for (const models::ModelOption& option : models::model_options(network)) {
      const auto is_it = [&](const models::ModelOption& each) { return each.name == option.name; };
      if (std::none_of(own.begin(), own.end(), is_it)) {
        root["model"].as_table()->erase(option.name);
      }
    }
  }
}

CandidateSpec read_candidate(const toml::table& root) {
  TableReader top(root, "");
  for (const std::string& name : candidate_tables()) top.find(name);
  top.finish();
  return read_candidate_tables(root);
}

}  // namespace paretiny::experiment

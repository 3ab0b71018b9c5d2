#include "nas/study/study_json.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "nas/pareto/pareto.h"

namespace paretiny::study {

using nlohmann::json;

namespace {

json or_null(const std::optional<double>& number) {
  return number ? json(*number) : json();
}

std::optional<double> number_or_none(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

StudyKind kind_from(const std::string& name) {
  for (const StudyKind kind : {StudyKind::search, StudyKind::black_box}) {
    if (name == to_string(kind)) return kind;
  }
  throw DataError("it is neither a search's nor a black box's");
}

}  // namespace

json to_json(const StudyHeader& header) {
  json objectives = json::array();
  for (const Objective& objective : header.objectives) {
    objectives.push_back({{"name", objective.name},
                          {"unit", objective.unit},
                          {"limit", or_null(objective.limit)},
                          {"limit_text", objective.limit_text}});
    if (objective.reference) objectives.back()["reference"] = *objective.reference;
    if (objective.maximize) objectives.back()["maximize"] = true;
    if (objective.known) objectives.back()["known"] = true;
  }
  json constraints = json::array();
  for (const Constraint& constraint : header.constraints) {
    constraints.push_back({{"name", constraint.name},
                           {"unit", constraint.unit},
                           {"at_least", or_null(constraint.at_least)},
                           {"at_most", or_null(constraint.at_most)}});
  }
  return {{"kind", to_string(header.kind)},
          {"name", header.name},
          {"space", header.space},
          {"objectives", objectives},
          {"constraints", constraints},
          {"task", header.task},
          {"data", header.data},
          {"seed", header.seed},
          {"sampler", header.sampler},
          {"version", header.version},
          {"experiment", header.experiment},
          {"commit", header.commit},
          {"device", header.device},
          {"created", header.created}};
}

StudyHeader header_from_json(const json& text) {
  StudyHeader header;
  header.kind = kind_from(text.at("kind").get<std::string>());
  for (const json& objective : text.at("objectives")) {
    header.objectives.push_back({objective.at("name"), objective.at("unit"),
                                 number_or_none(objective.at("limit")),
                                 objective.at("limit_text")});
    const auto reference = objective.find("reference");
    if (reference != objective.end()) {
      header.objectives.back().reference = reference->get<double>();
    }
    header.objectives.back().maximize = objective.value("maximize", false);
    header.objectives.back().known = objective.value("known", false);
    if (header.kind == StudyKind::search) {
      header.objectives.back().measure =
          header.objectives.back().name == "error" ? Measure::share : Measure::size;
    }
  }
  for (const json& constraint : text.at("constraints")) {
    header.constraints.push_back({constraint.at("name"), constraint.at("unit"),
                                  number_or_none(constraint.at("at_least")),
                                  number_or_none(constraint.at("at_most"))});
  }
  text.at("name").get_to(header.name);
  text.at("space").get_to(header.space);
  text.at("task").get_to(header.task);
  text.at("data").get_to(header.data);
  text.at("seed").get_to(header.seed);
  text.at("sampler").get_to(header.sampler);
  text.at("experiment").get_to(header.experiment);
  text.at("version").get_to(header.version);
  text.at("commit").get_to(header.commit);
  text.at("device").get_to(header.device);
  text.at("created").get_to(header.created);
  if (header.objectives.empty()) throw DataError("its header names no objective");
  if (!is_study_name(header.name)) throw DataError("its name is none that a study may have");
  return header;
}

json to_json(const Trial& trial) {
  json form = {{"number", trial.number},
               {"state", to_string(trial.state)},
               {"values", values_to_json(trial.values)},
               {"objectives", trial.objectives},
               {"metrics", trial.metrics},
               {"reason", trial.reason},
               {"architecture", fmt::format("{:016x}", trial.architecture)},
               {"seed", trial.seed},
               {"attempts", trial.attempts},
               {"owner", trial.owner},
               {"lease_until", trial.lease_until},
               {"started", trial.started},
               {"finished", trial.finished}};
  if (trial.verdict) form["verdict"] = to_json(*trial.verdict);
  return form;
}

json to_json(const stopping::StopVerdict& verdict) {
  return {{"choice", verdict.choice == stopping::StopChoice::stop ? "stop" : "go on"},
          {"reason", name_of(verdict.reason)},
          {"fraction", verdict.fraction},
          {"armed", verdict.armed},
          {"predicted", verdict.predicted},
          {"deviation", verdict.deviation},
          {"bound", verdict.bound},
          {"gain", verdict.gain}};
}

json to_json(const EpochRecord& record) {
  return {record.epoch, record.loss, record.accuracy, record.sparsity};
}

EpochRecord epoch_from_json(const json& form) {
  return {form.at(0).get<int>(), form.at(1).get<double>(), form.at(2).get<double>(),
          form.at(3).get<double>()};
}

stopping::StopVerdict verdict_from_json(const json& form, std::size_t objectives) {
  stopping::StopVerdict verdict;
  const auto choice = form.at("choice").get<std::string>();
  const auto reason = stopping::stop_reason(form.at("reason").get<std::string>());
  if ((choice != "stop" && choice != "go on") || !reason) {
    throw DataError("its verdict is none of a trial's");
  }
  verdict.choice = choice == "stop" ? stopping::StopChoice::stop : stopping::StopChoice::go_on;
  verdict.reason = *reason;
  form.at("fraction").get_to(verdict.fraction);
  form.at("armed").get_to(verdict.armed);
  verdict.gain = number_or_none(form.at("gain")).value_or(verdict.gain);
  const auto read = [&](const char* name, double unknown) {
    std::vector<double> numbers;
    for (const json& number : form.at(name)) {
      numbers.push_back(number_or_none(number).value_or(unknown));
    }
    if (!numbers.empty() && numbers.size() != objectives) {
      throw DataError(fmt::format("its verdict has {} numbers '{}'; the study has {} objectives",
                                  numbers.size(), name, objectives));
    }
    return numbers;
  };
  constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();
  verdict.predicted = read("predicted", kNoNumber);
  verdict.deviation = read("deviation", kNoNumber);
  verdict.bound = read("bound", -std::numeric_limits<double>::infinity());
  const bool predicted = !verdict.predicted.empty();
  if (!pareto::all_finite(verdict.predicted) || !pareto::all_finite(verdict.deviation) ||
      verdict.deviation.empty() == predicted || verdict.bound.empty() == predicted ||
      std::ranges::any_of(verdict.deviation, [](double d) { return d < 0; }) ||
      !(verdict.fraction >= 0 && verdict.fraction <= 1)) {
    throw DataError("its verdict has numbers that none has");
  }
  return verdict;
}

json values_to_json(const space::Values& values) {
  json result = json::object();
  for (const auto& [name, value] : values) {
    std::visit([&, &key = name](const auto& held) { result[key] = held; }, value);
  }
  return result;
}

space::Values values_from_json(const json& text) {
  space::Values values;
  for (const auto& [name, value] : text.items()) {
    if (value.is_string()) {
      values[name] = value.get<std::string>();
    } else if (value.is_boolean()) {
      values[name] = value.get<bool>();
    } else if (value.is_number_integer()) {
      values[name] = value.get<std::int64_t>();
    } else if (value.is_number_float()) {
      values[name] = value.get<double>();
    } else {
      throw DataError(fmt::format("parameter '{}' is neither a number nor a name", name));
    }
  }
  return values;
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace paretiny::study

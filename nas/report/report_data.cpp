#include "nas/report/report_data.h"

#include <fmt/core.h>

#include <sstream>

#include "nas/report/training.h"
#include "nas/study/study_json.h"
#include "nas/summary/scales.h"

namespace paretiny::report {

using nlohmann::json;

namespace {

json numbers_of(const ReportData& data, const std::vector<std::size_t>& indices) {
  json numbers = json::array();
  for (const std::size_t index : indices) numbers.push_back(data.trials[index].number);
  return numbers;
}

/// Whether the space spreads a parameter by its logarithm (see Space::describe).
bool is_logarithmic(const std::string& space, const std::string& parameter) {
  std::istringstream lines(space);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(fmt::format("\"{}\" ", parameter)) && line.ends_with(" log")) return true;
  }
  return false;
}

}  // namespace

ReportData read_report_data(study::Study& study) {
  ReportData data;
  data.header = study.header();
  data.trials = study.trials();
  for (const study::Trial& trial : data.trials) {
    std::vector<study::EpochRecord> records = study.epochs(trial.number);
    std::vector<CurvePoint> curve = curve_of(
        records, records.empty() ? study.steps(trial.number) : std::vector<study::StepRecord>{});
    for (CurvePoint& point : curve) point.value = minimised(data.header.objectives[0], point.value);
    if (!curve.empty()) {
      data.came[trial.number] = curve.size();
      data.curves[trial.number] = std::move(curve);
    }
    if (!records.empty()) data.epochs[trial.number] = std::move(records);
  }
  data.timeline = timeline_of(data.trials);
  data.runs = study.runs();
  data.stops = stop_figures(data.header, data.trials, data.runs, data.came);
  data.summary = summary::summarise(data.header.objectives, data.trials);
  data.parameters = parameter_names(data.trials);
  data.importance =
      parameter_importance(data.header.objectives.size(), data.parameters, data.trials);
  data.fits = surrogate_fits(data.header, data.trials);
  return data;
}

json study_json(const ReportData& data) {
  json trials = json::array();
  for (const study::Trial& trial : data.trials) {
    json entry = to_json(trial);
    entry["epochs"] = json::array();
    const auto found = data.epochs.find(trial.number);
    if (found != data.epochs.end()) {
      for (const study::EpochRecord& record : found->second) {
        entry["epochs"].push_back({{"epoch", record.epoch},
                                   {"loss", record.loss},
                                   {"accuracy", record.accuracy},
                                   {"sparsity", record.sparsity}});
      }
    }
    trials.push_back(std::move(entry));
  }
  json runs = json::array();
  for (const study::RunRecord& run : data.runs) {
    runs.push_back({{"started", run.started}, {"settings", run.settings}});
  }
  json importance = json::object();
  for (std::size_t m = 0; m < data.importance.size(); ++m) {
    json shares = json::object();
    for (std::size_t p = 0; p < data.parameters.size(); ++p) {
      shares[data.parameters[p]] = data.importance[m].shares[p];
    }
    importance[data.header.objectives[m].name] = {{"trials", data.importance[m].trials},
                                                  {"leave_one_out_r2", data.importance[m].fit},
                                                  {"shares", shares}};
  }
  json surrogates = json::array();
  for (const SurrogateFit& fit : data.fits) {
    json lengthscales = json::object();
    for (const auto& [parameter, length] : fit.lengthscales) lengthscales[parameter] = length;
    surrogates.push_back({{"name", fit.name},
                          {"leave_one_out_r2", fit.r2},
                          {"measured", fit.measured},
                          {"predicted", fit.predicted},
                          {"lengthscales", lengthscales}});
  }
  return {{"study", to_json(data.header)},
          {"trials", trials},
          {"front", numbers_of(data, data.summary.front)},
          {"hypervolume", data.summary.hypervolume},
          {"hypervolume_origins", data.summary.origins},
          {"hypervolume_scales", data.summary.scales},
          {"importance", importance},
          {"surrogates", surrogates},
          {"runs", runs},
          {"stops",
           {{"stopped", data.stops.count.stopped},
            {"ran_on", data.stops.count.ran_on},
            {"below_bound", data.stops.count.broken},
            {"wrong", data.stops.count.wrong},
            {"epochs", data.stops.epochs},
            {"epochs_without", data.stops.whole}}}};
}

json page_json(const ReportData& data) {
  json objectives = json::array();
  for (const study::Objective& objective : data.header.objectives) {
    objectives.push_back(
        {{"name", objective.name},
         {"unit", objective.unit},
         {"share", objective.measure == study::Measure::share},
         {"maximize", objective.maximize},
         {"limit", objective.limit ? json(minimised(objective, *objective.limit)) : json()}});
  }
  json parameters = json::array();
  for (const std::string& name : data.parameters) {
    parameters.push_back({{"name", name}, {"log", is_logarithmic(data.header.space, name)}});
  }
  json trials = json::array();
  for (const study::Trial& trial : data.trials) {
    trials.push_back({{"number", trial.number},
                      {"state", to_string(trial.state)},
                      {"feasible", summary::is_feasible(data.header.objectives, trial)},
                      {"values", study::values_to_json(trial.values)},
                      {"objectives", minimised(data.header.objectives, trial.objectives)},
                      {"metrics", trial.metrics},
                      {"reason", trial.reason}});
  }
  return {{"objectives", objectives},
          {"parameters", parameters},
          {"trials", trials},
          {"front", numbers_of(data, data.summary.front)},
          {"hypervolume", data.summary.hypervolume},
          {"training", training_json(data)}};
}

}  // namespace paretiny::report

#include "nas/report/training.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "nas/report/report_data.h"
#include "nas/report/section.h"
#include "nas/summary/format.h"

namespace paretiny::report {

using nlohmann::json;

namespace {

/// Points of all curves on the page together: some 400 KB of text.
constexpr std::size_t kMostPoints = 20000;

/// Four digits, enough to draw; null where not finite.
json drawn(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.4g}", value));
}

/// [trial, predicted, deviation, bound, final] of the first objective, of trials that have ended.
json predictions_of(const std::vector<study::Trial>& trials) {
  json predictions = json::array();
  for (const study::Trial& trial : trials) {
    if (!trial.verdict || trial.verdict->predicted.empty() || trial.objectives.empty()) continue;
    const auto first = [](const std::vector<double>& values) {
      return drawn(values.empty() ? std::nan("") : values[0]);
    };
    const bool whole = trial.state == study::TrialState::done;
    predictions.push_back({trial.number, first(trial.verdict->predicted),
                           first(trial.verdict->deviation), first(trial.verdict->bound),
                           whole ? drawn(trial.objectives[0]) : json()});
  }
  return predictions;
}

void add_chart(std::string& out, const char* part, const std::string& title,
               const std::string& note) {
  out += fmt::format(
      "<div><h3>{}</h3>\n<p class=\"note\">{}</p>\n<div class=\"chart {}\"></div></div>\n", title,
      note, part);
}

std::string workers_note(const Timeline& timeline) {
  std::string note =
      fmt::format("A row is a worker, a bar the last attempt at a trial; at most {} {} at once.",
                  timeline.lanes, timeline.lanes == 1 ? "was worked on" : "were worked on");
  if (std::isfinite(timeline.busy)) {
    note += fmt::format(
        " Workers were busy {:.0f} % of the time from their first start to their "
        "last end.",
        100 * timeline.busy);
  }
  if (!timeline.breaks.empty()) note += " Times in which nobody worked are cut short (⫽).";
  return note;
}

}  // namespace

std::string training_section(const ReportData& data) {
  const Timeline& timeline = data.timeline;
  if (timeline.stretches.empty()) return "";
  const bool search = data.header.kind == study::StudyKind::search;
  const std::string measured = search ? "Error on the validation split"
                                      : summary::escape_html(data.header.objectives[0].name);
  std::string out = section_head("training", search ? "Training" : "Measuring",
                                 "Who worked on what, and what was seen on the way.");
  add_chart(out, "workers", "Workers", workers_note(timeline));
  if (!data.curves.empty()) {
    out += "<div class=\"halves\">\n";
    add_chart(out, "curves", fmt::format("{} by {}", measured, search ? "epoch" : "step"),
              "A line is a trial; those stopped early end in a cross. Int8 errors of the front are "
              "in its table.");
    if (data.stops.count.stopped > 0 || !predictions_of(data.trials).empty()) {
      add_chart(out, "predictions", "Predicted and final",
                "What was predicted at the last point where a trial was judged, with its standard "
                "deviation, against what it ended with. Stopped trials have no end: their "
                "predictions are ticks below.");
    }
    out += "</div>\n";
  }
  return out + "</section>\n";
}

json training_json(const ReportData& data) {
  const Timeline& timeline = data.timeline;
  json stretches = json::array();
  for (const Stretch& it : timeline.stretches) {
    stretches.push_back(
        {it.lane, it.trial, std::round(1000 * it.begin) / 1000, std::round(1000 * it.end) / 1000});
  }
  json breaks = json::array();
  for (const Break& it : timeline.breaks) breaks.push_back({it.at, it.drawn, it.seconds});
  json curves = json::object();
  for (const auto& [trial, curve] : thinned(data.curves, kMostPoints)) {
    json& points = curves[std::to_string(trial)] = json::array();
    for (const CurvePoint& point : curve) points.push_back({point.step, drawn(point.value)});
  }
  return {{"lanes", timeline.lanes},           {"length", timeline.length},
          {"stretches", std::move(stretches)}, {"breaks", std::move(breaks)},
          {"curves", std::move(curves)},       {"predictions", predictions_of(data.trials)}};
}

}  // namespace paretiny::report

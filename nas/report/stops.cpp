#include "nas/report/stops.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "nas/report/report_data.h"
#include "nas/report/section.h"
#include "nas/stopping/settings.h"
#include "nas/summary/format.h"
#include "nas/summary/scales.h"

namespace paretiny::report {
namespace {

std::string rule_in_words(const std::map<std::string, std::string>& settings) {
  std::string text, constants;
  for (const auto& [key, value] : settings) {
    if (key == "stop") text = value;
    if (!key.starts_with("stop_")) continue;
    constants += fmt::format("{}{} {}", constants.empty() ? "" : ", ", key.substr(5), value);
  }
  return constants.empty() ? text : fmt::format("{} ({})", text, constants);
}

/// The rule of the last run, or none's where it cannot be read.
stopping::StopSpec last_rule(const std::vector<study::RunRecord>& runs) {
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (!run->settings.contains("stop")) continue;
    try {
      return stopping::stop_spec_of(run->settings);
    } catch (const DataError&) {
      break;
    }
  }
  return {};
}

stopping::StopHistory as_history(const study::StudyHeader& header,
                                 const std::vector<study::Trial>& trials,
                                 const std::vector<std::size_t>& open) {
  stopping::StopHistory history;
  history.seed = header.seed;
  for (const std::size_t k : open) history.open.push_back({k});
  history.reference = summary::objective_reference(header.objectives, trials);
  for (const study::Trial& trial : trials) {
    stopping::StopTrial seen{{trial.number, {}, {}}, trial.objectives, trial.verdict};
    seen.finished = trial.state == study::TrialState::done ||
                    trial.state == study::TrialState::infeasible ||
                    trial.state == study::TrialState::failed;
    seen.feasible = summary::is_feasible(header.objectives, trial);
    history.trials.push_back(std::move(seen));
  }
  return history;
}

std::string percent_of(double part, double whole) {
  return whole > 0 ? fmt::format("{:.0f} %", 100 * part / whole) : "–";
}

}  // namespace

StopFigures stop_figures(const study::StudyHeader& header, const std::vector<study::Trial>& trials,
                         const std::vector<study::RunRecord>& runs,
                         const std::map<std::int64_t, std::size_t>& came) {
  StopFigures figures;
  for (const study::RunRecord& run : runs) {
    const std::string rule = rule_in_words(run.settings);
    if (!rule.empty() && (figures.rules.empty() || figures.rules.back() != rule)) {
      figures.rules.push_back(rule);
    }
  }
  // A search knows all but its error before it trains.
  const std::size_t open = header.kind == study::StudyKind::search ? 1 : header.objectives.size();
  for (std::size_t k = 0; k < open; ++k) figures.open.push_back(k);
  figures.count = stopping::count_stops(last_rule(runs), as_history(header, trials, figures.open));
  for (const study::Trial& trial : trials) {
    const auto found = came.find(trial.number);
    if (!trial.verdict || found == came.end()) continue;
    const auto epochs = static_cast<double>(found->second);
    const bool part = trial.state == study::TrialState::stopped && trial.verdict->fraction > 0;
    figures.epochs += epochs;
    figures.whole += part ? epochs / trial.verdict->fraction : epochs;
  }
  return figures;
}

std::string stop_sentence(const StopFigures& figures, std::size_t trials) {
  const stopping::StopCount& count = figures.count;
  const bool on =
      std::ranges::any_of(figures.rules, [](const auto& rule) { return rule != "off"; });
  if (!on && count.stopped == 0) return "";
  std::string text = fmt::format("{} of {} trials {} stopped early; {} of the epochs were trained",
                                 count.stopped, trials, count.stopped == 1 ? "was" : "were",
                                 percent_of(figures.epochs, figures.whole));
  if (count.ran_on == 0) return text + ", and none ran on to show whether stops are right.";
  return text + fmt::format(
                    "; of {} that ran on to show how often stops are wrong, {} would have "
                    "been stopped wrongly.",
                    count.ran_on, count.wrong);
}

std::string stops_section(const ReportData& data) {
  const bool any = std::ranges::any_of(
      data.trials, [](const study::Trial& trial) { return bool(trial.verdict); });
  if (!any) return "";
  std::string rules;
  for (const std::string& rule : data.stops.rules) {
    rules += fmt::format("{}{}", rules.empty() ? "" : ", then ", summary::escape_html(rule));
  }
  std::string out = section_head(
      "stops", "Trials stopped early",
      fmt::format("{} Rule: {}. How far each trial came, what was predicted of it there with its "
                  "standard deviation, how good it could still become at best, and how it ended.",
                  summary::escape_html(stop_sentence(data.stops, data.trials.size())),
                  rules.empty() ? "off" : rules));
  out +=
      "<div class=\"scroll\"><table class=\"rows\">\n<thead><tr><th>trial</th><th>state</th>"
      "<th>epochs</th><th>decided at</th><th>verdict</th>";
  for (const std::size_t k : data.stops.open) {
    const std::string name = summary::escape_html(data.header.objectives[k].name);
    out += fmt::format("<th>{0} predicted</th><th>{0} at best</th><th>{0} in the end</th>", name);
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const study::Trial& trial : data.trials) {
    if (!trial.verdict) continue;
    const stopping::StopVerdict& verdict = *trial.verdict;
    const auto came = data.came.find(trial.number);
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>", trial.number,
                       to_string(trial.state),
                       came == data.came.end() ? "–" : std::to_string(came->second),
                       verdict.fraction > 0 ? fmt::format("{:.0f} %", 100 * verdict.fraction) : "–",
                       name_of(verdict.reason));
    for (const std::size_t k : data.stops.open) {
      const auto cell = [&](const std::vector<double>& values) {
        return k < values.size() && std::isfinite(values[k]) ? fmt::format("{:.4g}", values[k])
                                                             : std::string("–");
      };
      std::string predicted = cell(verdict.predicted);
      if (!verdict.deviation.empty()) predicted += fmt::format(" ± {:.2g}", verdict.deviation[k]);
      out += fmt::format("<td>{}</td><td>{}</td><td>{}</td>", predicted, cell(verdict.bound),
                         cell(trial.objectives));
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n</section>\n";
}

}  // namespace paretiny::report

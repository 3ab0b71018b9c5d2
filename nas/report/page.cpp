#include "nas/report/page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <set>

#include "nas/report/section.h"
#include "nas/report/training.h"
#include "nas/study/study_json.h"
#include "nas/summary/format.h"
#include "nas/summary/scales.h"

namespace paretiny::report {

using summary::escape_html;

namespace {

template <class... Args>
void print(std::string& out, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
}

std::string whole_percent(double fraction) {
  return fmt::format("{:.0f} %", 100 * fraction);
}

std::string limits_text(const study::StudyHeader& header) {
  std::string text;
  const auto add = [&](const std::string& name, const char* relation, const std::string& bound) {
    print(text, "{}<span class=\"whole\">{} {} {}</span>", text.empty() ? "" : ", ",
          escape_html(name), relation, escape_html(bound));
  };
  for (const study::Objective& objective : header.objectives) {
    if (objective.limit)
      add(objective.name, objective.maximize ? "≥" : "≤",
          summary::format_quantity(objective, *objective.limit));
  }
  for (const study::Constraint& constraint : header.constraints) {
    const auto bound = [&](double value) { return summary::format_count(value, constraint.unit); };
    if (constraint.at_least) add(constraint.name, "≥", bound(*constraint.at_least));
    if (constraint.at_most) add(constraint.name, "≤", bound(*constraint.at_most));
  }
  return text.empty() ? "no limits" : text;
}

void add_tile(std::string& out, const std::string& label, const std::string& figure,
              const std::string& detail) {
  print(
      out,
      "<div class=\"tile\"><h3>{}</h3><p class=\"figure\">{}</p><p class=\"detail\">{}</p></div>\n",
      label, figure, detail);
}

/// The best accuracy; of a black box, the least of the first objective.
void add_best(std::string& out, const ReportData& data) {
  const summary::StudySummary& summary = data.summary;
  const std::vector<study::Objective>& objectives = data.header.objectives;
  const bool accuracy = objectives[0].measure == study::Measure::share;
  const std::string label = accuracy ? "Best accuracy inside the limits"
                                     : fmt::format("{} {} inside the limits",
                                                   objectives[0].maximize ? "Largest" : "Least",
                                                   escape_html(objectives[0].name));
  if (summary.front.empty()) {
    add_tile(out, label, "–", "no trial is inside the limits yet");
    return;
  }
  const study::Trial& best = data.trials[summary.front.front()];  // sorted by the first objective
  add_tile(out, label,
           accuracy ? summary::format_percent(1 - best.objectives[0])
                    : escape_html(summary::format_quantity(objectives[0], best.objectives[0])),
           fmt::format("trial {}{}; {}", best.number, accuracy ? ", int8" : "",
                       limits_text(data.header)));
}

void add_tiles(std::string& out, const ReportData& data) {
  const summary::StudySummary& summary = data.summary;
  out += "<section class=\"tiles\" aria-label=\"Headline numbers\">\n";
  add_best(out, data);
  add_tile(out, "Hypervolume",
           summary.hypervolume.empty() ? "–" : summary::format_fixed(summary.hypervolume.back(), 4),
           "of 1; scales and reference are given below");
  const std::size_t done = summary.count[static_cast<std::size_t>(study::TrialState::done)];
  add_tile(out, "Pareto front", std::to_string(summary.front.size()),
           fmt::format("trial{} out of {} done", summary.front.size() == 1 ? "" : "s", done));

  std::string bar;
  std::string words;
  for (std::size_t s = 0; s < summary.count.size(); ++s) {
    if (summary.count[s] == 0) continue;
    const std::string_view name = to_string(static_cast<study::TrialState>(s));
    print(bar, "<span class=\"{}\" style=\"flex-grow:{}\"></span>", name, summary.count[s]);
    print(words, "{}{} {}", words.empty() ? "" : ", ", summary.count[s], name);
  }
  add_tile(
      out, "Trials", std::to_string(data.trials.size()),
      bar.empty() ? "none yet" : fmt::format("<span class=\"states\">{}</span>{}", bar, words));
  add_tile(
      out, "Computing time", summary::format_seconds(summary.computing),
      fmt::format("{} from first start to last end", summary::format_seconds(summary.elapsed)));
  out += "</section>\n";
}

void add_importance(std::string& out, const ReportData& data) {
  out += section_head(
      "importance", "Parameter importance",
      "Share of an objective's variance that a parameter explains by itself: a first-order "
      "functional analysis of variance, on ranks, of an additive kernel ridge model. The fit is "
      "the model's R² on left-out trials; where it is low, noise or combinations of "
      "parameters rule, and the shares say little.");
  const bool enough =
      std::any_of(data.importance.begin(), data.importance.end(),
                  [](const Importance& item) { return item.trials >= kImportanceLeast; });
  if (!enough || data.parameters.empty()) {
    print(out, "<p class=\"empty\">This needs at least {} trials with known objectives.</p>\n",
          kImportanceLeast);
    out += "</section>\n";
    return;
  }
  std::vector<std::size_t> order(data.parameters.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto total = [&](std::size_t p) {
    double sum = 0;
    for (const Importance& item : data.importance) sum += item.shares[p];
    return sum;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return total(a) > total(b); });
  out += "<div class=\"scroll\"><table class=\"importance\">\n<thead><tr><th>parameter</th>";
  for (std::size_t m = 0; m < data.importance.size(); ++m) {
    print(out, "<th>{}<small>fit {:.2f}</small></th>", escape_html(data.header.objectives[m].name),
          std::max(0.0, data.importance[m].fit));
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const std::size_t p : order) {
    print(out, "<tr><th>{}</th>", escape_html(data.parameters[p]));
    for (const Importance& item : data.importance) {
      const double share = std::min(1.0, item.shares[p]);
      print(out, "<td{}><i style=\"width:{:.1f}%\"></i><b>{}</b></td>",
            item.fit < 0.2 ? " class=\"weak\"" : "", 100 * share, whole_percent(share));
    }
    out += "</tr>\n";
  }
  out += "</tbody>\n</table></div>\n</section>\n";
}

void add_front_table(std::string& out, const ReportData& data) {
  out += section_head(
      "table", "The front",
      "Trials inside every limit that no other beats in all objectives. A heading sorts; "
      "a row selects its trial in every plot. The same rows are in <code>front.csv</code>.");
  if (data.summary.front.empty()) {
    out += "<p class=\"empty\">No trial is inside the limits yet.</p>\n</section>\n";
    return;
  }
  std::set<std::string> metrics;
  for (const std::size_t member : data.summary.front) {
    for (const auto& [name, value] : data.trials[member].metrics) metrics.insert(name);
  }
  out += "<div class=\"scroll\"><table class=\"front\">\n<thead><tr>";
  const auto heading = [&](const std::string& name, const char* kind) {
    print(out, "<th class=\"{}\"><button type=\"button\">{}</button></th>", kind,
          escape_html(name));
  };
  heading("trial", "key");
  for (const study::Objective& objective : data.header.objectives)
    heading(objective.name, "objective");
  for (const std::string& name : data.parameters) heading(name, "parameter");
  for (const std::string& name : metrics) heading(name, "metric");
  out += "</tr></thead>\n<tbody>\n";
  const auto cell = [&](const std::string& key, const std::string& text) {
    print(out, "<td data-value=\"{}\">{}</td>", escape_html(key), escape_html(text));
  };
  for (const std::size_t member : data.summary.front) {
    const study::Trial& trial = data.trials[member];
    print(out, "<tr data-trial=\"{}\" tabindex=\"0\">", trial.number);
    cell(std::to_string(trial.number), std::to_string(trial.number));
    for (std::size_t m = 0; m < trial.objectives.size(); ++m) {
      cell(summary::shortest(trial.objectives[m]),
           summary::format_quantity(data.header.objectives[m], trial.objectives[m]));
    }
    for (const std::string& name : data.parameters) {
      const auto found = trial.values.find(name);
      const space::Value value =
          found == trial.values.end() ? space::Value{std::string{}} : found->second;
      const double* real = std::get_if<double>(&value);
      cell(space::to_string(value), real ? fmt::format("{:.4g}", *real) : space::to_string(value));
    }
    for (const std::string& name : metrics) {
      const auto found = trial.metrics.find(name);
      const double value = found == trial.metrics.end() ? std::nan("") : found->second;
      cell(summary::shortest(value), summary::format_metric(name, value));
    }
    out += "</tr>\n";
  }
  out += "</tbody>\n</table></div>\n</section>\n";
}

void add_environment(std::string& out, const ReportData& data) {
  const study::StudyHeader& header = data.header;
  out += section_head("environment", "How it was made",
                      "Everything needed to run this study again; <code>study.json</code> and "
                      "<code>trials.csv</code> hold all of its trials.");
  out += "<div class=\"columns\"><dl>\n";
  const auto entry = [&](const char* name, const std::string& text) {
    print(out, "<dt>{}</dt><dd>{}</dd>\n", name, text.empty() ? "–" : escape_html(text));
  };
  entry("Sampler", header.sampler);
  entry("Seed", std::to_string(header.seed));
  entry("Device", header.device);
  entry("Program", "Paretiny " + header.version);
  entry("Commit", header.commit);
  entry("Created", header.created);
  out +=
      "</dl>\n<div class=\"scroll\"><table class=\"scales\"><thead><tr><th>objective</th>"
      "<th>limit</th><th>as written</th><th>hypervolume scale</th></tr></thead><tbody>\n";
  for (std::size_t m = 0; m < header.objectives.size(); ++m) {
    const study::Objective& objective = header.objectives[m];
    print(out, "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
          escape_html(objective.name),
          objective.limit ? escape_html(summary::format_quantity(objective, *objective.limit))
                          : "none",
          objective.limit_text.empty() ? "–" : escape_html(objective.limit_text),
          escape_html(summary::format_quantity(objective, data.summary.scales[m])));
  }
  out +=
      "</tbody></table>\n<p class=\"note\">Hypervolume is measured in objectives divided by their "
      "scale, up to the reference point (1, …, 1). The scale is the limit; without one it "
      "is 1 for error, and 1.1 times the worst trained network for the others.</p></div></div>\n";
  print(out, "<details><summary>Experiment</summary><pre>{}</pre></details>\n",
        escape_html(header.experiment));
  print(out, "<details><summary>Search space</summary><pre>{}</pre></details>\n</section>\n",
        escape_html(header.space));
}

/// JSON that may stand inside a script element.
std::string embedded(const nlohmann::json& json) {
  std::string text;
  for (const char c : study::dump(json)) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::string report_page(const ReportData& data) {
  const study::StudyHeader& header = data.header;
  const std::string name = escape_html(header.name);
  const std::string first = escape_html(header.objectives[0].name);
  std::string out;
  print(out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n<title>{} – Paretiny</title>\n<style>\n{}</style>\n"
        "</head>\n<body>\n<main>\n",
        name, kReportStyle);
  print(out,
        "<header><p class=\"eyebrow\">Paretiny study</p><h1>{}</h1><p "
        "class=\"lede\">{}</p></header>\n"
        "<noscript><p class=\"empty\">The plots need JavaScript; the tables below do not.</p>"
        "</noscript>\n",
        name,
        escape_html(
            fmt::format("sampler {}, seed {}, on {}", header.sampler, header.seed, header.device)));
  add_tiles(out, data);
  out += section_head(
      "pairs", "The front in every pair of objectives",
      "Lower left is better. A point shows its trial on hover and selects it in every plot "
      "on click; Escape clears. The line joins the best trade-offs of the pair alone.");
  out +=
      "<div class=\"legend\"><span class=\"front\">front</span><span class=\"inside\">inside the "
      "limits</span><span class=\"outside\">infeasible</span><span class=\"limit\">limit</span>"
      "</div>\n<div class=\"grid\"></div>\n</section>\n";
  out += "<div class=\"halves\">\n";
  const std::string note = summary::reference_note(data.header.objectives, data.trials);
  out += section_head("hypervolume", "Hypervolume over trials",
                      "Of all trials up to that one, in scaled objectives; 1 cannot be reached." +
                          (note.empty() ? "" : " So far " + escape_html(note) + "."));
  out += "<div class=\"chart\"></div>\n</section>\n";
  add_importance(out, data);
  out += "</div>\n";
  out += section_head(
      "parallel", "Every trial that is done, parameter by parameter",
      fmt::format("A line is a trial, coloured by rank of its {}. Drag along an axis to keep only "
                  "the trials that pass there; click the axis to let go.",
                  first));
  print(out,
        "<div class=\"ramp\"><span>{} {}</span><i></i><span>{}</span></div>\n"
        "<div class=\"scroll\"></div>\n</section>\n",
        header.objectives[0].maximize ? "highest" : "lowest", first,
        header.objectives[0].maximize ? "lowest" : "highest");
  add_front_table(out, data);
  out += training_section(data);
  out += surrogates_section(data.fits);
  out += stops_section(data);
  add_environment(out, data);
  print(out,
        "</main>\n<aside id=\"detail\" hidden></aside>\n<div id=\"tip\" hidden></div>\n"
        "<script type=\"application/json\" id=\"study\">{}</script>\n<script>\n{}</script>\n"
        "</body>\n</html>\n",
        embedded(page_json(data)), kReportScript);
  return out;
}

}  // namespace paretiny::report

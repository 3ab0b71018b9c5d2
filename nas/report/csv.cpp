#include "nas/report/csv.h"

#include <fmt/core.h>

#include <cmath>
#include <set>

#include "nas/report/fit/importance.h"
#include "nas/summary/format.h"

namespace paretiny::report {
namespace {

/// Joins cells by commas, quoting those that need it.
class Row {
 public:
  Row& add(std::string_view cell) {
    if (!text_.empty() || started_) text_ += ',';
    started_ = true;
    if (cell.find_first_of(",\"\r\n") == std::string_view::npos) {
      text_ += cell;
    } else {
      text_ += '"';
      for (const char c : cell) text_ += c == '"' ? std::string("\"\"") : std::string(1, c);
      text_ += '"';
    }
    return *this;
  }
  std::string end() const { return text_ + "\n"; }

 private:
  std::string text_;
  bool started_ = false;
};

struct Columns {
  explicit Columns(const std::vector<study::Trial>& trials) : parameters(parameter_names(trials)) {
    for (const study::Trial& trial : trials) {
      for (const auto& [name, value] : trial.metrics) metrics.insert(name);
    }
  }
  std::vector<std::string> parameters;
  std::set<std::string> metrics;
};

void add_names(Row& row, const std::vector<study::Objective>& objectives, const Columns& columns) {
  for (const study::Objective& objective : objectives) row.add(objective.name);
  for (const std::string& name : columns.parameters) row.add("param." + name);
  for (const std::string& name : columns.metrics) row.add("metric." + name);
}

void add_values(Row& row, const study::Trial& trial, const Columns& columns) {
  for (const double value : trial.objectives) row.add(summary::shortest(value));
  for (const std::string& name : columns.parameters) {
    const auto found = trial.values.find(name);
    row.add(found == trial.values.end() ? "" : space::to_string(found->second));
  }
  for (const std::string& name : columns.metrics) {
    const auto found = trial.metrics.find(name);
    row.add(found == trial.metrics.end() ? "" : summary::shortest(found->second));
  }
}

/// What was decided on trials; nothing where none has a verdict.
struct Verdicts {
  Verdicts(const std::vector<study::Objective>& objectives, const std::vector<study::Trial>& trials)
      : names(objectives) {
    for (const study::Trial& trial : trials) any = any || trial.verdict;
  }
  void add_names(Row& row) const {
    if (!any) return;
    row.add("stop.verdict").add("stop.fraction").add("stop.gain");
    for (const char* what : {"predicted", "deviation", "bound"}) {
      for (const study::Objective& objective : names) {
        row.add(fmt::format("stop.{}.{}", what, objective.name));
      }
    }
  }
  void add_values(Row& row, const study::Trial& trial) const {
    if (!any) return;
    const stopping::StopVerdict verdict = trial.verdict.value_or(stopping::StopVerdict{});
    row.add(trial.verdict ? name_of(verdict.reason) : "");
    row.add(verdict.fraction > 0 ? summary::shortest(verdict.fraction) : "")
        .add(summary::shortest(verdict.gain));
    for (const auto* numbers : {&verdict.predicted, &verdict.deviation, &verdict.bound}) {
      for (std::size_t k = 0; k < names.size(); ++k) {
        row.add(k < numbers->size() && std::isfinite((*numbers)[k])
                    ? summary::shortest((*numbers)[k])
                    : "");
      }
    }
  }
  const std::vector<study::Objective>& names;
  bool any = false;
};

}  // namespace

std::string trials_csv(const std::vector<study::Objective>& objectives,
                       const std::vector<study::Trial>& trials) {
  const Columns columns(trials);
  Row names;
  names.add("number").add("state");
  add_names(names, objectives, columns);
  for (const char* name : {"reason", "architecture", "seed", "attempts", "started", "finished"}) {
    names.add(name);
  }
  const Verdicts verdicts(objectives, trials);
  verdicts.add_names(names);
  std::string text = names.end();
  for (const study::Trial& trial : trials) {
    Row row;
    row.add(std::to_string(trial.number)).add(to_string(trial.state));
    add_values(row, trial, columns);
    row.add(trial.reason)
        .add(fmt::format("{:016x}", trial.architecture))
        .add(std::to_string(trial.seed))
        .add(std::to_string(trial.attempts))
        .add(trial.started)
        .add(trial.finished);
    verdicts.add_values(row, trial);
    text += row.end();
  }
  return text;
}

std::string front_csv(const std::vector<study::Objective>& objectives,
                      const std::vector<study::Trial>& trials,
                      const std::vector<std::size_t>& front) {
  const Columns columns(trials);
  Row names;
  names.add("number");
  add_names(names, objectives, columns);
  std::string text = names.end();
  for (const std::size_t member : front) {
    Row row;
    row.add(std::to_string(trials[member].number));
    add_values(row, trials[member], columns);
    text += row.end();
  }
  return text;
}

}  // namespace paretiny::report

#include "nas/cli/arguments/options.h"

#include <fmt/core.h>

#include <cmath>

#include "base/error.h"
#include "base/one_line.h"
#include "kernels/core/threads.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/terminal/output.h"
#include "nas/summary/format.h"
#include "nas/summary/summary.h"

namespace paretiny::cli {

void ExperimentOptions::add_to(CLI::App& command, const char* devices) {
  command.add_option("experiment", path, "experiment file (docs/experiments.md)")->required();
  command.add_option("--set", set, "key=value that wins over the file; may be repeated")
      ->type_name("KEY=VALUE")
      ->take_all();
  command
      .add_option_function<std::string>(
          "--seed",
          [this](const std::string& seed) { set.push_back(whole_setting("study.seed", seed)); },
          "seed of the study: the same seed gives the same result")
      ->type_name("INT");
  command.add_option("--device", device, devices)->capture_default_str();
}

std::string describe(const data::Dataset& dataset) {
  const Shape& s = dataset.sample();
  const std::string sample = s.h == 1 ? fmt::format("{} steps of {} channels", s.w, s.c)
                                      : fmt::format("{}x{}x{}", s.h, s.w, s.c);
  return fmt::format("{}: {} + {} + {} samples (train, validation, test) of {}, {} classes",
                     dataset.name, dataset.train.size(), dataset.validation.size(),
                     dataset.test.size(), sample, dataset.classes.size());
}

void say_crowded(int jobs, Device device) {
  const int processors = thread_count();
  if (device.kind != DeviceKind::cpu || jobs <= processors) return;
  inform(fmt::format("note: {} jobs share {} processor{}; --jobs auto takes as many as there are\n",
                     jobs, processors, processors == 1 ? "" : "s"));
}

int parse_jobs(const std::string& text) {
  if (text == "auto") return 0;
  std::string count = text;
  if (!whole_number(1, experiment::kMostJobs)(count).empty()) {
    throw UsageError(fmt::format("--jobs must be a whole number from 1 to {}, or auto; it is '{}'",
                                 experiment::kMostJobs, text));
  }
  return std::stoi(count);
}

void say_notes(const data::Dataset& dataset) {
  for (const std::string& note : dataset.notes) {
    inform(fmt::format("note: {}\n", one_line(note)));
  }
}

namespace {

/// Whether these are the objectives of a search, which a black box's may partly be called like.
bool of_a_search(const std::vector<study::Objective>& objectives) {
  const auto is = [&](std::size_t m, const char* name) {
    return m < objectives.size() && objectives[m].name == name;
  };
  return is(0, "error") && is(1, "rom") && is(2, "ram") && is(3, "flops");
}

/// The front of a black box: objectives, then the values and what its constraints are on.
std::string black_box_table(const std::vector<study::Objective>& objectives,
                            const std::vector<study::Trial>& trials,
                            const std::vector<std::size_t>& front) {
  std::string table = fmt::format("{:>6}", "trial");
  for (const study::Objective& objective : objectives) {
    table += fmt::format(" {:>12}", one_line(objective.name));
  }
  table += "  values\n";
  for (const std::size_t index : front) {
    table += fmt::format("{:>6}", trials[index].number);
    for (std::size_t m = 0; m < objectives.size(); ++m) {
      table += fmt::format(" {:>12}", one_line(summary::format_quantity(
                                          objectives[m], trials[index].objectives[m])));
    }
    table += " ";
    for (const auto& [name, value] : trials[index].values) {
      const double* real = std::get_if<double>(&value);
      table += one_line(fmt::format(" {}={}", name,
                                    real ? fmt::format("{:.6g}", *real) : space::to_string(value)));
    }
    if (!trials[index].metrics.empty()) table += " |";
    for (const auto& [name, value] : trials[index].metrics) {
      table += one_line(fmt::format(" {}={:.6g}", name, value));
    }
    table += "\n";
  }
  return table;
}

}  // namespace

std::string front_table(const std::vector<study::Objective>& objectives,
                        const std::vector<study::Trial>& trials) {
  const summary::StudySummary summary = summary::summarise(objectives, trials);
  if (summary.front.empty()) return "no trial has finished inside the limits\n";
  if (!of_a_search(objectives)) return black_box_table(objectives, trials, summary.front);
  const auto metric = [](const study::Trial& trial, const char* name) {
    const auto found = trial.metrics.find(name);
    return found == trial.metrics.end() ? std::nan("") : found->second;
  };
  std::string table =
      fmt::format("{:>6} {:>9} {:>9} {:>10} {:>10} {:>13} {:>12} {:>11}\n", "trial", "accuracy",
                  "on test", "ROM", "RAM", "FLOPs", "instructions", "parameters");
  for (const std::size_t index : summary.front) {
    const study::Trial& trial = trials[index];
    table += fmt::format("{:>6} {:>9} {:>9} {:>10} {:>10} {:>13} {:>12} {:>11}\n", trial.number,
                         summary::format_percent(1 - trial.objectives[0]),
                         summary::format_percent(metric(trial, "test_accuracy_int8")),
                         summary::format_quantity(objectives[1], trial.objectives[1]),
                         summary::format_quantity(objectives[2], trial.objectives[2]),
                         summary::format_quantity(objectives[3], trial.objectives[3]),
                         summary::format_metric("instructions", metric(trial, "instructions")),
                         summary::format_fixed(metric(trial, "parameters"), 0));
  }
  return table;
}

}  // namespace paretiny::cli

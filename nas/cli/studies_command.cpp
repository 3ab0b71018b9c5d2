#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/one_line.h"
#include "nas/cli/commands.h"
#include "nas/study/stores/store.h"
#include "nas/summary/format.h"
#include "nas/summary/summary.h"

namespace paretiny::cli {
namespace {

/// A study as the list has it.
struct ListedStudy {
  std::string name;
  summary::StudySummary summary;
  std::size_t trials = 0;
  std::set<std::string> owners;  ///< of running trials
  std::string best;
};

/// The least first objective of the front, which is what people look for first.
std::string best_of(const std::vector<study::Objective>& objectives,
                    const std::vector<study::Trial>& trials, const summary::StudySummary& summary) {
  if (summary.front.empty()) return "-";
  return fmt::format(
      "{} {}", objectives[0].name,
      summary::format_quantity(objectives[0], trials[summary.front[0]].objectives[0]));
}

ListedStudy listed(const std::string& store, const std::string& name) {
  const auto study = study::open_study(study::Location::in(store, name));
  const std::vector<study::Trial>& trials = study->trials();
  ListedStudy entry{
      name, summary::summarise(study->header().objectives, trials), trials.size(), {}, ""};
  entry.best = best_of(study->header().objectives, trials, entry.summary);
  for (const study::Trial& trial : trials) {
    if (trial.state == study::TrialState::running) entry.owners.insert(trial.owner);
  }
  return entry;
}

void list_studies(const std::string& store, bool json) {
  std::vector<ListedStudy> studies;
  for (const std::string& name : study::study_names(store)) studies.push_back(listed(store, name));
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const ListedStudy& each : studies) {
      nlohmann::ordered_json entry = {{"study", each.name}, {"trials", each.trials}};
      for (std::size_t i = 0; i < study::kTrialStates; ++i) {
        entry[std::string(to_string(static_cast<study::TrialState>(i)))] = each.summary.count[i];
      }
      entry["workers"] = each.owners.size();
      entry["best"] = each.best;
      list.push_back(std::move(entry));
    }
    fmt::print("{}\n", list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  std::size_t width = 5;
  for (const ListedStudy& each : studies) width = std::max(width, each.name.size());
  fmt::print("{:<{}} {:>7}", "study", width, "trials");
  for (std::size_t i = 0; i < study::kTrialStates; ++i) {
    fmt::print(" {:>10}", to_string(static_cast<study::TrialState>(i)));
  }
  fmt::print(" {:>7}  best\n", "workers");
  for (const ListedStudy& each : studies) {
    fmt::print("{:<{}} {:>7}", one_line(each.name), width, each.trials);
    for (const std::size_t count : each.summary.count) fmt::print(" {:>10}", count);
    fmt::print(" {:>7}  {}\n", each.owners.size(), one_line(each.best));
  }
}

}  // namespace

void add_studies_command(CLI::App& app) {
  struct Options {
    std::string store;
    bool json = false;
  };
  CLI::App* command = app.add_subcommand("studies", "list the studies of a store");
  auto options = std::make_shared<Options>();
  command->add_option("store", options->store, "a database's address, or a study's file")
      ->required();
  command->add_flag("--json", options->json, "as one line of JSON");
  command->callback([options] { list_studies(options->store, options->json); });
}

void add_copy_command(CLI::App& app) {
  struct Options {
    std::string from, to;
  };
  CLI::App* command = app.add_subcommand(
      "copy", "copy a study into a new file, or into a database under a new name");
  auto options = std::make_shared<Options>();
  command->add_option("from", options->from, "a study: a file, or postgresql://...?study=NAME")
      ->required();
  command->add_option("to", options->to, "where it is copied to, the same")->required();
  command->callback([options] {
    study::copy_study(options->from, options->to);
    const auto study = study::open_study(options->to);
    fmt::print("{}: {} trials\n", study::Location(options->to).text(), study->trial_count());
  });
}

}  // namespace paretiny::cli

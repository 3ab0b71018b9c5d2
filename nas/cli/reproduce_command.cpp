#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "base/nearest.h"
#include "kernels/core/threads.h"
#include "nas/cli/arguments/options.h"
#include "nas/cli/arguments/seed_range.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/cli/terminal/output.h"
#include "nas/reproduce/page.h"
#include "nas/reproduce/run.h"
#include "nas/samplers/sampler.h"
#include "nas/summary/format.h"
#include "nas/summary/summary.h"

namespace paretiny::cli {
namespace {

struct ReproduceOptions {
  std::string task;
  std::string budget;  ///< empty: the folder's, or the paper's
  std::vector<std::string> samplers;
  std::string seeds;
  std::string jobs = "1";
  std::int64_t trials = 0;  ///< 0: the budget's, or the folder's
  std::string device = "auto";
  std::string data;
  std::string out;
  bool draw = false;
};

/// A line a trial: several runs may tell at a time.
class TrialLines : public search::SearchObserver {
 public:
  TrialLines(reproduce::ComparisonRun run, std::vector<study::Objective> objectives,
             std::int64_t trials)
      : run_(std::move(run)), objectives_(std::move(objectives)), trials_(trials) {}

  void trial_ended(const std::vector<study::Trial>& trials, const study::Trial& ended) override {
    const summary::StudySummary summary = summary::summarise(objectives_, trials);
    inform(fmt::format("  {}: trial {} of {} {}, hypervolume {}\n", to_string(run_),
                       ended.number + 1, trials_, to_string(ended.state),
                       summary::format_fixed(summary.hypervolume.back(), 4)));
  }
  void note(const std::string& what) override {
    say(fmt::format("  {}: {}\n", to_string(run_), what));
  }
  void space_exhausted(const std::string& what) override { note(what); }

 private:
  const reproduce::ComparisonRun run_;
  const std::vector<study::Objective> objectives_;
  const std::int64_t trials_;
};

class ComparisonLines : public reproduce::ComparisonObserver {
 public:
  ComparisonLines(const reproduce::ComparisonFolder& folder, std::size_t runs)
      : folder_(folder), runs_(runs) {}

  void data_loaded(const data::Dataset& dataset) override {
    inform(describe(dataset) + "\n");
    say_notes(dataset);
  }
  std::unique_ptr<search::SearchObserver> run_started(const reproduce::ComparisonRun& run,
                                                      study::Study& study) override {
    return std::make_unique<TrialLines>(run, study.header().objectives, folder_.recipe().trials);
  }
  void run_ended(const reproduce::ComparisonRun& run, study::Study& study) override {
    const summary::StudySummary summary =
        summary::summarise(study.header().objectives, study.trials());
    inform(fmt::format(
        "{}/{} {}: {} trials, hypervolume {}\n", ++ended_, runs_, to_string(run),
        study.trial_count(),
        summary.hypervolume.empty() ? "-" : summary::format_fixed(summary.hypervolume.back(), 4)));
    reproduce::write_comparison(folder_);
  }
  std::size_t ended() const { return ended_; }

 private:
  const reproduce::ComparisonFolder& folder_;
  const std::size_t runs_;
  std::size_t ended_ = 0;
};

void check_samplers(const std::vector<std::string>& samplers) {
  const std::vector<std::string> known = samplers::sampler_names();
  for (const std::string& sampler : samplers) {
    if (std::ranges::find(known, sampler) != known.end()) continue;
    throw UsageError(
        fmt::format("--samplers: there is no sampler '{}'{}", sampler, suggestion(sampler, known)));
  }
}

void draw(const reproduce::ComparisonFolder& folder) {
  fmt::print("{}report: {}\n", reproduce::write_comparison(folder),
             (std::filesystem::absolute(folder.path()) / "report.html").string());
}

void draw_what_is_there(const ReproduceOptions& options,
                        const std::optional<reproduce::ComparisonFolder>& folder) {
  if (!folder || folder->recipe().task != options.task) {
    throw UsageError(
        fmt::format("'{}' holds no comparison of {} to draw", options.out, options.task));
  }
  draw(*folder);
}

void reproduce(const ReproduceOptions& options) {
  InterruptGuard interrupt;
  if (options.out.empty()) throw UsageError("--out must name a folder");
  const std::optional<reproduce::ComparisonFolder> there =
      reproduce::ComparisonFolder::find(options.out);
  // Before anything is made or looked for: mistakes on the command line.
  const std::string budget = !options.budget.empty() ? options.budget
                             : there                 ? there->recipe().budget
                                                     : "paper";
  reproduce::Recipe recipe = reproduce::recipe_of(options.task, budget, "");
  check_samplers(options.samplers);
  if (!options.samplers.empty()) recipe.samplers = options.samplers;
  if (!options.seeds.empty()) {
    std::tie(recipe.first_seed, recipe.last_seed) = parse_seeds(options.seeds);
  }
  if (options.draw) return draw_what_is_there(options, there);
  const std::vector<reproduce::ComparisonRun> runs =
      reproduce::runs_of(recipe.samplers, recipe.first_seed, recipe.last_seed);
  reproduce::ComparisonSetup setup{parse_devices(options.device)};
  experiment::Experiment of_jobs;
  of_jobs.jobs = parse_jobs(options.jobs);
  setup.jobs = search::jobs_of(of_jobs, setup.devices);
  const bool same = there && there->recipe().task == options.task;
  const reproduce::FoundData data =
      reproduce::find_data(options.task, options.data, same ? there->recipe().data : std::string());
  setup.data = data.folder;
  reproduce::ComparisonFolder folder = reproduce::ComparisonFolder::open_for(
      options.out, reproduce::recipe_of(options.task, budget, data.name));
  const reproduce::FolderLock lock(folder);
  if (options.trials > 0) folder.set_trials(options.trials);
  inform(fmt::format("{}, {} runs of {} trials in {}\n", folder.recipe().title, runs.size(),
                     folder.recipe().trials, options.out));
  say_crowded(std::min(setup.jobs, static_cast<int>(runs.size())), setup.devices.front());
  ComparisonLines lines(folder, runs.size());
  const bool done = reproduce::run_comparison(folder, runs, setup, lines, interrupt.token());
  draw(folder);
  if (!done) {
    throw Interrupted(
        fmt::format("stopped after {} of {} runs, nothing is lost; the same command goes on",
                    lines.ended(), runs.size()));
  }
}

}  // namespace

void add_reproduce_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "reproduce", "run the paper's comparison of samplers; goes on with one that was begun");
  auto options = std::make_shared<ReproduceOptions>();
  command->add_option("task", options->task, "cifar10, daliac or synthetic2d")->required();
  command
      ->add_option("--budget", options->budget,
                   "paper (the default of a new folder), or cpu: sized for two cores")
      ->type_name("paper|cpu");
  command
      ->add_option("--samplers", options->samplers,
                   "some samplers, with commas between (the budget's by default)")
      ->delimiter(',');
  command->add_option("--seeds", options->seeds,
                      "a run a sampler and seed: 0..4, or one (the budget's by default)");
  command
      ->add_option("--jobs", options->jobs,
                   "runs at a time, or auto; what a run finds does not depend on it")
      ->type_name("INT|auto")
      ->capture_default_str();
  command->add_option("--trials", options->trials, "trials of a run (the budget's by default)")
      ->transform(whole_number(1, 1000000));
  command->add_option("--device", options->device, kAnyDevices)->capture_default_str();
  command->add_option("--data", options->data,
                      "folder of the data set's files (below data/ by default)");
  command->add_option("--out", options->out, "folder of the comparison")->required();
  command->add_flag("--draw", options->draw, "only draw what is there, also while it is run");
  command->callback([options] { reproduce(*options); });
}

}  // namespace paretiny::cli

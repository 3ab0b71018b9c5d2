#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "base/command.h"
#include "base/error.h"
#include "nas/cli/arguments/options.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/cli/terminal/output.h"
#include "nas/cli/terminal/progress.h"
#include "nas/cli/verification.h"
#include "nas/experiment/targets.h"
#include "nas/report/report.h"
#include "nas/report/report_data.h"
#include "nas/search/search.h"
#include "nas/search/warm_start.h"
#include "nas/summary/summary.h"

namespace paretiny::cli {
namespace {

/// Inputs that a trial of the front is verified on.
constexpr std::int64_t kVerifiedRuns = 10;

struct SearchOptions {
  ExperimentOptions experiment;
  std::string out;
  std::vector<std::string> from;       ///< studies whose trials are taken over
  std::optional<std::int64_t> finish;  ///< the stopped trial to run to its end
};

/// Makes the report's folder, to find out before the search whether it can be written.
void prepare(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && access(folder.c_str(), W_OK | X_OK) != 0) {
    error.assign(errno, std::generic_category());
  }
  if (error) {
    throw DataError(
        fmt::format("the report's folder '{}' cannot be written: {}; name another: --out",
                    folder.string(), error.message()));
  }
}

/// Builds and runs every trial of the front. What keeps it from that is said and ends no search; a
/// byte that differs is an Error.
void verify_front(study::Study& study, const experiment::Experiment& experiment,
                  std::stop_token stop) {
  const deploy::Target target = experiment::find_target(experiment.verify);
  const std::vector<study::Trial> trials = study.trials();
  std::vector<NamedModel> models;
  for (const std::size_t index : summary::summarise(study.header().objectives, trials).front) {
    const std::int64_t number = trials[index].number;
    try {
      models.push_back(trial_model(study, experiment.store.text(), number));
    } catch (const UsageError& error) {
      say(fmt::format("trial {} is not verified: {}\n", number, error.what()));
    }
  }
  std::vector<std::string> names;
  for (const NamedModel& named : models) names.push_back(named.name);
  VerificationTable table(std::move(models), target.core, kVerifiedRuns, false, stop);
  for (const std::string& name : names) {
    try {
      table.print_next();
    } catch (const MissingTool& error) {
      say(fmt::format("the front is not verified: {}\n", error.what()));
      break;
    } catch (const ToolError& error) {
      say(fmt::format("{} is not verified: {}\n", name, error.what()));
    }
  }
  table.finish();
}

/// ", 2 at a time" where there are several; says where they are more than the processors.
std::string describe_jobs(const experiment::Experiment& experiment,
                          const std::vector<Device>& devices) {
  const int jobs = search::jobs_of(experiment, devices);
  say_crowded(jobs, devices.front());
  return jobs == 1 ? "" : fmt::format(", {} at a time", jobs);
}

/// "study.jobs=..." for --set. Throws UsageError for what is no count of jobs.
std::string jobs_setting(const std::string& text) {
  const int jobs = parse_jobs(text);
  return jobs == 0 ? "study.jobs=\"auto\"" : fmt::format("study.jobs={}", jobs);
}

void search(const SearchOptions& options) {
  InterruptGuard interrupt;
  experiment::Experiment experiment = options.experiment.load();
  search::keep_sampler(experiment);
  const std::vector<Device> devices = parse_devices(options.experiment.device);
  // A mistake in the experiment is refused before there is a study, which would keep it.
  data::Dataset dataset = data::load_dataset(experiment.dataset);
  if (options.finish && !study::find_study(experiment.store)) {
    throw StoreError(fmt::format("there is no study '{}', so no trial {} to finish",
                                 experiment.store.text(), *options.finish));
  }
  const study::Patience patience{
      std::chrono::minutes(30),
      [](const std::string& what) { inform(fmt::format("note: {}\n", what)); }, interrupt.token()};
  const auto study = study::create_or_open_study(
      experiment.store, search::study_header(experiment, dataset, devices.front()), patience);
  for (const std::string& path : options.from) {
    const auto from = study::open_study(path);
    say(search::sentence(search::take_trials(*from, *study, experiment), path) + "\n");
  }
  const std::filesystem::path out = report::report_folder(experiment.store, options.out);
  prepare(out);
  inform(fmt::format("{}\nstudy {} on {}, sampler {}: {} trials there, {} asked for{}\n",
                     describe(dataset), experiment.store.text(), to_string(devices),
                     experiment.sampler, study->trial_count(), experiment.trials,
                     describe_jobs(experiment, devices)));
  say_notes(dataset);
  bool finished = false;
  {
    Progress progress(study->header().objectives, experiment.trials);
    finished = options.finish
                   ? search::finish_trial(experiment, std::move(dataset), *study, {devices},
                                          *options.finish, progress, interrupt.token())
                   : search::run_search(experiment, std::move(dataset), *study, {devices},
                                        experiment.trials, progress, interrupt.token());
  }
  const std::vector<study::Trial> trials = study->trials();
  const auto ended = std::count_if(trials.begin(), trials.end(), study::has_ended);
  if (!finished) {
    throw Interrupted(
        fmt::format("stopped after {} of {} trials, nothing is lost; the same command goes on",
                    ended, experiment.trials));
  }
  if (const auto others = static_cast<std::ptrdiff_t>(trials.size()) - ended; others > 0) {
    inform(fmt::format("{} more {} being worked on by another process\n", others,
                       others == 1 ? "is" : "are"));
  }
  if (!experiment.verify.empty()) verify_front(*study, experiment, interrupt.token());
  interrupt.end_at_once();
  report::write_report(*study, out);
  std::string stops = report::stop_sentence(report::read_report_data(*study).stops, trials.size());
  if (!stops.empty()) stops += "\n";
  fmt::print("{}{}report: {}\n", front_table(study->header().objectives, trials), stops,
             (std::filesystem::absolute(out) / "report.html").string());
}

}  // namespace

void add_search_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("search", "search a space of networks; resumes a study");
  auto options = std::make_shared<SearchOptions>();
  options->experiment.add_to(*command, kAnyDevices);
  command
      ->add_option_function<std::string>(
          "--trials",
          [options](const std::string& trials) {
            options->experiment.set.push_back(whole_setting("study.trials", trials));
          },
          "trials in all, those of earlier runs counted")
      ->type_name("INT");
  command
      ->add_option_function<std::string>(
          "--jobs",
          [options](const std::string& jobs) {
            options->experiment.set.push_back(jobs_setting(jobs));
          },
          "candidates to train at a time, or auto: as many as the device can well serve")
      ->type_name("INT|auto");
  command->add_flag_callback(
      "--async", [options] { options->experiment.set.push_back("study.async=true"); },
      "ask with all that is known at that moment: what follows depends on who ends first");
  command
      ->add_option("--finish", options->finish, "run this stopped trial to its end, and no other")
      ->transform(whole_number(0, INT64_MAX));
  command
      ->add_option("--from", options->from,
                   "take over the trials of this study, also one of another space; may be repeated")
      ->type_name("STUDY")
      ->take_all();
  command->add_option("--out", options->out, "folder of the report (beside the study by default)");
  command->callback([options] { search(*options); });
}

}  // namespace paretiny::cli

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/version.h"
#include "nas/cli/arguments/options.h"
#include "nas/cli/arguments/store_options.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/cli/terminal/output.h"
#include "nas/cli/terminal/progress.h"
#include "nas/search/evaluation/kept_work.h"
#include "nas/search/search.h"
#include "nas/study/same_study.h"

namespace paretiny::cli {
namespace {

struct WorkerOptions {
  StoreOptions store;
  std::vector<std::string> set;
  std::string device = "auto";
  std::string jobs = "1";
  std::int64_t patience = 30;  ///< minutes
  std::int64_t lease = 120;    ///< seconds
  std::string keep = "paretiny-kept";

  bool names_experiment() const { return store.store.ends_with(".toml"); }
};

std::unique_ptr<study::Study> find_or_refuse(const study::Location& location,
                                             const study::Patience& patience) {
  auto study = study::find_study(location, patience);
  if (!study) {
    throw StoreError(fmt::format(
        "there is no study '{}'; 'paretiny worker EXPERIMENT.toml' makes one", location.text()));
  }
  study::check_kind(location, study->header(), study::StudyKind::search);
  return study;
}

/// What all workers of a study must have in common: results of another program may be others.
void check_program(const study::Location& location, const study::StudyHeader& header) {
  if (header.version == program_version()) return;
  throw StoreError(
      fmt::format("the study '{}' is worked on by version {} of the program, and this is {}; all "
                  "its workers must be of one version",
                  location.text(), header.version, program_version()));
}

/// A study and what its trials are.
struct Work {
  experiment::Experiment experiment;
  data::Dataset dataset;
  std::unique_ptr<study::Study> study;
};

Work open_work(const WorkerOptions& options, Device device, const study::Patience& patience) {
  Work work;
  if (options.names_experiment()) {
    work.experiment = experiment::load_experiment(options.store.store, options.set);
    search::keep_sampler(work.experiment);
  } else {
    const study::Location location = options.store.location();
    work.study = find_or_refuse(location, patience);
    const study::StudyHeader& header = work.study->header();
    work.experiment =
        experiment::experiment_of_study(header.experiment, location.text(), options.set);
    work.experiment.name = header.name;
    if (!work.experiment.sampler_named) work.experiment.sampler = header.sampler;
    work.experiment.store = location;
  }
  const study::Location& location = work.experiment.store;
  work.dataset = data::load_dataset(work.experiment.dataset);
  const study::StudyHeader wanted = search::study_header(work.experiment, work.dataset, device);
  if (work.study) {
    study::check_same(location, work.study->header(), wanted);
  } else {
    work.study = study::create_or_open_study(location, wanted, patience);
  }
  check_program(location, work.study->header());
  work.experiment.jobs = parse_jobs(options.jobs);
  // Where no order was asked for, nobody waits for anybody.
  work.experiment.async = work.experiment.async || work.experiment.lag == 0;
  return work;
}

void work_on(const WorkerOptions& options) {
  InterruptGuard interrupt;
  const std::vector<Device> devices = parse_devices(options.device);
  const auto note = [](const std::string& what) { inform(fmt::format("note: {}\n", what)); };
  const study::Patience patience{std::chrono::minutes(options.patience), note, interrupt.token()};
  Work work = open_work(options, devices.front(), patience);
  const experiment::Experiment& experiment = work.experiment;
  const search::WorkKeeper keeper(options.keep, work.study->header());
  keeper.tell(*work.study, note);
  inform(fmt::format("{}\nworker of study {} on {}: {} trials there of {}\n",
                     describe(work.dataset), experiment.store.text(), to_string(devices),
                     work.study->trial_count(), experiment.trials));
  say_notes(work.dataset);
  search::SearchSetup setup{devices};
  setup.lease = std::chrono::seconds(options.lease);
  setup.among_others = true;
  setup.keeper = &keeper;
  Progress progress(work.study->header().objectives, experiment.trials);
  const bool complete = search::run_search(experiment, std::move(work.dataset), *work.study, setup,
                                           experiment.trials, progress, interrupt.token());
  const std::vector<study::Trial>& trials = work.study->trials();
  inform(fmt::format("{}: {} of {} trials have ended\n", complete ? "complete" : "given back",
                     std::count_if(trials.begin(), trials.end(), study::has_ended),
                     experiment.trials));
}

}  // namespace

void add_worker_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "worker", "train candidates of a study among other workers, until it has its trials");
  auto options = std::make_shared<WorkerOptions>();
  options->store.add_to(*command);
  command->get_option("store")->description(
      "an experiment (.toml), whose study is made if need be; or the study's file or database");
  command->add_option("--set", options->set, "key=value that wins over the experiment's")
      ->type_name("KEY=VALUE")
      ->take_all();
  command->add_option("--jobs", options->jobs, "candidates to train at a time, or auto")
      ->type_name("INT|auto")
      ->capture_default_str();
  command->add_option("--device", options->device, kAnyDevices)->capture_default_str();
  command
      ->add_option("--patience", options->patience,
                   "minutes to wait for a server that is gone, before what there is is kept here")
      ->transform(whole_number(0, 100000))
      ->capture_default_str();
  command
      ->add_option("--lease", options->lease,
                   "seconds without a sign of life after which others may take a trial")
      ->transform(whole_number(1, 86400))
      ->capture_default_str();
  command->add_option("--keep", options->keep, "folder for what a server that is gone is not told")
      ->capture_default_str();
  command->callback([options] { work_on(*options); });
}

}  // namespace paretiny::cli

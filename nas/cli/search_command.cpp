#include <fmt/format.h>

#include <cstdio>

#include "kernels/error.h"
#include "nas/cli/commands.h"
#include "nas/cli/interrupt.h"
#include "nas/cli/options.h"
#include "nas/cli/progress.h"
#include "nas/report/report.h"
#include "nas/search/search.h"

namespace paretiny {
namespace {

struct SearchOptions {
  ExperimentOptions experiment;
  std::string out;
};

void search(const SearchOptions& options) {
  const InterruptGuard interrupt;
  const Experiment experiment = options.experiment.load();
  const Device device = parse_device(options.experiment.device);
  const std::filesystem::path out = options.out.empty()
                                        ? experiment.store.parent_path() / experiment.name
                                        : std::filesystem::path(options.out);
  const auto study = create_or_open_study(experiment.store, study_header(experiment, device));
  const Dataset dataset = load_dataset(experiment.dataset);
  fmt::print(stderr, "{}\nstudy {} on {}, sampler {}, {} of {} trials there\n", describe(dataset),
             experiment.store.string(), to_string(device), experiment.sampler, study->trial_count(),
             experiment.trials);
  const auto stream = Stream::create(device);
  bool finished = false;
  {
    Progress progress(study->header().objectives, experiment.trials);
    finished = run_search(experiment, dataset, *study, *stream, experiment.trials, progress,
                          interrupt.token());
  }
  if (!finished) {
    throw Interrupted(
        fmt::format("stopped after {} trials, nothing is lost; the same command goes on",
                    study->trial_count()));
  }
  write_report(*study, out);
  fmt::print("{}report: {}\n", front_table(study->header().objectives, study->trials()),
             (std::filesystem::absolute(out) / "report.html").string());
}

}  // namespace

void add_search_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("search", "search a space of networks; resumes a study");
  auto options = std::make_shared<SearchOptions>();
  options->experiment.add_to(*command);
  command->add_option_function<std::int64_t>(
      "--trials",
      [options](std::int64_t trials) {
        options->experiment.set.push_back(fmt::format("study.trials={}", trials));
      },
      "trials in all, those of earlier runs counted");
  command->add_option("--out", options->out, "folder of the report (beside the study by default)");
  command->callback([options] { search(*options); });
}

}  // namespace paretiny

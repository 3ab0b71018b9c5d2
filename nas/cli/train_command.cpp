#include <fmt/core.h>

#include <cstdio>

#include "engine/data/formats/file_bytes.h"
#include "engine/deploy/formats/model_file.h"
#include "nas/cli/commands.h"
#include "nas/cli/options.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/search/candidate.h"
#include "nas/search/limits.h"
#include "nas/search/search.h"
#include "nas/summary/format.h"

namespace paretiny {
namespace {

void print_footprint(const char* what, const Footprint& f) {
  fmt::print("{:<9} {} parameters, {:.2f} M MACs, ROM {}, RAM {}\n", what, f.parameters,
             static_cast<double>(f.macs) * 1e-6, format_bytes(static_cast<double>(f.rom())),
             format_bytes(static_cast<double>(f.ram())));
}

void print_epoch(const EpochReport& report) {
  fmt::print(
      "epoch {:>3}/{}  loss {:.4f}  train {:.2f} %  validation {}  sparsity {:.3f}  "
      "rate {:.4f}  {:.0f} samples/s  {:.2f} s\n",
      report.epoch, report.epochs, report.loss, 100 * report.train_accuracy,
      std::isnan(report.validation_accuracy)
          ? "-"
          : fmt::format("{:.2f} %", 100 * report.validation_accuracy),
      report.sparsity, report.learning_rate, report.samples_per_second, report.seconds);
  std::fflush(stdout);
}

/// A search would give up a candidate for these.
void print_broken(const std::vector<std::string>& limits) {
  for (const std::string& limit : limits) fmt::print("limit     {}\n", limit);
}

void train_one(const ExperimentOptions& options, const std::string& save) {
  const InterruptGuard interrupt;  // nothing is kept, so nothing is lost
  const Experiment experiment = options.load();
  if (!save.empty()) check_writable(save);
  const Device device = parse_device(options.device);
  Dataset dataset = load_dataset(experiment.dataset);
  const Sketch plan = sketch(experiment.candidate(), dataset, experiment.core);
  fmt::print("{}\n", describe(dataset));
  say_notes(dataset);
  print_footprint("network", footprint(plan.graph));
  if (plan.final_graph != plan.graph) print_footprint("pruned", plan.footprint);
  const std::vector<Objective> objectives = search_objectives(experiment);
  std::vector<double> values = free_objectives(experiment, plan.footprint);
  print_broken(broken_limits(objectives, values));
  const auto stream = Stream::create(device);
  const ResidentDataset data(*stream, dataset);
  release_values(dataset);
  fmt::print("training on {} in {}\n", to_string(device),
             name_of(activation_type(plan.spec.training.precision, device)));
  const CandidateResult result =
      evaluate_candidate(*stream, data, plan, experiment.seed, print_epoch, {});
  fmt::print("accuracy  {}: {:.2f} % float, {:.2f} % int8\n",
             data.validation.size > 0 ? "validation" : "test", 100 * result.float_accuracy,
             100 * result.int8_accuracy);
  if (data.validation.size > 0 && data.test.size > 0) {
    fmt::print("accuracy  test: {:.2f} % float, {:.2f} % int8\n", 100 * result.float_test_accuracy,
               100 * result.int8_test_accuracy);
  }
  print_footprint("size", plan.footprint);
  values[0] = 1 - result.int8_accuracy;
  print_broken(broken_limits(objectives, values));
  if (!save.empty()) {
    save_model(deployed_model(experiment.name, result.int8, dataset), save);
    fmt::print("model     {}\n", save);
  }
  fmt::print("time      {} of training, {} planned\n", format_seconds(result.training_seconds),
             format_bytes(static_cast<double>(result.planned_bytes)));
}

}  // namespace

void add_train_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "train one candidate, epoch by epoch");
  auto options = std::make_shared<ExperimentOptions>();
  auto save = std::make_shared<std::string>();
  options->add_to(*command);
  command->add_option("--save", *save, "file for the int8 network, which export and verify read");
  command->callback([options, save] { train_one(*options, *save); });
}

}  // namespace paretiny

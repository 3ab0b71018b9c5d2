#include <fmt/core.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "engine/data/formats/file_bytes.h"
#include "engine/deploy/formats/model_file.h"
#include "nas/cli/arguments/options.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/search/evaluation/candidate.h"
#include "nas/search/limits.h"
#include "nas/search/search.h"
#include "nas/summary/format.h"

namespace paretiny::cli {
namespace {

void print_footprint(const char* what, const deploy::Footprint& f) {
  fmt::print("{:<9} {} parameters, {:.2f} M MACs, ROM {}, RAM {}\n", what, f.parameters,
             static_cast<double>(f.macs) * 1e-6,
             summary::format_bytes(static_cast<double>(f.rom())),
             summary::format_bytes(static_cast<double>(f.ram())));
}

void print_epoch(const train::EpochReport& report) {
  // A loss that is not a number has a sign, which says nothing.
  const double loss =
      std::isnan(report.loss) ? std::numeric_limits<double>::quiet_NaN() : report.loss;
  fmt::print(
      "epoch {:>3}/{}  loss {:.4f}  train {:.2f} %  validation {}  sparsity {:.3f}  "
      "rate {:.4f}  {:.0f} samples/s  {:.2f} s\n",
      report.epoch, report.epochs, loss, 100 * report.train_accuracy,
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
  const experiment::Experiment experiment = options.load();
  if (!save.empty()) data::check_writable(save);
  const Device device = parse_device(options.device);
  data::Dataset dataset = data::load_dataset(experiment.dataset);
  const search::Sketch plan = search::sketch(experiment.candidate(), dataset, experiment.core);
  fmt::print("{}\n", describe(dataset));
  say_notes(dataset);
  print_footprint("network", deploy::footprint(plan.graph));
  if (plan.final_graph != plan.graph) print_footprint("pruned", plan.footprint);
  const std::vector<study::Objective> objectives = search::search_objectives(experiment);
  std::vector<double> values = search::free_objectives(experiment, plan.footprint);
  print_broken(search::broken_limits(objectives, values));
  const auto stream = Stream::create(device);
  const data::ResidentDataset data(*stream, dataset);
  data::release_values(dataset);
  fmt::print("training on {} in {}\n", to_string(device),
             name_of(train::activation_type(plan.spec.training.precision, device)));
  const search::CandidateResult result =
      search::evaluate_candidate(*stream, data, plan, experiment.seed, print_epoch, {});
  fmt::print("accuracy  {}: {:.2f} % float, {:.2f} % int8\n",
             data.validation.size > 0 ? "validation" : "test", 100 * result.float_accuracy,
             100 * result.int8_accuracy);
  if (data.validation.size > 0 && data.test.size > 0) {
    fmt::print("accuracy  test: {:.2f} % float, {:.2f} % int8\n", 100 * result.float_test_accuracy,
               100 * result.int8_test_accuracy);
  }
  print_footprint("size", plan.footprint);
  values[0] = 1 - result.int8_accuracy;
  print_broken(search::broken_limits(objectives, values));
  if (!save.empty()) {
    deploy::save_model(search::deployed_model(experiment.name, result.int8, dataset), save);
    fmt::print("model     {}\n", save);
  }
  fmt::print("time      {} of training, {} planned\n",
             summary::format_seconds(result.training_seconds),
             summary::format_bytes(static_cast<double>(result.planned_bytes)));
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

}  // namespace paretiny::cli

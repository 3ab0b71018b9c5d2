#include "base/error.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/cli/verification.h"

namespace paretiny::cli {
namespace {

void verify_all(const DeployOptions& options, std::int64_t runs, bool steps) {
  InterruptGuard interrupt;
  const deploy::Target target = options.find();
  const std::optional<deploy::CmsisNnLibrary> library = options.library();
  if (options.kernels_to_call() == deploy::Kernels::cmsis_nn && !library) {
    throw UsageError(
        "--kernels cmsis-nn can be verified with the library alone: --cmsis-nn DIR, a folder of "
        "CMSIS-NN (github.com/ARM-software/CMSIS-NN) with libcmsis-nn.a built for the core in it");
  }
  const std::optional<data::Samples> samples = options.samples();
  std::vector<NamedModel> models = options.all();
  const std::size_t count = models.size();
  VerificationTable table(std::move(models), target.core, runs, steps, interrupt.token(), library,
                          samples ? &*samples : nullptr);
  for (std::size_t i = 0; i < count; ++i) table.print_next();
  table.finish();
}

}  // namespace

void add_verify_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("verify", "build a study's front for a core and run it in the emulator");
  auto options = std::make_shared<DeployOptions>();
  auto runs = std::make_shared<std::int64_t>(10);
  auto steps = std::make_shared<bool>(false);
  options->add_to(*command);
  command->add_option("--runs", *runs, "inputs to compare the output of")
      ->transform(whole_number(1, 100000))
      ->capture_default_str();
  command->add_flag("--steps", *steps, "also the instructions of every step");
  command->callback([options, runs, steps] { verify_all(*options, *runs, *steps); });
}

}  // namespace paretiny::cli

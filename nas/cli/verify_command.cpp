#include <fmt/format.h>

#include <numeric>

#include "engine/deploy/export.h"
#include "kernels/error.h"
#include "nas/cli/commands.h"
#include "nas/cli/deploy_options.h"
#include "nas/report/format.h"

namespace paretiny {
namespace {

void verify_all(const DeployOptions& options, std::int64_t runs, bool steps) {
  const Target target = options.find();
  fmt::print("{:<12} {:>10} {:>10} {:>10} {:>7} {:>14} {:>6} {:>10}\n", "", "ROM", "linked",
             "arena", "stack", "instructions", "runs", "differing");
  std::int64_t differing = 0;
  for (const NamedModel& named : options.all()) {
    const Verification result = verify(named.model, target.core, runs);
    const auto bytes = [](std::int64_t count) { return format_bytes(static_cast<double>(count)); };
    const std::vector<std::int64_t>& counts = result.run.instructions;
    fmt::print("{:<12} {:>10} {:>10} {:>10} {:>7} {:>14} {:>6} {:>10}\n", named.name,
               bytes(result.planned.rom()), bytes(result.linked.rom()),
               bytes(result.linked.statics), bytes(result.run.stack),
               std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), result.run.runs,
               result.run.differing);
    for (std::size_t i = 0; steps && i < counts.size(); ++i) {
      fmt::print("  {:<28} {:>14}\n", result.steps[i], counts[i]);
    }
    std::fflush(stdout);
    differing += result.run.differing;
  }
  if (differing > 0) {
    throw Error(fmt::format("{} output bytes differ from those of the int8 network", differing));
  }
}

}  // namespace

void add_verify_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("verify", "build a study's front for a core and run it in the emulator");
  auto options = std::make_shared<DeployOptions>();
  auto runs = std::make_shared<std::int64_t>(10);
  auto steps = std::make_shared<bool>(false);
  options->add_to(*command);
  command->add_option("--runs", *runs, "inputs to compare the output of, drawn at random")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_flag("--steps", *steps, "also the instructions of every step");
  command->callback([options, runs, steps] { verify_all(*options, *runs, *steps); });
}

}  // namespace paretiny

#include <fmt/format.h>

#include <system_error>

#include "engine/deploy/command.h"
#include "engine/deploy/export.h"
#include "kernels/error.h"
#include "nas/cli/commands.h"
#include "nas/cli/deploy_options.h"
#include "nas/report/format.h"

namespace paretiny {
namespace {

void print_size(const char* who, std::int64_t rom, std::int64_t ram) {
  fmt::print("{:<8} ROM {}, RAM {}\n", who, format_bytes(static_cast<double>(rom)),
             format_bytes(static_cast<double>(ram)));
}

void export_one(const DeployOptions& options, const std::string& out) {
  const Target target = options.find();
  const NamedModel named = options.one();
  check_fits(named.model.network, target);
  export_c(named.model, target, out);
  const Footprint size = footprint(named.model.network);
  print_size("planned", size.rom(), size.ram());
  if (has_command("arm-none-eabi-gcc")) {
    const LinkedSize linked = measure_size(named.model, target.core);
    print_size("linked", linked.rom(), linked.statics + size.ram_stack);
  } else {
    fmt::print(
        "linked   not measured: there is no arm-none-eabi-gcc (package gcc-arm-none-eabi)\n");
  }
  fmt::print("{}: {}\n", named.name, std::filesystem::absolute(out).string());
}

}  // namespace

void add_export_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("export", "write a trial's network as C code");
  auto options = std::make_shared<DeployOptions>();
  auto out = std::make_shared<std::string>();
  options->add_to(*command);
  command->add_option("--out", *out, "folder to write to: new or empty")->required();
  command->callback([options, out] { export_one(*options, *out); });
}

}  // namespace paretiny

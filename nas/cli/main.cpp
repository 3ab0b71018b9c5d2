#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <system_error>

#include "engine/nearest.h"
#include "engine/train/trainer.h"
#include "kernels/error.h"
#include "nas/cli/commands.h"
#include "nas/cli/output.h"
#include "nas/search/version.h"

namespace paretiny {
namespace {

/// docs/cli.md lists these.
enum ExitCode {
  kSuccess = 0,
  kFailure = 1,
  kUsage = 2,
  kData = 3,
  kDevice = 4,
  kMemory = 5,
  kStore = 6,
  kTool = 7,
  kInterrupted = 130,
};

int failed(ExitCode code, const std::string& what) {
  say(fmt::format("paretiny: {}\n", what));
  return code;
}

/// What is wrong with arguments that nothing took.
std::string unexpected(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(true);
  const auto option = std::find_if(extras.begin(), extras.end(),
                                   [](const std::string& extra) { return extra.starts_with('-'); });
  const std::string& first = option == extras.end() ? extras.front() : *option;
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  std::vector<std::string> known;
  if (chosen.empty()) {
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      known.push_back(command->get_name());
    }
  }
  for (const CLI::Option* each : (chosen.empty() ? app : *chosen.front()).get_options()) {
    for (const std::string& name : each->get_lnames()) known.push_back("--" + name);
  }
  return fmt::format("'{}' was not expected{}", first, suggestion(first, known));
}

void run(int argc, char** argv) {
  CLI::App app{"Finds neural networks for microcontrollers."};
  app.name("paretiny");
  app.set_version_flag("--version",
                       fmt::format("paretiny {} ({})", program_version(), program_commit()));
  app.require_subcommand(1);
  add_search_command(app);
  add_train_command(app);
  add_report_command(app);
  add_info_command(app);
  add_export_command(app);
  add_verify_command(app);
  add_ask_command(app);
  add_tell_command(app);
  add_optimize_command(app);
  add_hypervolume_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      throw UsageError((app.remaining(true).empty() ? std::string(error.what()) : unexpected(app)) +
                       "; see --help");
    }
    app.exit(error);  // prints the help or the version
  }
  flush_output();
}

}  // namespace
}  // namespace paretiny

int main(int argc, char** argv) {
  using namespace paretiny;
  // A reader that goes away, as in `paretiny ... | head`, is a failed write and not a death.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    run(argc, argv);
    return kSuccess;
  } catch (const Interrupted& error) {
    return failed(kInterrupted, error.what());
  } catch (const UsageError& error) {
    return failed(kUsage, error.what());
  } catch (const DataError& error) {
    return failed(kData, error.what());
  } catch (const DeviceError& error) {
    return failed(kDevice, error.what());
  } catch (const OutOfMemory& error) {
    return failed(kMemory, error.what());
  } catch (const std::bad_alloc&) {
    return failed(kMemory, "the host's memory is used up");
  } catch (const StoreError& error) {
    return failed(kStore, error.what());
  } catch (const ToolError& error) {
    return failed(kTool, error.what());
  } catch (const std::system_error& error) {
    return failed(kData, error.what());  // what the standard library or fmt could not read or write
  } catch (const std::exception& error) {
    return failed(kFailure, error.what());
  }
}

#include <fmt/core.h>

#include <csignal>
#include <cstdio>

#include "engine/train/trainer.h"
#include "kernels/error.h"
#include "nas/cli/commands.h"
#include "nas/search/version.h"

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
  kInterrupted = 130,
};

int failed(ExitCode code, const char* what) {
  fmt::print(stderr, "paretiny: {}\n", what);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace paretiny;
  // A reader that goes away, as in `paretiny ... | head`, is a failed write and not a death.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Finds neural networks for microcontrollers."};
  app.name("paretiny");
  app.set_version_flag("--version",
                       fmt::format("paretiny {} ({})", program_version(), program_commit()));
  app.require_subcommand(1);
  add_search_command(app);
  add_train_command(app);
  add_report_command(app);
  add_info_command(app);
  add_hypervolume_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSuccess : kUsage;
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
  } catch (const std::exception& error) {
    return failed(kFailure, error.what());
  }
  return kSuccess;
}

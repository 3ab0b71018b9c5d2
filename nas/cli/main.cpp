#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/one_line.h"
#include "base/version.h"
#include "engine/train/trainer.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/output.h"
#include "nas/samplers/sampler.h"
#include "nas/study/location.h"

namespace paretiny::cli {
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
  kExhausted = 8,
  kDiverged = 9,
  kInterrupted = 130,
};

/// Prints a message on one line. Gets by without memory, which may be what is missing.
int failed(ExitCode code, std::string_view what) {
  std::string clean;
  try {
    clean = study::without_passwords(one_line(what));
    what = clean;
  } catch (const std::bad_alloc&) {  // as it is, then
  }
  std::array<char, 4000> line;
  const auto end = fmt::format_to_n(line.data(), line.size() - 1, "paretiny: {}", what);
  *end.out = '\n';
  say({line.data(), static_cast<std::size_t>(end.out - line.data()) + 1});
  return code;
}

/// What the standard library, fmt or the system could not do.
int failed(const std::system_error& error) {
  const std::error_condition kind = error.code().default_error_condition();
  if (kind == std::errc::not_enough_memory || kind == std::errc::resource_unavailable_try_again) {
    return failed(kMemory,
                  "no thread or program could be started: memory, or the number of them "
                  "that is allowed, is used up");
  }
  return failed(kData, error.what());
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

/// The last resort, for an exception where none may be thrown: a sentence is better than a death.
[[noreturn]] void terminated() {
  int code = kFailure;
  try {
    const std::exception_ptr current = std::current_exception();
    if (current) std::rethrow_exception(current);
    failed(kFailure, "it was terminated, for a reason that nothing names");
  } catch (const std::bad_alloc&) {
    code = failed(kMemory, "the host's memory is used up");
  } catch (const std::exception& error) {
    failed(kFailure, error.what());
  }
  std::_Exit(code);
}

void run(int argc, char** argv) {
  CLI::App app{"Finds neural networks for microcontrollers."};
  app.name("paretiny");
  app.fallthrough();  // --log may stand behind a command too
  app.set_version_flag("--version", program_description());
  app.add_option("--log", "what standard error tells: warning, info or debug")
      ->default_str("info")
      ->type_name("LEVEL")
      ->each([](const std::string& level) { set_log_level(parse_log_level(level)); });
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
  add_reproduce_command(app);
  add_hypervolume_command(app);
  add_studies_command(app);
  add_copy_command(app);
  add_worker_command(app);
  add_status_command(app);
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
}  // namespace paretiny::cli

int main(int argc, char** argv) {
  using namespace paretiny;
  using namespace cli;
  // A reader that goes away, as in `paretiny ... | head`, is a failed write and not a death, and so
  // is a file that would grow beyond `ulimit -f`.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  keep_standard_descriptors();
  std::set_terminate(terminated);
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
  } catch (const samplers::SpaceExhausted& error) {
    return failed(kExhausted, error.what());
  } catch (const DivergedError& error) {
    return failed(kDiverged, error.what());
  } catch (const ToolError& error) {
    return failed(kTool, error.what());
  } catch (const std::system_error& error) {
    return failed(error);
  } catch (const std::exception& error) {
    return failed(kFailure, error.what());
  }
}

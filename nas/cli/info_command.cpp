#include <fmt/core.h>
#include <sqlite3.h>

#include <Eigen/Core>

#include "base/version.h"
#include "kernels/core/device.h"
#include "kernels/core/threads.h"
#include "nas/cli/commands.h"
#include "nas/summary/format.h"

namespace paretiny::cli {

void add_info_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("info", "version, devices and libraries");
  command->callback([] {
    fmt::print("{}\n", program_description());
    for (const DeviceInfo& info : devices()) {
      fmt::print("{}: {}, {}, {}{}\n", to_string(info.device), info.name,
                 summary::format_bytes(static_cast<double>(info.memory_bytes)), info.features,
                 info.fast_bf16 ? ", trains in bf16" : "");
    }
    if (const std::string why = why_no_gpu(); !why.empty()) fmt::print("cuda: none, {}\n", why);
    fmt::print("threads: {}\n", thread_count());
    fmt::print("libraries: {}, Eigen {}.{}.{}, SQLite {}\n", compute_libraries(),
               EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION, sqlite3_libversion());
  });
}

}  // namespace paretiny::cli

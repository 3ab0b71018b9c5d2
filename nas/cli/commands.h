// The program's commands. Each adds itself to the command line; what it does runs from its callback
// and reports failure by exception (main.cpp maps kinds to exit codes).
#pragma once

#include <CLI/CLI.hpp>

namespace paretiny::cli {

void add_search_command(CLI::App& app);
void add_train_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_ask_command(CLI::App& app);
void add_tell_command(CLI::App& app);
void add_optimize_command(CLI::App& app);
void add_reproduce_command(CLI::App& app);
void add_hypervolume_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_verify_command(CLI::App& app);
void add_studies_command(CLI::App& app);
void add_copy_command(CLI::App& app);
void add_worker_command(CLI::App& app);
void add_status_command(CLI::App& app);

}  // namespace paretiny::cli

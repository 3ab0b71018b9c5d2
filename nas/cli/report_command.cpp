#include <fmt/core.h>

#include "nas/cli/arguments/options.h"
#include "nas/cli/commands.h"
#include "nas/report/report.h"

namespace paretiny::cli {

void add_report_command(CLI::App& app) {
  struct Options {
    std::string study, out;
  };
  CLI::App* command = app.add_subcommand("report", "write a study's report, tables and JSON");
  auto options = std::make_shared<Options>();
  command->add_option("study", options->study, "the study's file")->required();
  command->add_option("--out", options->out, "folder to write to (beside the study by default)");
  command->callback([options] {
    const study::Location path = options->study;
    const auto study = study::open_study(path);
    const std::filesystem::path out = report::report_folder(path, options->out);
    report::write_report(*study, out);
    fmt::print("{}report: {}\n", front_table(study->header().objectives, study->trials()),
               (std::filesystem::absolute(out) / "report.html").string());
  });
}

}  // namespace paretiny::cli

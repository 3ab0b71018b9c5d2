#include <fmt/core.h>

#include "nas/cli/arguments/points_file.h"
#include "nas/cli/commands.h"
#include "nas/pareto/hypervolume.h"

namespace paretiny::cli {

void add_hypervolume_command(CLI::App& app) {
  struct Options {
    std::string file, reference;
  };
  CLI::App* command =
      app.add_subcommand("hypervolume", "exact hypervolume of points in a CSV file, minimised");
  auto options = std::make_shared<Options>();
  command
      ->add_option("file", options->file,
                   "one point a line, a first line of names allowed; - reads the standard input")
      ->required();
  command->add_option("--reference", options->reference, "reference point: r1,r2,...")->required();
  command->callback([options] {
    const std::vector<double> reference = parse_point(options->reference, "--reference");
    const pareto::Points points = read_points(options->file, reference.size());
    fmt::print("hypervolume {}\npoints {}, non-dominated {}\n",
               pareto::hypervolume(points, reference), points.size(),
               pareto::non_dominated(points).size());
    const std::vector<double> contributions = pareto::hypervolume_contributions(points, reference);
    fmt::print("point,contribution\n");
    for (std::size_t i = 0; i < points.size(); ++i) fmt::print("{},{}\n", i + 1, contributions[i]);
  });
}

}  // namespace paretiny::cli

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "kernels/error.h"
#include "nas/cli/commands.h"
#include "nas/pareto/hypervolume.h"

namespace paretiny {
namespace {

/// "1,2.5,-3" as finite numbers, or nothing.
std::vector<double> numbers(const std::string& line) {
  std::vector<double> row;
  const char* at = line.data();
  const char* end = at + line.size();
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (true) {
    while (at < end && blank(*at)) ++at;
    double value = 0;
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || !std::isfinite(value)) return {};
    row.push_back(value);
    at = stop;
    while (at < end && blank(*at)) ++at;
    if (at == end) return row;
    if (*at++ != ',') return {};
  }
}

Points read_points(const std::string& path, std::size_t objectives) {
  std::ifstream file(path);
  if (!std::filesystem::is_regular_file(path) || !file) {
    throw DataError("there is no file '" + path + "' that can be read");
  }
  Points points;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::vector<double> row = numbers(line);
    const bool names = line.find_first_of("0123456789") == std::string::npos;
    if (number == 1 && row.empty() && names) continue;
    if (row.size() != objectives) {
      throw DataError(fmt::format(
          "{} line {}: '{}' is no point; write {} with commas between, as the reference has", path,
          number, line.substr(0, 60),
          objectives == 1 ? "one number" : fmt::format("{} numbers", objectives)));
    }
    points.push_back(row);
  }
  return points;
}

}  // namespace

void add_hypervolume_command(CLI::App& app) {
  struct Options {
    std::string file, reference;
  };
  CLI::App* command =
      app.add_subcommand("hypervolume", "exact hypervolume of points in a CSV file, minimised");
  auto options = std::make_shared<Options>();
  command->add_option("file", options->file, "one point a line, a first line of names allowed")
      ->required();
  command->add_option("--reference", options->reference, "reference point: r1,r2,...")->required();
  command->callback([options] {
    const std::vector<double> reference = numbers(options->reference);
    if (reference.empty()) {
      throw UsageError("--reference " + options->reference + " is no list of numbers such as 1,1");
    }
    const Points points = read_points(options->file, reference.size());
    fmt::print("hypervolume {}\npoints {}, non-dominated {}\n", hypervolume(points, reference),
               points.size(), non_dominated(points).size());
    const std::vector<double> contributions = hypervolume_contributions(points, reference);
    fmt::print("point,contribution\n");
    for (std::size_t i = 0; i < points.size(); ++i) fmt::print("{},{}\n", i + 1, contributions[i]);
  });
}

}  // namespace paretiny

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "kernels/error.h"
#include "nas/cli/commands.h"
#include "nas/cli/output.h"
#include "nas/search/black_box.h"
#include "nas/search/version.h"

namespace paretiny {
namespace {

struct AskOptions {
  std::string study;
  std::string space;
  std::string sampler;
  std::optional<std::uint64_t> seed;
  std::size_t count = 1;
  bool pending = false;
  std::string device = "auto";
};

BlackBox black_box_of(const AskOptions& options) {
  if (!options.space.empty()) return load_black_box(options.space);
  if (!std::filesystem::exists(options.study)) {
    throw UsageError(fmt::format("there is no study '{}'; name the file that describes it: --space",
                                 options.study));
  }
  const auto study = open_study(options.study);
  BlackBox box = parse_black_box(study->header().experiment, options.study);
  box.name = study->header().name;
  return box;
}

void ask(const AskOptions& options) {
  if (options.pending) {
    for (const Trial& trial : open_study(options.study)->trials()) {
      if (trial.state == TrialState::running) fmt::print("{}\n", suggestion_line(trial));
    }
    return;
  }
  BlackBox box = black_box_of(options);
  if (!options.sampler.empty()) box.sampler = options.sampler;
  if (options.seed) box.seed = options.seed;
  const Device device = parse_device(options.device);
  const auto study = open_black_box(options.study, box, device);
  for (const Trial& trial : ask_trials(box, *study, options.count, device)) {
    fmt::print("{}\n", suggestion_line(trial));
  }
}

void tell(const std::string& path) {
  StudyHeader header = open_study(path)->header();
  header.version = program_version();
  const auto study = create_or_open_study(path, header);
  std::size_t number = 0;
  std::size_t refused = 0;
  std::string first;
  for (std::string line; std::getline(std::cin, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      fmt::print("{}\n", tell_trial(*study, line));
    } catch (const DataError& error) {
      if (++refused == 1) first = fmt::format("line {}: {}", number, error.what());
      fmt::print("{}\n", nlohmann::ordered_json({{"line", number}, {"error", error.what()}})
                             .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    flush_output();
  }
  if (refused > 0) {
    throw DataError(fmt::format("{} of {} lines {} refused; {}", refused, number,
                                refused == 1 ? "was" : "were", first));
  }
}

}  // namespace

void add_ask_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("ask", "suggest trials of a black box, one line of JSON each");
  auto options = std::make_shared<AskOptions>();
  command->add_option("study", options->study, "the study's file, made if need be")->required();
  command->add_option("--space", options->space,
                      "file with [space.*] and [objectives.*]; needed for a new study");
  command->add_option("--sampler", options->sampler, "of a new study (docs/samplers.md)");
  command->add_option("--seed", options->seed, "of a new study");
  command->add_option("--count", options->count, "trials to suggest")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command->add_flag("--pending", options->pending,
                    "list again what was asked for and not told, and suggest nothing");
  command->add_option("--device", options->device, "auto, cpu, cuda or cuda:<index>")
      ->capture_default_str();
  command->callback([options] { ask(*options); });
}

void add_tell_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "tell", "take results of asked trials from standard input, one line of JSON each");
  auto path = std::make_shared<std::string>();
  command->add_option("study", *path, "the study's file")->required();
  command->callback([path] { tell(*path); });
}

}  // namespace paretiny

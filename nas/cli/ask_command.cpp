#include <fmt/core.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "nas/black_box/asker.h"
#include "nas/black_box/tell.h"
#include "nas/cli/arguments/options.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/output.h"
#include "nas/experiment/space_reader.h"
#include "nas/search/warm_start.h"
#include "nas/study/same_study.h"

namespace paretiny::cli {
namespace {

struct AskOptions {
  std::string study;
  std::string space;
  std::string sampler;
  std::optional<std::uint64_t> seed;
  std::size_t count = 1;
  bool pending = false;
  bool explain = false;
  std::string known;
  std::vector<std::string> from;
  std::vector<std::string> with;
  std::string device = "auto";
};

/// "momentum=0.9" and others as values.
space::Values parse_values(const std::vector<std::string>& texts) {
  space::Values values;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw UsageError("--with " + text + " must be written NAME=VALUE");
    }
    values[text.substr(0, equals)] = experiment::parse_choice(text.substr(equals + 1));
  }
  return values;
}

/// Takes over what other studies know, and says what was taken and what not.
void take(const AskOptions& options, const black_box::OpenBlackBox& opened) {
  const study::Lease lease{black_box::kAsked, black_box::kAskedLease};
  const space::Values given = parse_values(options.with);
  if (options.from.empty() && !given.empty()) {
    throw UsageError("--with says what trials of another study had; name it with --from");
  }
  for (const std::string& path : options.from) {
    const auto from = study::open_study(path);
    say(search::sentence(search::take_trials(*from, *opened.study, lease, opened.spec.space, given),
                         path) +
        "\n");
  }
}

void list_pending(const std::string& path) {
  const auto study = study::open_study(path);
  study::check_kind(path, study->header(), study::StudyKind::black_box);
  for (const study::Trial& trial : study->trials()) {
    if (trial.state == study::TrialState::running)
      fmt::print("{}\n", black_box::suggestion_line(trial));
  }
}

/// Prints each suggestion as soon as the study has it: what comes to nothing later, as in a space
/// that is exhausted, keeps none back.
void suggest(black_box::Asker& asker, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const study::Trial trial = asker.next();
    try {
      fmt::print("{}\n", black_box::suggestion_line(trial, asker.remarks(trial)));
      flush_output();
    } catch (...) {
      asker.take_back(trial);
      throw;
    }
  }
}

void ask(const AskOptions& options) {
  if (options.pending) return list_pending(options.study);
  std::optional<black_box::BlackBox> box;
  if (!options.space.empty()) box = black_box::load_black_box(options.space);
  black_box::BlackBoxWish wish{std::nullopt, options.seed};
  if (!options.sampler.empty()) wish.sampler = options.sampler;
  const Device device = parse_device(options.device);
  const black_box::OpenBlackBox opened =
      black_box::open_black_box(options.study, std::move(box), wish, device);
  if (!opened.note.empty()) say(opened.note + "\n");
  take(options, opened);
  black_box::Asker asker(opened, options.study, device, options.known, options.explain);
  suggest(asker, options.count);
}

void tell(const std::string& path) {
  const auto study = black_box::open_to_tell(path);
  black_box::Teller teller(*study);
  std::size_t number = 0;
  std::size_t refused = 0;
  std::string first;
  for (std::string line; std::getline(std::cin, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      fmt::print("{}\n", teller.tell(line));
    } catch (const DataError& error) {
      if (++refused == 1) first = fmt::format("line {}: {}", number, error.what());
      fmt::print("{}\n", nlohmann::ordered_json({{"line", number}, {"error", error.what()}})
                             .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    flush_output();
  }
  check_input_ended();
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
  command->add_option("--seed", options->seed, "of a new study")
      ->transform(whole_number(0, INT64_MAX));
  command->add_option("--count", options->count, "trials to suggest")
      ->transform(whole_number(1, 10000))
      ->capture_default_str();
  command->add_flag("--pending", options->pending,
                    "list again what was asked for and not told, and suggest nothing");
  command->add_flag("--explain", options->explain,
                    "say what the model went by: surrogates, lengthscales, policies");
  command
      ->add_option("--from", options->from,
                   "take over what this study knows, also one of another space; may be repeated")
      ->type_name("STUDY")
      ->take_all();
  command
      ->add_option("--with", options->with,
                   "what trials of --from had of a parameter that is new; may be repeated")
      ->type_name("NAME=VALUE")
      ->take_all();
  command
      ->add_option("--known", options->known,
                   "command that computes the objectives that are known: values in, objectives "
                   "out, a line of JSON each")
      ->type_name("COMMAND");
  command->add_option("--device", options->device, kOneDevice)->capture_default_str();
  command->callback([options] { ask(*options); });
}

void add_tell_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "tell", "take results of asked trials from standard input, one line of JSON each");
  auto path = std::make_shared<std::string>();
  command->add_option("study", *path, "the study's file")->required();
  command->callback([path] { tell(*path); });
}

}  // namespace paretiny::cli

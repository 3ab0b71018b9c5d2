#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/nearest.h"
#include "kernels/core/threads.h"
#include "nas/cli/arguments/options.h"
#include "nas/cli/arguments/seed_range.h"
#include "nas/cli/arguments/whole_number.h"
#include "nas/cli/commands.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/cli/terminal/output.h"
#include "nas/compare/collection.h"
#include "nas/compare/pictures.h"
#include "nas/report/whole_file.h"
#include "nas/summary/format.h"

namespace paretiny::cli {
namespace {

/// What stands for all problems of the collection, and the initial design of each.
constexpr const char* kCollection = "collection";
constexpr std::size_t kInitial = 10;
/// Seeds that all problems have before the next seeds begin: what is left early is even.
constexpr std::uint64_t kSeedsAtATime = 5;

struct OptimizeOptions {
  std::vector<std::string> problems;
  std::vector<std::string> samplers;
  std::size_t trials = 0;
  std::string seeds = "1";
  std::size_t initial = 0;  ///< 0: twice the inputs and two; of a collection kInitial
  std::vector<std::string> options;
  std::string out;
  std::string device = "auto";
};

std::map<std::string, double> parse_options(const std::vector<std::string>& texts) {
  std::map<std::string, double> options;
  for (const std::string& text : texts) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const char* begin = text.data() + std::min(equals + 1, text.size());
    const char* last = text.data() + text.size();
    double value = 0;
    const auto [stop, error] = std::from_chars(begin, last, value);
    if (equals == 0 || error != std::errc{} || stop != last || begin == last ||
        !std::isfinite(value)) {
      throw UsageError("--option " + text + " must be written KEY=NUMBER");
    }
    options[text.substr(0, equals)] = value;
  }
  return options;
}

/// The name of the problem's files: "DTLZ2:d=12,m=4" becomes "DTLZ2-d12-m4".
std::string stem(const problems::Problem& problem) {
  std::string text;
  for (const char c : problem.name) {
    if (c != '=') text += c == ':' || c == ',' ? '-' : c;
  }
  return text;
}

/// A problem with its results and their file.
struct Compared {
  explicit Compared(problems::Problem compared) : problem(std::move(compared)) {}
  // Results refer to the problem.
  Compared(const Compared&) = delete;
  Compared& operator=(const Compared&) = delete;

  problems::Problem problem;
  compare::Results results{problem};
  std::filesystem::path csv{};  ///< empty where nothing is kept
};

bool is_collection(const OptimizeOptions& options) {
  return options.problems.size() > 1 || options.problems[0] == kCollection;
}

/// The problems with what the folder holds of them.
std::vector<std::unique_ptr<Compared>> compared_of(const OptimizeOptions& options) {
  std::vector<std::string> names;
  for (const std::string& name : options.problems) {
    if (name != kCollection) {
      names.push_back(name);
      continue;
    }
    for (const std::string& each : problems::problem_collection()) names.push_back(each);
  }
  std::vector<std::unique_ptr<Compared>> all_compared;
  for (const std::string& name : names) {
    all_compared.push_back(std::make_unique<Compared>(problems::make_problem(name)));
    Compared& compared = *all_compared.back();
    if (options.out.empty()) continue;
    compared.csv = std::filesystem::path(options.out) / (stem(compared.problem) + ".csv");
    if (std::filesystem::exists(compared.csv)) compared.results.read(compared.csv);
  }
  return all_compared;
}

/// What is still to run with seeds first .. last.
std::vector<compare::RunPlan> plans_of(const OptimizeOptions& options, const Compared& compared,
                                       std::uint64_t first, std::uint64_t last) {
  compare::RunPlan plan;
  plan.options = parse_options(options.options);
  plan.trials = options.trials;
  const std::size_t usual = is_collection(options) ? kInitial : 2 * (compared.problem.inputs() + 1);
  plan.initial = options.initial > 0 ? options.initial : usual;
  plan.device = parse_device(options.device);
  std::vector<compare::RunPlan> plans;
  for (const std::string& sampler : options.samplers) {
    plan.sampler = sampler;
    samplers::make_sampler(sampler, compare::sampler_problem(compared.problem, plan),
                           plan.options);  // refuses what it cannot
    for (plan.seed = first; plan.seed <= last; ++plan.seed) {
      if (!compared.results.has(plan.label(), plan.seed, plan.trials)) plans.push_back(plan);
    }
  }
  return plans;
}

std::string table(const problems::Problem& problem, const compare::Results& results) {
  const std::vector<compare::Standing> standings = results.standings();
  if (standings.empty()) return "no run has ended\n";
  std::size_t width = 7;
  for (const compare::Standing& s : standings) width = std::max(width, s.label.size());
  std::string text = fmt::format("{} after {} trials", problem.name, results.trials());
  if (problem.max_hypervolume) {
    text +=
        fmt::format("; known maximum {:.6g} ({})", *problem.max_hypervolume, problem.max_source);
  }
  text += fmt::format("\n{:<{}} {:>5} {:>14} {:>12} {:>12} {:>9}\n", "sampler", width, "seeds",
                      "hypervolume", "+-", "suggestion", "p");
  for (const compare::Standing& s : standings) {
    const auto number = [](double value, const char* otherwise) {
      return std::isnan(value) ? std::string(otherwise) : fmt::format("{:.4g}", value);
    };
    text += fmt::format("{:<{}} {:>5} {:>14.6g} {:>12} {:>12} {:>9}\n", s.label, width, s.seeds,
                        s.mean, number(s.deviation, "-"), summary::format_seconds(s.seconds),
                        number(s.p, "best"));
  }
  return text;
}

/// Runs plans of one problem, and keeps each run as it ends.
void run_plans(Compared& compared, const std::vector<compare::RunPlan>& plans, std::size_t all,
               std::size_t& ended, const std::stop_token& stop) {
  compare::run_samplers(
      compared.problem, plans, static_cast<std::size_t>(thread_count()), stop,
      [&](compare::SamplerRun run) {
        double seconds = 0;
        for (const compare::RunTrial& trial : run.trials) seconds += trial.seconds;
        inform(fmt::format("{}/{} {} {} seed {}: hypervolume {:.6g}, {} of suggestions\n", ++ended,
                           all, compared.problem.name, run.label, run.seed,
                           run.trials.back().hypervolume, summary::format_seconds(seconds)));
        compared.results.set(std::move(run));
        if (!compared.csv.empty()) report::write_whole(compared.csv, compared.results.csv());
      });
}

/// The table and pictures of one problem.
void show_problem(const Compared& compared) {
  if (compared.results.trials() == 0) return;
  fmt::print("{}", table(compared.problem, compared.results));
  if (compared.csv.empty()) return;
  const auto beside = [&](const std::string& ending) {
    return compared.csv.parent_path() / (stem(compared.problem) + ending);
  };
  report::write_whole(beside(".svg"),
                      compare::progress_picture(compared.problem, compared.results));
  // Their ground is drawn over two real inputs.
  if (compared.problem.inputs() == 2 && compared.problem.parameters.empty()) {
    report::write_whole(beside("-places.svg"),
                        compare::places_picture(compared.problem, compared.results));
  }
  fmt::print("results: {}\n", std::filesystem::absolute(compared.csv).string());
}

/// What samplers are over all problems.
void show_collection(const std::vector<std::unique_ptr<Compared>>& all_compared,
                     const OptimizeOptions& options) {
  std::vector<const compare::Results*> results;
  for (const auto& compared : all_compared) results.push_back(&compared->results);
  const compare::CollectionSummary summary = compare::summarise_collection(results, options.trials);
  const std::string text = compare::collection_table(summary);
  fmt::print("\n{}", text);
  if (options.out.empty()) return;
  const std::filesystem::path folder = options.out;
  report::write_whole(folder / "collection.md", text);
  report::write_whole(folder / "collection.csv", compare::collection_csv(summary, results));
  report::write_whole(folder / "collection.svg", compare::profile_picture(summary, results));
  fmt::print("summary: {}\n", std::filesystem::absolute(folder / "collection.md").string());
}

void optimize(const OptimizeOptions& options) {
  InterruptGuard interrupt;
  if (!options.out.empty()) report::make_folder(options.out);
  const std::vector<std::unique_ptr<Compared>> all_compared = compared_of(options);
  const auto [first, last] = parse_seeds(options.seeds);
  std::size_t all = 0;
  for (const auto& compared : all_compared) all += plans_of(options, *compared, first, last).size();
  std::size_t ended = 0;
  for (std::uint64_t seed = first; seed <= last; seed += kSeedsAtATime) {
    for (const auto& compared : all_compared) {
      const std::uint64_t upto =
          is_collection(options) ? std::min(last, seed + kSeedsAtATime - 1) : last;
      run_plans(*compared, plans_of(options, *compared, seed, upto), all, ended, interrupt.token());
    }
    if (!is_collection(options)) break;
  }
  for (const auto& compared : all_compared) show_problem(*compared);
  if (ended < all) {
    throw Interrupted(fmt::format("stopped after {} of {} runs{}", ended, all,
                                  options.out.empty() ? "" : "; those are kept"));
  }
  if (is_collection(options)) show_collection(all_compared, options);
}

std::string listed(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

void add_optimize_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("optimize", "compare samplers on a test problem");
  auto options = std::make_shared<OptimizeOptions>();
  command
      ->add_option("--problem", options->problems,
                   "one of " + listed(problems::problem_names()) +
                       "; ZDT and DTLZ take sizes: ZDT1:d=6, DTLZ2:d=12,m=4; may be repeated, or "
                       "collection: many of them, summarised")
      ->take_all()
      ->required();
  command
      ->add_option("--sampler", options->samplers,
                   "some of " + listed(samplers::sampler_names()) + ", with commas between")
      ->delimiter(',')
      ->required();
  command->add_option("--trials", options->trials, "trials of a run")
      ->transform(whole_number(1, 1000000))
      ->required();
  command->add_option("--seeds", options->seeds, "a run a seed: 1..5, or one")
      ->capture_default_str();
  command
      ->add_option(
          "--initial", options->initial,
          "trials of the initial design (2 (inputs + 1) by default, 10 of several problems)")
      ->transform(whole_number(1, 1000000));
  command->add_option("--option", options->options, "an option of the samplers; may be repeated")
      ->type_name("KEY=NUMBER")
      ->take_all();
  command->add_option("--out", options->out,
                      "folder of the results; runs that it holds are not run again");
  command->add_option("--device", options->device, kOneDevice)->capture_default_str();
  command->callback([options] { optimize(*options); });
}

}  // namespace paretiny::cli

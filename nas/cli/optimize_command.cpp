#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/nearest.h"
#include "kernels/core/threads.h"
#include "nas/cli/commands.h"
#include "nas/cli/seed_range.h"
#include "nas/cli/terminal/interrupt.h"
#include "nas/cli/terminal/output.h"
#include "nas/cli/whole_number.h"
#include "nas/compare/pictures.h"
#include "nas/report/whole_file.h"
#include "nas/summary/format.h"

namespace paretiny::cli {
namespace {

struct OptimizeOptions {
  std::string problem;
  std::vector<std::string> samplers;
  std::size_t trials = 0;
  std::string seeds = "1";
  std::size_t initial = 0;  ///< 0: twice the inputs and two
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

std::vector<compare::RunPlan> plans_of(const OptimizeOptions& options,
                                       const problems::Problem& problem) {
  const auto [first, last] = parse_seeds(options.seeds);
  compare::RunPlan plan;
  plan.options = parse_options(options.options);
  plan.trials = options.trials;
  plan.initial = options.initial > 0 ? options.initial : 2 * (problem.inputs() + 1);
  plan.device = parse_device(options.device);
  std::vector<compare::RunPlan> plans;
  for (const std::string& sampler : options.samplers) {
    plan.sampler = sampler;
    samplers::make_sampler(sampler, compare::sampler_problem(problem, plan),
                           plan.options);  // refuses what it cannot
    for (std::uint64_t seed = first; seed <= last; ++seed) {
      plan.seed = seed;
      plans.push_back(plan);
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

void optimize(const OptimizeOptions& options) {
  InterruptGuard interrupt;
  const problems::Problem problem = problems::make_problem(options.problem);
  const std::vector<compare::RunPlan> plans = plans_of(options, problem);
  compare::Results results(problem);
  const std::filesystem::path folder = options.out;
  const std::filesystem::path csv = folder / (stem(problem) + ".csv");
  if (!options.out.empty()) {
    report::make_folder(folder);
    if (std::filesystem::exists(csv)) results.read(csv);
  }
  std::size_t ended = 0;
  compare::run_samplers(
      problem, plans, static_cast<std::size_t>(thread_count()), interrupt.token(),
      [&](compare::SamplerRun run) {
        double seconds = 0;
        for (const compare::RunTrial& trial : run.trials) seconds += trial.seconds;
        inform(fmt::format("{}/{} {} seed {}: hypervolume {:.6g}, {} of suggestions\n", ++ended,
                           plans.size(), run.label, run.seed, run.trials.back().hypervolume,
                           summary::format_seconds(seconds)));
        results.set(std::move(run));
        if (!options.out.empty()) report::write_whole(csv, results.csv());
      });
  const bool any = results.trials() > 0;
  if (any) fmt::print("{}", table(problem, results));
  if (any && !options.out.empty()) {
    report::write_whole(folder / (stem(problem) + ".svg"),
                        compare::progress_picture(problem, results));
    if (problem.inputs() == 2) {
      report::write_whole(folder / (stem(problem) + "-places.svg"),
                          compare::places_picture(problem, results));
    }
    fmt::print("results: {}\n", std::filesystem::absolute(csv).string());
  }
  if (ended < plans.size()) {
    throw Interrupted(fmt::format("stopped after {} of {} runs{}", ended, plans.size(),
                                  options.out.empty() ? "" : "; those are kept"));
  }
}

std::string listed(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

void add_optimize_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("optimize", "compare samplers on a test problem");
  auto options = std::make_shared<OptimizeOptions>();
  command
      ->add_option("--problem", options->problem,
                   "one of " + listed(problems::problem_names()) +
                       "; ZDT and DTLZ take sizes: ZDT1:d=6, DTLZ2:d=12,m=4")
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
      ->add_option("--initial", options->initial,
                   "trials of the initial design (2 (inputs + 1) by default)")
      ->transform(whole_number(1, 1000000));
  command->add_option("--option", options->options, "an option of the samplers; may be repeated")
      ->type_name("KEY=NUMBER")
      ->take_all();
  command->add_option("--out", options->out, "folder of the results, added to those that it holds");
  command->add_option("--device", options->device, "auto, cpu, cuda or cuda:<index>")
      ->capture_default_str();
  command->callback([options] { optimize(*options); });
}

}  // namespace paretiny::cli

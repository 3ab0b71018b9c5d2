#include "nas/search/black_box.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <chrono>
#include <fstream>
#include <limits>
#include <sstream>

#include "engine/one_line.h"
#include "kernels/error.h"
#include "kernels/random.h"
#include "nas/report/summary.h"
#include "nas/search/constraints.h"
#include "nas/search/outcome.h"
#include "nas/search/space_reader.h"
#include "nas/search/table_reader.h"
#include "nas/search/toml_text.h"
#include "nas/search/version.h"
#include "nas/study/study_json.h"

namespace paretiny {
namespace {

/// Who holds a trial that was asked for: no process, so none that could be gone.
constexpr const char* kOwner = "asked for";
/// Results may take as long as they take.
constexpr std::chrono::milliseconds kLease = std::chrono::years(100);
constexpr const char* kSampler = "ars";
constexpr double kAny = 1e300;

std::vector<Objective> read_objectives(const toml::table& root) {
  TableReader table(root, "objectives");
  std::vector<Objective> objectives;
  for (const std::string& name : table.unread()) {
    table.find(name);
    TableReader entry(root, "objectives." + name);
    Objective objective{name, "", {}, ""};
    if (entry.find("limit") != nullptr) {
      objective.limit = entry.number("limit", 0, -kAny, kAny);
      objective.limit_text = fmt::format("{}", *objective.limit);
    }
    if (entry.find("reference") != nullptr) {
      objective.reference = entry.number("reference", 0, -kAny, kAny);
    }
    objective.unit = entry.text("unit", "");
    entry.finish();
    objectives.push_back(std::move(objective));
  }
  if (objectives.empty()) {
    throw UsageError("the file names no objective: add tables such as [objectives.loss]");
  }
  return objectives;
}

BlackBox read(const toml::table& root, std::string name, std::string text) {
  BlackBox box;
  TableReader top(root, "");
  for (const char* known : {"study", "sampler", "objectives", "constraints", "space"}) {
    top.find(known);
  }
  top.finish();
  TableReader study(root, "study");
  box.name = study.text("name", name);
  if (!is_study_name(box.name)) {
    study.fail("name", "must be a name without '/'; it names the report's folder");
  }
  if (study.find("sampler") != nullptr) {
    const std::vector<std::string> samplers = sampler_names();
    box.sampler = samplers[study.choice("sampler", samplers, kSampler)];
  }
  if (study.find("seed") != nullptr) {
    box.seed = static_cast<std::uint64_t>(study.integer("seed", 0, 0, INT64_MAX));
  }
  box.initial = static_cast<std::size_t>(study.integer("initial", 10, 1, 1000000));
  study.finish();
  box.task = fmt::format("black box\ninitial = {}\n", box.initial);
  TableReader sampler(root, "sampler");
  for (const std::string& option : sampler.unread()) {
    box.options[option] = sampler.number(option, 0, -1e9, 1e9);
    box.task += fmt::format("sampler.{} = {}\n", option, box.options[option]);
  }
  box.objectives = read_objectives(root);
  box.constraints = read_constraints(root, box.objectives);
  box.space = read_space(root);
  if (box.space.parameters().empty()) {
    throw UsageError("the file has no space: add tables such as [space.x] with low and high");
  }
  box.text = std::move(text);
  return box;
}

std::vector<Observation> observations(const BlackBox& box, const std::vector<Trial>& trials) {
  std::vector<Observation> list;
  for (const Trial& trial : trials) {
    Observation seen{box.space.encode(trial.values), outcome_of(trial.state)};
    if (seen.outcome == Outcome::finished || seen.outcome == Outcome::infeasible) {
      seen.objectives = trial.objectives;
      seen.constraints = misses(box.constraints, trial.metrics);
    }
    list.push_back(std::move(seen));
  }
  return list;
}

SamplerProblem sampler_problem(const BlackBox& box, const std::vector<Trial>& trials,
                               Device device) {
  SamplerProblem problem;
  problem.space = box.space;
  problem.objectives = box.objectives.size();
  const std::vector<double> origins = objective_origins(box.objectives, trials);
  const std::vector<double> scales = objective_scales(box.objectives, trials);
  for (std::size_t k = 0; k < problem.objectives; ++k) {
    problem.reference.push_back(origins[k] + scales[k]);
    problem.limits.push_back(
        box.objectives[k].limit.value_or(std::numeric_limits<double>::infinity()));
  }
  problem.constraints = bounds_of(box.constraints);
  problem.seed = *box.seed;
  problem.initial = box.initial;
  problem.device = device;
  return problem;
}

std::uint64_t hash_of(const Values& values) {
  return random_key(0, dump(values_to_json(values)));
}

}  // namespace

BlackBox load_black_box(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path) || !file) {
    throw DataError("there is no file '" + path.string() + "' that can be read");
  }
  std::ostringstream text;
  text << file.rdbuf();
  return parse_black_box(text.str(), path.string());
}

BlackBox parse_black_box(const std::string& text, const std::string& source) {
  const toml::table root = parse_toml(text, source);
  try {
    return read(root, std::filesystem::path(source).stem().string(), text);
  } catch (const UsageError& error) {
    const std::string what = one_line(error.what());
    throw UsageError(what.starts_with(source) ? what : source + ": " + what);
  }
}

std::unique_ptr<Study> open_black_box(const std::filesystem::path& path, BlackBox& box,
                                      Device device) {
  if (std::filesystem::exists(path)) {
    const auto present = open_study(path);
    if (!box.sampler) box.sampler = present->header().sampler;
    if (!box.seed) box.seed = present->header().seed;
  }
  if (!box.sampler) box.sampler = kSampler;
  if (!box.seed) box.seed = 0;
  try {
    make_sampler(*box.sampler, sampler_problem(box, {}, device), box.options);
  } catch (const UsageError& error) {  // options that it does not have
    throw UsageError(fmt::format("the study '{}': {}", path.string(), error.what()));
  }
  StudyHeader header;
  header.name = box.name;
  header.space = box.space.describe();
  header.objectives = box.objectives;
  header.constraints = box.constraints;
  header.task = box.task;
  header.seed = *box.seed;
  header.sampler = *box.sampler;
  header.experiment = box.text;
  header.version = program_version();
  header.commit = program_commit();
  header.device = to_string(device);
  auto study = create_or_open_study(path, header);
  check_values(*study, path, box.space);
  return study;
}

std::vector<Trial> ask_trials(const BlackBox& box, Study& study, std::size_t count, Device device) {
  std::vector<Trial> asked;
  while (asked.size() < count) {
    // Somebody may have added a trial and never got to claim it.
    if (std::optional<Trial> trial = study.claim(kOwner, kLease)) {
      asked.push_back(std::move(*trial));
      continue;
    }
    const std::vector<Trial> trials = study.trials();
    const auto sampler =
        make_sampler(*box.sampler, sampler_problem(box, trials, device), box.options);
    const Values values = box.space.decode(
        sampler->ask(observations(box, trials), static_cast<std::uint64_t>(trials.size())));
    study.add_trial(static_cast<std::int64_t>(trials.size()), values, hash_of(values), *box.seed);
  }
  return asked;
}

std::string suggestion_line(const Trial& trial) {
  nlohmann::ordered_json line;
  line["trial"] = trial.number;
  line["values"] = values_to_json(trial.values);
  return line.dump();
}

}  // namespace paretiny

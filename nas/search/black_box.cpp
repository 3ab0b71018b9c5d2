#include "nas/search/black_box.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <chrono>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/error.h"
#include "base/one_line.h"
#include "kernels/core/random.h"
#include "nas/experiment/constraints.h"
#include "nas/experiment/space_reader.h"
#include "nas/experiment/table_reader.h"
#include "nas/experiment/toml_text.h"
#include "nas/report/summary.h"
#include "nas/search/version.h"
#include "nas/study/same_study.h"
#include "nas/study/study_json.h"

namespace paretiny {
namespace {

/// Results may take as long as they take.
constexpr std::chrono::milliseconds kLease = std::chrono::years(100);
constexpr const char* kSampler = "ars";
constexpr double kAny = 1e300;

std::vector<Objective> read_objectives(const toml::table& root) {
  TableReader table(root, "objectives");
  std::vector<Objective> objectives;
  for (const std::string& name : table.unread()) {
    TableReader entry(table, name);
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
    study.fail("name", "must be a name without '/'");
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

/// The black box of an existing study: `box`, or else what the study keeps.
BlackBox box_of(const std::filesystem::path& path, const StudyHeader& header,
                std::optional<BlackBox> box) {
  check_kind(path, header, StudyKind::black_box);
  const bool its_own = !box || box->text == header.experiment;
  if (!box) {
    box = parse_black_box(header.experiment, path.string());
    box->name = header.name;
  }
  // The command that made the study may have said otherwise than the file.
  if (its_own || !box->sampler) box->sampler = header.sampler;
  if (its_own || !box->seed) box->seed = header.seed;
  return std::move(*box);
}

/// Gives `box` a sampler and a seed where it has none.
StudyHeader header_of(BlackBox& box, const std::filesystem::path& path, Device device) {
  if (!box.sampler) box.sampler = kSampler;
  if (!box.seed) box.seed = 0;
  try {
    make_sampler(*box.sampler, sampler_problem(box, {}, device), box.options);
  } catch (const UsageError& error) {  // options that it does not have
    throw UsageError(fmt::format("the study '{}': {}", path.string(), error.what()));
  }
  StudyHeader header;
  header.kind = StudyKind::black_box;
  header.name = box.name;
  header.space = box.space.describe();
  header.objectives = box.objectives;
  header.constraints = box.constraints;
  header.task = box.task;
  header.seed = *box.seed;
  header.sampler = *box.sampler;
  header.experiment = box.text;
  sign(header, device);
  return header;
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

OpenBlackBox open_black_box(const std::filesystem::path& path, std::optional<BlackBox> box,
                            const BlackBoxWish& wish, Device device) {
  OpenBlackBox opened{find_study(path), {}};
  if (opened.study) {
    opened.box = box_of(path, opened.study->header(), std::move(box));
  } else if (box) {
    opened.box = std::move(*box);
  } else {
    throw UsageError(fmt::format("there is no study '{}'; name the file that describes it: --space",
                                 path.string()));
  }
  if (wish.sampler) opened.box.sampler = wish.sampler;
  if (wish.seed) opened.box.seed = wish.seed;
  const StudyHeader header = header_of(opened.box, path, device);
  if (opened.study) {
    check_same(path, opened.study->header(), header);
  } else {
    opened.study = create_or_open_study(path, header);
  }
  return opened;
}

std::unique_ptr<Study> open_to_tell(const std::filesystem::path& path) {
  auto study = find_study(path);
  if (!study) {
    throw StoreError(fmt::format("there is no study '{}'; 'ask' makes one", path.string()));
  }
  StudyHeader wanted = study->header();
  wanted.kind = StudyKind::black_box;
  wanted.version = program_version();
  check_same(path, study->header(), wanted);
  return study;
}

Asker::Asker(const OpenBlackBox& opened, const std::filesystem::path& path, Device device)
    : box_(opened.box),
      study_(*opened.study),
      device_(device),
      session_(study_, path, box_.space, {kAsked, kLease}) {}

Trial Asker::next() {
  if (any_left_) {
    if (std::optional<Trial> trial = session_.take()) return std::move(*trial);
    any_left_ = false;
  }
  const auto suggest = [this](const std::vector<Trial>& trials) -> Suggestion {
    const auto sampler =
        make_sampler(*box_.sampler, sampler_problem(box_, trials, device_), box_.options);
    const Values values =
        box_.space.decode(sampler->ask(session_.observations(trials), trials.size()));
    return {values, hash_of(values), *box_.seed};
  };
  return *session_.add(std::numeric_limits<std::int64_t>::max(), suggest);
}

void Asker::take_back(const Trial& trial) {
  // Nobody else can have told it: nobody knows it.
  any_left_ = study_.release(trial.number, session_.owner());
}

std::string suggestion_line(const Trial& trial) {
  nlohmann::ordered_json line;
  line["trial"] = trial.number;
  line["values"] = values_to_json(trial.values);
  return line.dump();
}

}  // namespace paretiny

#include "nas/black_box/black_box.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/one_line.h"
#include "base/text_file.h"
#include "base/version.h"
#include "nas/experiment/constraints.h"
#include "nas/experiment/space_reader.h"
#include "nas/experiment/stop_reader.h"
#include "nas/experiment/table_reader.h"
#include "nas/experiment/toml_text.h"
#include "nas/search/stop_watch.h"
#include "nas/study/same_study.h"

namespace paretiny::black_box {
namespace {

std::vector<study::Objective> read_objectives(const toml::table& root) {
  experiment::TableReader table(root, "objectives");
  std::vector<study::Objective> objectives;
  for (const std::string& name : table.unread()) {
    experiment::TableReader entry(table, name);
    study::Objective objective{name, "", {}, ""};
    if (entry.find("limit") != nullptr) {
      objective.limit = entry.number("limit", 0, -space::kMostReal, space::kMostReal);
      objective.limit_text = fmt::format("{}", *objective.limit);
    }
    if (entry.find("reference") != nullptr) {
      objective.reference = entry.number("reference", 0, -space::kMostReal, space::kMostReal);
    }
    objective.unit = entry.text("unit", "");
    objective.maximize = entry.boolean("maximize", false);
    objective.known = entry.boolean("known", false);
    entry.finish();
    objectives.push_back(std::move(objective));
  }
  if (objectives.empty()) {
    throw UsageError("the file names no objective: add tables such as [objectives.loss]");
  }
  return objectives;
}

BlackBox read(const toml::table& root, const std::string& name, std::string text) {
  BlackBox box;
  experiment::TableReader top(root, "");
  for (const char* known : {"study", "sampler", "objectives", "constraints", "space"}) {
    top.find(known);
  }
  top.finish();
  experiment::TableReader study(root, "study");
  search::StudySpec& spec = box.study;
  spec.kind = study::StudyKind::black_box;
  spec.name = study.text("name", name);
  if (!study::is_study_name(spec.name)) {
    study.fail("name", "must be a name without '/'");
  }
  if (study.find("sampler") != nullptr) {
    const std::vector<std::string> samplers = samplers::sampler_names();
    box.sampler = samplers[study.choice("sampler", samplers, samplers::kDefaultSampler)];
  }
  if (study.find("seed") != nullptr) {
    box.seed = static_cast<std::uint64_t>(study.integer("seed", 0, 0, INT64_MAX));
  }
  spec.initial = static_cast<std::size_t>(study.integer("initial", 10, 1, 1000000));
  box.rule.stop = experiment::read_stop(study);
  if (study.find("steps") != nullptr) box.rule.steps = study.integer("steps", 1, 1, 1000000000);
  if (box.rule.stop.method != stopping::StopMethod::off && box.rule.steps == 0) {
    study.fail("stop", "needs 'steps' beside it: how many steps a trial has");
  }
  study.finish();
  spec.task = fmt::format("black box\ninitial = {}\n", spec.initial);
  experiment::TableReader sampler(root, "sampler");
  for (const std::string& option : sampler.unread()) {
    spec.options[option] = sampler.number(option, 0, -1e9, 1e9);
    spec.task += fmt::format("sampler.{} = {}\n", option, spec.options[option]);
  }
  spec.objectives = read_objectives(root);
  const auto maximised = std::ranges::find(spec.objectives, true, &study::Objective::maximize);
  if (box.rule.stop.method != stopping::StopMethod::off && maximised != spec.objectives.end()) {
    study.fail("stop", fmt::format("is for objectives that are minimised; tell '{}' negated in "
                                   "place of maximize",
                                   maximised->name));
  }
  spec.constraints = experiment::read_bounds(root, spec.objectives);
  spec.space = experiment::read_space(root);
  if (spec.space.parameters().empty()) {
    throw UsageError("the file has no space: add tables such as [space.x] with low and high");
  }
  spec.text = std::move(text);
  return box;
}

/// The black box of an existing study: `box`, or else what the study keeps.
BlackBox box_of(const study::Location& location, const study::StudyHeader& header,
                std::optional<BlackBox> box) {
  study::check_kind(location, header, study::StudyKind::black_box);
  const bool its_own = !box || box->study.text == header.experiment;
  if (!box) {
    box = parse_black_box(header.experiment, location.text());
    box->study.name = header.name;
  }
  // The command that made the study may have said otherwise than the file.
  if (its_own || !box->sampler) box->sampler = header.sampler;
  if (its_own || !box->seed) box->seed = header.seed;
  return std::move(*box);
}

/// The header of a study of `spec`, which is to lie at `location`.
study::StudyHeader header_at(const study::Location& location, const search::StudySpec& spec,
                             Device device) {
  try {
    return search::header_of(spec, device);
  } catch (const UsageError& error) {  // options that it does not have
    throw UsageError(fmt::format("the study '{}': {}", location.text(), error.what()));
  }
}

}  // namespace

BlackBox load_black_box(const std::filesystem::path& path) {
  std::optional<std::string> text;
  if (std::filesystem::is_regular_file(path)) text = read_text(path);
  if (!text) throw DataError("there is no file '" + path.string() + "' that can be read");
  return parse_black_box(*text, path.string());
}

BlackBox parse_black_box(const std::string& text, const std::string& source) {
  const toml::table root = experiment::parse_toml(text, source);
  try {
    return read(root, std::filesystem::path(source).stem().string(), text);
  } catch (const UsageError& error) {
    const std::string what = one_line(error.what());
    throw UsageError(what.starts_with(source) ? what : source + ": " + what);
  }
}

OpenBlackBox open_black_box(const study::Location& location, std::optional<BlackBox> box,
                            const BlackBoxWish& wish, Device device) {
  OpenBlackBox opened{study::find_study(location), {}};
  const bool told = box.has_value();  // what its rule is; else it stays
  if (opened.study) {
    box = box_of(location, opened.study->header(), std::move(box));
  } else if (!box) {
    throw UsageError(fmt::format("there is no study '{}'; name the file that describes it: --space",
                                 location.text()));
  }
  opened.spec = std::move(box->study);
  opened.spec.sampler =
      wish.sampler ? *wish.sampler : box->sampler.value_or(samplers::kDefaultSampler);
  opened.spec.seed = wish.seed ? *wish.seed : box->seed.value_or(0);
  const study::StudyHeader header = header_at(location, opened.spec, device);
  if (opened.study) {
    study::check_same(location, opened.study->header(), header);
  } else {
    opened.study = study::create_or_open_study(location, header);
  }
  if (told) opened.note = search::record_run(*opened.study, settings_of(box->rule));
  return opened;
}

std::unique_ptr<study::Study> open_to_tell(const study::Location& location) {
  auto study = study::find_study(location);
  if (!study) {
    throw StoreError(fmt::format("there is no study '{}'; 'ask' makes one", location.text()));
  }
  study::StudyHeader wanted = study->header();
  wanted.kind = study::StudyKind::black_box;
  wanted.version = program_version();
  study::check_same(location, study->header(), wanted);
  return study;
}

}  // namespace paretiny::black_box

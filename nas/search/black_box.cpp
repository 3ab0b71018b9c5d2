#include "nas/search/black_box.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/one_line.h"
#include "base/text_file.h"
#include "nas/experiment/constraints.h"
#include "nas/experiment/space_reader.h"
#include "nas/experiment/stop_reader.h"
#include "nas/experiment/table_reader.h"
#include "nas/experiment/toml_text.h"
#include "nas/search/limits.h"
#include "nas/search/stop_watch.h"
#include "nas/search/version.h"
#include "nas/study/same_study.h"
#include "nas/study/study_json.h"
#include "nas/summary/scales.h"

namespace paretiny::search {
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
  StudySpec& spec = box.study;
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

/// Candidates in a row that may be passed over.
constexpr std::size_t kMostPassedOver = 100;

std::unique_ptr<KnownObjectives> start_known(const std::string& command,
                                             const std::vector<study::Objective>& objectives) {
  const auto known = std::ranges::find(objectives, true, &study::Objective::known);
  if (known == objectives.end() && command.empty()) return nullptr;
  if (known == objectives.end()) {
    throw UsageError("--known names a command, but the file says 'known = true' of no objective");
  }
  if (command.empty()) {
    throw UsageError(fmt::format(
        "objective '{}' is known before a trial: name the command that computes it, --known",
        known->name));
  }
  return std::make_unique<KnownObjectives>(command, objectives);
}

Foresight foresight_of(KnownObjectives* known) {
  Foresight foresight;
  if (known != nullptr) {
    foresight.known = [known](const space::Values& values) { return (*known)(values); };
  }
  return foresight;
}

/// The header of a study of `spec`, which is to lie at `location`.
study::StudyHeader header_at(const study::Location& location, const StudySpec& spec,
                             Device device) {
  try {
    return header_of(spec, device);
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
  if (told) opened.note = record_run(*opened.study, settings_of(box->rule));
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

Asker::Asker(const OpenBlackBox& opened, const study::Location& location, Device device,
             const std::string& known, bool explain)
    : study_(*opened.study),
      objectives_(opened.spec.objectives),
      lease_{kAsked, kAskedLease},
      known_(start_known(known, objectives_)),
      session_(study_, location, opened.spec, device, foresight_of(known_.get()), {}, explain) {}

Remarks Asker::remarks(const study::Trial& trial) {
  Remarks remarks{origin_.by, {}, note(), origin_.detail};
  if (!known_) return remarks;
  const std::vector<double> known = minimised(objectives_, (*known_)(trial.values));
  for (std::size_t k = 0; k < known.size(); ++k) {
    if (std::isfinite(known[k])) remarks.known[objectives_[k].name] = known[k];
  }
  return remarks;
}

bool Asker::passed_over(const study::Trial& trial) {
  if (!known_) return false;
  const std::vector<double> values = minimised(objectives_, (*known_)(trial.values));
  const std::string reason = broken_limit(objectives_, values);
  if (reason.empty()) return false;
  return study_.infeasible(trial.number, lease_.owner, {values, {}, reason});
}

study::Trial Asker::next() {
  passed_over_ = 0;
  origin_ = {};
  if (any_left_) {
    if (std::optional<study::Trial> trial = study_.claim(lease_)) return std::move(*trial);
    any_left_ = false;
  }
  while (true) {
    if (passed_over_ == kMostPassedOver) {
      throw samplers::SpaceExhausted(fmt::format(
          "{} candidates in a row are known to break a limit; they are recorded as infeasible, and "
          "the next 'ask' goes on",
          passed_over_));
    }
    const std::vector<study::Trial>& known = study_.trials();
    const auto number = static_cast<std::int64_t>(known.size());
    const Suggestion suggestion = session_.ask(known);
    if (known_) (*known_)(suggestion.values);  // a command that fails leaves no trial behind
    // Whoever is quicker takes the number; what it asked for belongs to what is known next time.
    if (auto added = session_.add(number, suggestion, lease_)) {
      origin_ = suggestion.origin;
      if (!passed_over(*added)) return std::move(*added);
      ++passed_over_;
    }
  }
}

void Asker::take_back(const study::Trial& trial) {
  // Nobody else can have told it: nobody knows it.
  any_left_ = study_.release(trial.number, lease_.owner);
}

std::string Asker::note() const {
  std::string note = summary::reference_note(study_.header().objectives, study_.trials());
  if (passed_over_ > 0) {
    note += fmt::format("{}{} candidate{} that {} known to break a limit {} recorded as infeasible",
                        note.empty() ? "" : "; ", passed_over_, passed_over_ == 1 ? "" : "s",
                        passed_over_ == 1 ? "is" : "are", passed_over_ == 1 ? "was" : "were");
  }
  return note;
}

std::string suggestion_line(const study::Trial& trial, const Remarks& remarks) {
  nlohmann::ordered_json line;
  line["trial"] = trial.number;
  line["values"] = study::values_to_json(trial.values);
  if (!remarks.by.empty()) line["by"] = remarks.by;
  if (!remarks.known.empty()) line["known"] = remarks.known;
  if (!remarks.note.empty()) line["note"] = remarks.note;
  if (!remarks.detail.empty()) line["detail"] = remarks.detail;
  return line.dump();
}

}  // namespace paretiny::search

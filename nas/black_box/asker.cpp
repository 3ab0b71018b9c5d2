#include "nas/black_box/asker.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "nas/search/limits.h"
#include "nas/study/study_json.h"
#include "nas/summary/scales.h"

namespace paretiny::black_box {
namespace {

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

search::Foresight foresight_of(KnownObjectives* known) {
  search::Foresight foresight;
  if (known != nullptr) {
    foresight.known = [known](const space::Values& values) { return (*known)(values); };
  }
  return foresight;
}

}  // namespace

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
  const std::vector<double> known = study::minimised(objectives_, (*known_)(trial.values));
  for (std::size_t k = 0; k < known.size(); ++k) {
    if (std::isfinite(known[k])) remarks.known[objectives_[k].name] = known[k];
  }
  return remarks;
}

bool Asker::passed_over(const study::Trial& trial) {
  if (!known_) return false;
  const std::vector<double> values = study::minimised(objectives_, (*known_)(trial.values));
  const std::string reason = search::broken_limit(objectives_, values);
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
    const search::Suggestion suggestion = session_.ask(known);
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

}  // namespace paretiny::black_box

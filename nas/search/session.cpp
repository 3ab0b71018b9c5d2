#include "nas/search/session.h"

#include <fmt/core.h>

#include <utility>

#include "base/error.h"
#include "nas/experiment/constraints.h"
#include "nas/search/version.h"
#include "nas/study/damage.h"

namespace paretiny {
namespace {

Outcome outcome_of(TrialState state) {
  switch (state) {
    case TrialState::done:
      return Outcome::finished;
    case TrialState::infeasible:
      return Outcome::infeasible;
    case TrialState::failed:
    case TrialState::abandoned:
      return Outcome::failed;
    case TrialState::waiting:
    case TrialState::running:
      return Outcome::pending;
  }
  return Outcome::pending;
}

}  // namespace

void sign(StudyHeader& header, Device device) {
  header.version = program_version();
  header.commit = program_commit();
  header.device = to_string(device);
}

Session::Session(Study& study, std::filesystem::path store, const Space& space, Lease lease)
    : study_(study), store_(std::move(store)), space_(space), lease_(std::move(lease)) {
  observations(study_.trials());
}

std::vector<Observation> Session::observations(const std::vector<Trial>& trials,
                                               const std::vector<double>& scales) {
  while (positions_.size() < trials.size()) {
    const Trial& trial = trials[positions_.size()];
    try {
      positions_.push_back(space_.encode(trial.values));
    } catch (const UsageError& error) {
      throw_damaged(store_, fmt::format("trial {}: {}", trial.number, error.what()));
    }
  }
  std::vector<Observation> list;
  list.reserve(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    Observation seen{positions_[i], outcome_of(trials[i].state)};
    if (seen.outcome == Outcome::finished || seen.outcome == Outcome::infeasible) {
      seen.objectives = trials[i].objectives;
      for (std::size_t k = 0; k < scales.size(); ++k) seen.objectives[k] /= scales[k];
      seen.constraints = misses(study_.header().constraints, trials[i].metrics);
    }
    list.push_back(std::move(seen));
  }
  return list;
}

std::optional<Trial> Session::take() {
  return study_.claim(lease_);
}

std::optional<Trial> Session::add(std::int64_t most, const Suggest& suggest) {
  // Whoever is quicker takes the number; what it asked for belongs to what is known next time.
  while (true) {
    const std::vector<Trial>& trials = study_.trials();
    const auto number = static_cast<std::int64_t>(trials.size());
    if (number >= most) return std::nullopt;
    const Suggestion next = suggest(trials);
    if (auto added = study_.add_trial(number, next.values, next.architecture, next.seed, lease_)) {
      return added;
    }
  }
}

}  // namespace paretiny

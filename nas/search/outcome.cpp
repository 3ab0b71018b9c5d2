#include "nas/search/outcome.h"

#include <fmt/format.h>

#include "kernels/error.h"
#include "nas/study/damage.h"

namespace paretiny {

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

void check_values(Study& study, const std::filesystem::path& path, const Space& space) {
  for (const Trial& trial : study.trials()) {
    try {
      space.encode(trial.values);
    } catch (const UsageError& error) {
      throw_damaged(path, fmt::format("trial {}: {}", trial.number, error.what()));
    }
  }
}

}  // namespace paretiny

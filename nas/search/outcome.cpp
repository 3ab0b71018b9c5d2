#include "nas/search/outcome.h"

#include <fmt/format.h>

#include "kernels/error.h"

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
      throw StoreError(fmt::format(
          "the study '{}' is damaged: trial {}: {}; put a copy in its place, or begin another "
          "study in another file",
          path.string(), trial.number, error.what()));
    }
  }
}

}  // namespace paretiny

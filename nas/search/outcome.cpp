#include "nas/search/outcome.h"

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

}  // namespace paretiny

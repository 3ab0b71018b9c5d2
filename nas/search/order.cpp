#include "nas/search/order.h"

#include <cmath>
#include <limits>

namespace paretiny::search {
namespace {

/// As it was before its end.
void make_pending(study::Trial& trial) {
  trial.state = study::TrialState::running;
  trial.objectives.assign(trial.objectives.size(), std::numeric_limits<double>::quiet_NaN());
  trial.metrics.clear();
}

}  // namespace

bool was_settled(const study::Trial& trial) {
  return trial.state == study::TrialState::infeasible && !trial.objectives.empty() &&
         std::isnan(trial.objectives[0]);
}

std::optional<std::vector<study::Trial>> known_to_next(
    const std::vector<study::Trial>& trials, std::int64_t lag,
    const std::function<bool(const study::Trial&)>& is_ours) {
  std::vector<std::size_t> pending;
  for (std::size_t i = trials.size(); i-- > 0;) {
    if (was_settled(trials[i])) continue;
    if (static_cast<std::int64_t>(pending.size()) + 1 < lag) {
      pending.push_back(i);
    } else if (trials[i].state == study::TrialState::running && is_ours(trials[i])) {
      return std::nullopt;
    }
  }
  std::vector<study::Trial> known = trials;
  for (const std::size_t i : pending) make_pending(known[i]);
  return known;
}

}  // namespace paretiny::search

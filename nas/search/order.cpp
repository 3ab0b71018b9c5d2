#include "nas/search/order.h"

#include <cmath>
#include <limits>

namespace paretiny {
namespace {

/// As it was before its end.
void make_pending(Trial& trial) {
  trial.state = TrialState::running;
  trial.objectives.assign(trial.objectives.size(), std::numeric_limits<double>::quiet_NaN());
  trial.metrics.clear();
}

}  // namespace

bool was_settled(const Trial& trial) {
  return trial.state == TrialState::infeasible && !trial.objectives.empty() &&
         std::isnan(trial.objectives[0]);
}

std::optional<std::vector<Trial>> known_to_next(const std::vector<Trial>& trials, std::int64_t lag,
                                                const std::function<bool(const Trial&)>& is_ours) {
  std::vector<Trial> known = trials;
  std::int64_t pending = 0;
  for (auto trial = known.rbegin(); trial != known.rend(); ++trial) {
    if (was_settled(*trial)) continue;
    if (++pending < lag) {
      make_pending(*trial);
    } else if (trial->state == TrialState::running && is_ours(*trial)) {
      return std::nullopt;
    }
  }
  return known;
}

}  // namespace paretiny

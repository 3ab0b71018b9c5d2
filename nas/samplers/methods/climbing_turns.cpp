#include "nas/samplers/methods/climbing_turns.h"

#include <algorithm>
#include <limits>

#include "nas/pareto/pareto.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

/// Told of trials in their order, says of each whether it gains something over those before.
class Gains {
 public:
  explicit Gains(const SamplerProblem& problem) : problem_(problem) {}

  bool add(const Observation& trial) {
    const bool known = trial.outcome == Outcome::finished || trial.outcome == Outcome::infeasible;
    if (!known) return false;
    const double violation = violation_of(problem_, trial);
    if (trial.outcome == Outcome::finished && violation == 0 &&
        is_below(trial.objectives, problem_.reference)) {
      return pareto::extend_front(front_, trial.objectives);
    }
    if (!front_.empty() || !(violation < least_)) return false;
    least_ = violation;
    return true;
  }

 private:
  const SamplerProblem& problem_;
  pareto::Points front_;
  double least_ = std::numeric_limits<double>::infinity();
};

}  // namespace

bool climbs_next(const SamplerProblem& problem, const std::vector<Observation>& history) {
  Gains gains(problem);
  bool climbs = true;
  int fruitless = 0, turn = kPatience, left = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (history[i].outcome == Outcome::pending) continue;
    const bool gain = gains.add(history[i]);
    if (i < problem.initial) continue;
    fruitless = gain ? 0 : fruitless + 1;
    if (climbs) {
      if (gain) turn = kPatience;
      if (fruitless < kPatience) continue;
      climbs = false;
      left = turn;
      turn = std::min(2 * turn, std::numeric_limits<int>::max() / 4);
    } else {
      if (--left > 0 && fruitless < kPatience) continue;
      climbs = true;
    }
    fruitless = 0;
  }
  return climbs;
}

}  // namespace paretiny::samplers

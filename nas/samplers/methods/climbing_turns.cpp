#include "nas/samplers/methods/climbing_turns.h"

#include <algorithm>
#include <limits>

#include "nas/pareto/hypervolume.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

constexpr int kFirstWalks = 2;
constexpr int kMostWalks = 1 << 20;

/// Told of trials in their order, says what each gains over those before.
class Gains {
 public:
  explicit Gains(const SamplerProblem& problem) : problem_(problem) {}

  double add(const Observation& trial) {
    if (trial.outcome != Outcome::finished && trial.outcome != Outcome::infeasible) return 0;
    double away = violation_of(problem_, trial);
    for (std::size_t k = 0; k < trial.objectives.size(); ++k) {
      if (trial.objectives[k] > problem_.reference[k])
        away += trial.objectives[k] - problem_.reference[k];
    }
    if (trial.outcome == Outcome::finished && away == 0 &&
        is_below(trial.objectives, problem_.reference)) {
      const double gain = pareto::hypervolume_gain(front_, trial.objectives, problem_.reference);
      if (!pareto::extend_front(front_, trial.objectives)) return 0;
      volume_ += gain;
      return gain / volume_;
    }
    if (!front_.empty() || !(away < least_)) return 0;
    const double gain = least_ < std::numeric_limits<double>::infinity() ? least_ - away : 0;
    least_ = away;
    return gain;
  }

 private:
  const SamplerProblem& problem_;
  pareto::Points front_;
  double volume_ = 0;  ///< the front's hypervolume
  double least_ = std::numeric_limits<double>::infinity();
};

/// Whose turn it is.
class Turns {
 public:
  void add(double gain) {
    sum_ += gain;
    if (++trials_ < kTurn) return;
    const double gained = sum_ / kTurn;
    sum_ = 0;
    trials_ = 0;
    if (climbs_) {
      end_climbing(gained);
    } else {
      end_walking(gained);
    }
  }

  bool climbs() const { return climbs_; }

 private:
  void end_climbing(double gained) {
    climbing_ = gained;
    if (walking_ >= 0) {
      most_walks_ = gained < walking_ ? std::min(2 * most_walks_, kMostWalks) : kFirstWalks;
    }
    climbs_ = gained > 0 && gained >= (walking_ < 0 ? kLittleGain : walking_);
    walks_ = 0;
  }

  void end_walking(double gained) {
    walking_ = gained;
    climbs_ = ++walks_ >= most_walks_ || climbing_ >= walking_;
  }

  bool climbs_ = true;
  double sum_ = 0;
  int trials_ = 0;
  double climbing_ = 0;  ///< a trial, of the last turn
  double walking_ = -1;  ///< likewise; negative while there was none
  int walks_ = 0;        ///< turns of walks in a row
  int most_walks_ = kFirstWalks;
};

}  // namespace

bool climbs_next(const SamplerProblem& problem, const std::vector<Observation>& history) {
  Gains gains(problem);
  Turns turns;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (history[i].outcome == Outcome::pending) continue;
    const double gain = gains.add(history[i]);
    if (i >= problem.initial) turns.add(gain);
  }
  return turns.climbs();
}

}  // namespace paretiny::samplers

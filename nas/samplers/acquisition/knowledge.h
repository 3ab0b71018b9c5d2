// What a history says, in the forms that model-based samplers need.
#pragma once

#include <vector>

#include "nas/pareto/pareto.h"
#include "nas/samplers/sampler.h"
#include "nas/surrogate/surrogates.h"

namespace paretiny::samplers {

/// Something that is measured and has a surrogate: an objective, a constraint, or failure, which is
/// 1 for a failed trial and 0 for others and has the limit 1/2.
struct Quantity {
  std::size_t number = 0;  ///< of an objective; constraints follow, then failure
  double limit = 0;        ///< met by values up to here; infinity for none
};

/// Trials that surrogates learn from at most; a suggestion's time grows with the cube of them.
inline constexpr std::size_t kMostLearnt = 800;

/// Trials of which something is known, failed ones, pending ones.
struct Knowledge {
  /// Surrogates are to learn from `most` trials at most.
  Knowledge(const SamplerProblem& problem, const std::vector<Observation>& history,
            std::size_t most = kMostLearnt);

  /// A finished, infeasible or stopped trial.
  struct MeasuredTrial {
    std::vector<double> objectives;  ///< [objectives], NaN where not measured
    double violation = 0;            ///< as in violation_of
    bool complete = false;           ///< all objectives and constraints are measured
    /// Of objectives that are predicted: standard deviations, [objectives]; empty where none is.
    std::vector<double> deviations{};
  };
  std::size_t objectives;  ///< of the problem
  std::vector<MeasuredTrial> trials;
  surrogate::RowMatrix measured;  ///< positions of `trials`, [t, d]
  surrogate::RowMatrix failed;    ///< [f, d]
  surrogate::RowMatrix pending;   ///< [p, d]

  /// By number, those never measured left out; failure is there once a trial has failed and another
  /// has not.
  std::vector<Quantity> quantities;
  /// What surrogates learn from: indices into `trials`, ascending (see learnt_trials).
  std::vector<std::size_t> learnt;
  /// Of each quantity, in the order of the history: of the `learnt`.
  std::vector<surrogate::TrainingSet> sets;

  /// The Pareto set of complete trials that meet all limits: indices into `trials`, ascending.
  std::vector<std::size_t> front;
  /// The best positions so far, [a, d]: the front; while it is empty, the trials of least
  /// violation, complete ones first.
  surrogate::RowMatrix anchors;

  /// Objectives of the front.
  pareto::Points front_points() const;
};

/// The trials that surrogates learn from, ascending: all, or `most` of them. Those are the front,
/// those nearest to it, at least half, and of the rest as many of every distance.
std::vector<std::size_t> learnt_trials(const std::vector<Knowledge::MeasuredTrial>& trials,
                                       const std::vector<std::size_t>& front, std::size_t most);

/// `most` of 0 .. all - 1, as far apart as can be; all if they are no more.
std::vector<std::size_t> evenly(std::size_t all, std::size_t most);

}  // namespace paretiny::samplers

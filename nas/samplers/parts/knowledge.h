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

/// Trials of which something is known, failed ones, pending ones.
struct Knowledge {
  Knowledge(const SamplerProblem& problem, const std::vector<Observation>& history);

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
  /// Of each quantity, in the order of the history.
  std::vector<surrogate::TrainingSet> sets;

  /// The Pareto set of complete trials that meet all limits: indices into `trials`, ascending.
  std::vector<std::size_t> front;
  /// The best positions so far, [a, d]: the front; while it is empty, the trials of least
  /// violation, complete ones first.
  surrogate::RowMatrix anchors;

  /// Objectives of the front.
  pareto::Points front_points() const;
};

}  // namespace paretiny::samplers

#include "nas/samplers/acquisition/knowledge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "nas/pareto/pareto.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
/// Lengthscale along one coordinate; distances grow with sqrt(d).
constexpr double kFailureLengthscale = 0.2;
/// Variance of the 0 or 1 that a failure is: a trial may fail once and not again.
constexpr double kFailureNoise = 0.05;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// `values` with as many entries as are wanted, NaN where not finite or not given.
std::vector<double> measured_values(const std::vector<double>& values, std::size_t count) {
  std::vector<double> result(count, kUnknown);
  if (values.size() != count) return result;
  for (std::size_t k = 0; k < count; ++k) {
    if (std::isfinite(values[k])) result[k] = values[k];
  }
  return result;
}

/// Standard deviations of the values that a history gives, of which `objectives` come first.
std::vector<double> deviations_of(const Observation& o, std::size_t objectives, std::size_t all) {
  std::vector<double> deviations(all, 0.0);
  if (o.outcome != Outcome::stopped || o.deviations.size() != objectives) return deviations;
  for (std::size_t k = 0; k < objectives; ++k) {
    deviations[k] = o.deviations[k] > 0 && std::isfinite(o.deviations[k]) ? o.deviations[k] : 0.0;
  }
  return deviations;
}

surrogate::RowMatrix rows_of(const std::vector<const std::vector<double>*>& points,
                             std::size_t dimensions) {
  surrogate::RowMatrix rows(static_cast<Eigen::Index>(points.size()),
                            static_cast<Eigen::Index>(dimensions));
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    rows.row(i) = Eigen::Map<const Eigen::RowVectorXd>(points[static_cast<std::size_t>(i)]->data(),
                                                       rows.cols());
  }
  return rows;
}

/// Of the surrogate of failure. A fit would take the step from 0 to 1 for short lengthscales and
/// learn nothing beyond the trials themselves.
Eigen::VectorXd failure_hyperparameters(std::size_t dimensions) {
  const auto d = static_cast<double>(dimensions);
  Eigen::VectorXd h = Eigen::VectorXd::Constant(static_cast<Eigen::Index>(dimensions) + 2,
                                                std::log(kFailureLengthscale * std::sqrt(d)));
  h(0) = 0;
  h(h.size() - 1) = std::log(kFailureNoise);
  return h;
}

}  // namespace

std::vector<std::size_t> evenly(std::size_t all, std::size_t most) {
  std::vector<std::size_t> places;
  const std::size_t count = std::min(all, most);
  for (std::size_t i = 0; i < count; ++i) places.push_back(i * all / count);
  return places;
}

std::vector<std::size_t> learnt_trials(const std::vector<Knowledge::MeasuredTrial>& trials,
                                       const std::vector<std::size_t>& front, std::size_t most) {
  std::vector<std::size_t> order(trials.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (trials.size() <= most) return order;
  // How far a trial is from the front: what is missing at least, in its worst objective.
  std::vector<double> missing;
  for (const Knowledge::MeasuredTrial& trial : trials) {
    double least = front.empty() ? 0 : kNone;
    for (const std::size_t member : front) {
      double worst = 0;
      for (std::size_t k = 0; k < trial.objectives.size(); ++k) {
        const double beyond = trial.objectives[k] - trials[member].objectives[k];
        if (beyond > worst) worst = beyond;  // false for what was not measured
      }
      least = std::min(least, worst);
    }
    missing.push_back(least + trial.violation);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return missing[a] < missing[b]; });
  const std::size_t near = std::max(most / 2, std::min(front.size(), most));
  std::vector<std::size_t> chosen(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(near));
  for (const std::size_t place : evenly(order.size() - near, most - near)) {
    chosen.push_back(order[near + place]);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

Knowledge::Knowledge(const SamplerProblem& problem, const std::vector<Observation>& history,
                     std::size_t most)
    : objectives(problem.objectives) {
  const std::size_t d = problem.space.dimensions();
  const std::size_t m = problem.objectives;
  std::vector<const std::vector<double>*> at, failures, waiting;
  std::vector<std::vector<double>> values;  // objectives, then constraints
  std::vector<std::vector<double>> deviations;
  for (const Observation& o : history) {
    if (o.outcome == Outcome::pending) {
      waiting.push_back(&o.x);
      continue;
    }
    std::vector<double> all = measured_values(o.objectives, m);
    const std::vector<double> constraints = measured_values(o.constraints, problem.constraints);
    all.insert(all.end(), constraints.begin(), constraints.end());
    const bool complete = pareto::all_finite(all);
    if (o.outcome == Outcome::failed || (o.outcome == Outcome::finished && !complete)) {
      failures.push_back(&o.x);
      continue;
    }
    at.push_back(&o.x);
    trials.push_back(
        {measured_values(o.objectives, m), violation_of(problem, o),
         complete && o.outcome == Outcome::finished,
         o.outcome == Outcome::stopped ? deviations_of(o, m, m) : std::vector<double>{}});
    deviations.push_back(deviations_of(o, m, all.size()));
    values.push_back(std::move(all));
  }
  measured = rows_of(at, d);
  failed = rows_of(failures, d);
  pending = rows_of(waiting, d);

  std::vector<std::size_t> feasible;
  pareto::Points points;
  bool some_complete = false;
  double least = kNone;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].complete && trials[i].violation == 0) {
      feasible.push_back(i);
      points.push_back(trials[i].objectives);
    }
    if (trials[i].complete && !some_complete) {
      some_complete = true;
      least = kNone;
    }
    if (trials[i].complete == some_complete) least = std::min(least, trials[i].violation);
  }
  for (const std::size_t i : pareto::non_dominated(points)) front.push_back(feasible[i]);
  std::vector<const std::vector<double>*> best;
  for (const std::size_t i : front) best.push_back(at[i]);
  for (std::size_t i = 0; i < trials.size() && front.empty(); ++i) {
    if (trials[i].complete == some_complete && trials[i].violation == least) best.push_back(at[i]);
  }
  anchors = rows_of(best, d);

  learnt = learnt_trials(trials, front, most);
  for (std::size_t q = 0; q < m + problem.constraints; ++q) {
    const double limit = q >= m ? 0 : problem.limits.empty() ? kNone : problem.limits[q];
    std::vector<const std::vector<double>*> known;
    std::vector<double> y, spread;
    for (const std::size_t i : learnt) {
      if (std::isnan(values[i][q])) continue;
      known.push_back(at[i]);
      y.push_back(values[i][q]);
      spread.push_back(deviations[i][q]);
    }
    if (known.empty()) continue;
    quantities.push_back({q, limit});
    const auto n = static_cast<Eigen::Index>(y.size());
    sets.push_back({rows_of(known, d), Eigen::Map<const Eigen::VectorXd>(y.data(), n)});
    const Eigen::Map<const Eigen::VectorXd> noise(spread.data(), n);
    if (noise.maxCoeff() > 0) sets.back().deviation = noise;
  }

  if (!failures.empty() && !at.empty()) {
    std::vector<const std::vector<double>*> both;
    const std::size_t room = std::max(most / 4, most - learnt.size());
    const std::vector<std::size_t> failing = evenly(failures.size(), room);
    for (const std::size_t i : evenly(learnt.size(), most - failing.size())) {
      both.push_back(at[learnt[i]]);
    }
    for (const std::size_t i : failing) both.push_back(failures[i]);
    Eigen::VectorXd y = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(both.size()));
    y.tail(static_cast<Eigen::Index>(failing.size())).setOnes();
    surrogate::RowMatrix x = rows_of(both, d);
    quantities.push_back({m + problem.constraints, 0.5});
    sets.push_back({std::move(x), std::move(y), failure_hyperparameters(d)});
  }
}

pareto::Points Knowledge::front_points() const {
  pareto::Points points;
  for (const std::size_t i : front) points.push_back(trials[i].objectives);
  return points;
}

}  // namespace paretiny::samplers

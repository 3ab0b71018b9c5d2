#include "nas/samplers/acquisition/reward.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/bayes/acquisition.h"
#include "kernels/core/random.h"
#include "nas/samplers/acquisition/simplex_weights.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

/// An objective that spans less over the front has no range to be divided by.
constexpr double kLeastRange = 1e-9;

/// The Pareto set's objectives, and what is believed of pending trials: behind the measured ones,
/// the surrogates' training sets hold them.
pareto::Points believed_front(const SamplerProblem& problem, const Knowledge& knowledge,
                              const surrogate::Surrogates& surrogates) {
  pareto::Points front = knowledge.front_points();
  const Eigen::Index first = knowledge.sets[0].y.size();
  const Eigen::Index pending = surrogates.training(0).y.size() - first;
  for (Eigen::Index i = 0; i < pending; ++i) {
    Observation believed;
    for (std::size_t s = 0; s < knowledge.quantities.size(); ++s) {
      const double value =
          surrogates.standard(s).back(surrogates.training(s).y(knowledge.sets[s].y.size() + i));
      const bool objective = knowledge.quantities[s].number < problem.objectives;
      (objective ? believed.objectives : believed.constraints)
          .push_back(objective ? value : value - knowledge.quantities[s].limit);
    }
    if (violation_of(problem, believed) == 0) front.push_back(std::move(believed.objectives));
  }
  return front;
}

}  // namespace

Reward::Reward(const SamplerProblem& problem, const Knowledge& knowledge,
               const surrogate::Surrogates& surrogates, Improvement improvement,
               std::size_t samples, std::uint64_t trial)
    : surrogates_(surrogates), improvement_(improvement) {
  Stream& stream = surrogates.stream();
  std::vector<double> limits;
  for (std::size_t s = 0; s < knowledge.quantities.size(); ++s) {
    double limit = knowledge.quantities[s].limit;
    // Nothing is gained beyond the reference.
    const std::size_t objective = knowledge.quantities[s].number;
    if (objective < problem.objectives) {
      limit = std::min(limit, problem.reference[objective]);
    }
    limits.push_back(surrogates.standard(s).of(limit));
    limited_ = limited_ || std::isfinite(limits.back());
  }
  limits_ = surrogate::DeviceArray(
      stream, DType::f64, {1, 1, 1, static_cast<std::int64_t>(limits.size())}, limits.data());
  pareto::Points front = believed_front(problem, knowledge, surrogates);
  if (improvement == Improvement::scalarised) {
    std::erase_if(front, [&](const auto& point) { return !is_below(point, problem.reference); });
  }
  improves_ = !knowledge.front.empty() && !front.empty();
  if (!improves_) return;
  if (improvement == Improvement::scalarised) {
    set_scalarisation(front, problem.reference, samples, problem.seed, trial);
  } else {
    set_boxes(front, problem.reference);
  }
}

void Reward::set_scalarisation(const pareto::Points& front, const std::vector<double>& reference,
                               std::size_t samples, std::uint64_t seed, std::uint64_t trial) {
  Stream& stream = surrogates_.stream();
  const std::size_t m = front[0].size();
  Random random(seed, "ars scalarisation", trial);
  const std::vector<double> weights = simplex_weights(m, random);
  // In the surrogates' units: the same scalarisation of standardised objectives.
  std::vector<double> low(m), factor(m);
  for (std::size_t k = 0; k < m; ++k) {
    const auto least = std::min_element(front.begin(), front.end(),
                                        [&](const auto& a, const auto& b) { return a[k] < b[k]; });
    const double range = reference[k] - (*least)[k];
    const surrogate::Standard& standard = surrogates_.standard(k);
    low[k] = standard.of((*least)[k]);
    factor[k] = weights[k] * standard.scale / (range < kLeastRange ? standard.scale : range);
  }
  best_ = std::numeric_limits<double>::infinity();
  for (const std::vector<double>& point : front) {
    double largest = -std::numeric_limits<double>::infinity();
    double sum = 0;
    for (std::size_t k = 0; k < m; ++k) {
      const double term = (surrogates_.standard(k).of(point[k]) - low[k]) * factor[k];
      largest = std::max(largest, term);
      sum += term;
    }
    best_ = std::min(best_, largest + bayes::kAugmentation * sum);
  }
  surrogate::RowMatrix normals(static_cast<Eigen::Index>(samples), static_cast<Eigen::Index>(m));
  for (double& value : normals.reshaped<Eigen::RowMajor>()) value = random.normal();
  const Shape row{1, 1, 1, static_cast<std::int64_t>(m)};
  low_ = surrogate::DeviceArray(stream, DType::f64, row, low.data());
  factor_ = surrogate::DeviceArray(stream, DType::f64, row, factor.data());
  normals_ = surrogate::DeviceArray(stream, normals);
}

void Reward::set_boxes(const pareto::Points& front, const std::vector<double>& reference) {
  Stream& stream = surrogates_.stream();
  const auto standardised = [&](std::vector<double> point) {
    for (std::size_t k = 0; k < point.size(); ++k) point[k] = surrogates_.standard(k).of(point[k]);
    return point;
  };
  pareto::Points points;
  for (const std::vector<double>& point : front) points.push_back(standardised(point));
  boxes_ = DeviceBoxes(stream, pareto::undominated_boxes(points, standardised(reference)));
}

void Reward::operator()(ConstView queries, View mean, View variance, View rewards) const {
  Stream& stream = surrogates_.stream();
  bayes::gp_posterior(stream, surrogates_.shape(), surrogates_.state(),
                      {.queries = queries, .mean = mean, .variance = variance});
  stream.zero(rewards.data, rewards.bytes());
  const bayes::Beliefs beliefs{.mean = mean, .variance = variance};
  if (improves_ && improvement_ == Improvement::scalarised) {
    bayes::add_log_scalarised_improvement(stream, {low_, factor_, normals_, best_}, beliefs,
                                          rewards);
  } else if (improves_) {
    bayes::add_log_hypervolume_improvement(stream, boxes_, beliefs, rewards);
  }
  if (limited_) bayes::add_log_within(stream, limits_, beliefs, rewards);
}

Eigen::VectorXd Reward::at(const surrogate::RowMatrix& points) const {
  Stream& stream = surrogates_.stream();
  const std::int64_t q = points.rows();
  const std::int64_t sets = surrogates_.shape().sets;
  const surrogate::DeviceArray queries(stream, points);
  const surrogate::DeviceArray mean(stream, DType::f64, {1, 1, sets, q});
  const surrogate::DeviceArray variance(stream, DType::f64, {1, 1, sets, q});
  const surrogate::DeviceArray rewards(stream, DType::f64, {1, 1, 1, q});
  (*this)(queries, mean, variance, rewards);
  return rewards.download(stream, 1).row(0).transpose();
}

}  // namespace paretiny::samplers

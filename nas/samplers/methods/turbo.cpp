#include "nas/samplers/methods/turbo.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/core/stop.h"
#include "nas/pareto/pareto.h"
#include "nas/samplers/acquisition/simplex_weights.h"
#include "nas/samplers/options.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

/// A success improves the best value by this share of it.
constexpr double kRegionProgress = 1e-3;

/// Candidates nearer to one in flight than this share of the region's sides come last, before them
/// all others, whatever they violate.
constexpr double kBatchApart = 0.1;
constexpr double kLast = 1e100;

/// Whether a point is within `apart` of a row of `others` in every coordinate.
bool meets(const Eigen::RowVectorXd& point, const surrogate::RowMatrix& others,
           const Eigen::RowVectorXd& apart) {
  for (Eigen::Index i = 0; i < others.rows(); ++i) {
    if (((point - others.row(i)).array().abs() < apart.array()).all()) return true;
  }
  return false;
}

/// How good a trial is: violation first.
struct Merit {
  double violation = std::numeric_limits<double>::infinity();
  double value = std::numeric_limits<double>::infinity();
};

bool improves(const Merit& next, const Merit& best) {
  if (next.violation != best.violation) return next.violation < best.violation;
  return next.value < best.value - kRegionProgress * std::abs(best.value);
}

/// The weighted sum of objectives scaled to [0, 1] over the complete trials of a history.
class RegionScalarisation {
 public:
  RegionScalarisation(std::vector<double> weights)
      : weights_(std::move(weights)),
        low_(weights_.size(), std::numeric_limits<double>::infinity()),
        high_(weights_.size(), -std::numeric_limits<double>::infinity()) {}

  void widen(const std::vector<double>& objectives) {
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      low_[k] = std::min(low_[k], objectives[k]);
      high_[k] = std::max(high_[k], objectives[k]);
    }
  }
  double operator()(const std::vector<double>& objectives) const {
    double sum = 0;
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      sum += weights_[k] * (objectives[k] - low_[k]) / std::max(high_[k] - low_[k], 1e-12);
    }
    return sum;
  }
  /// Of a sum of objectives that deviate by so much, independently.
  double deviation(const std::vector<double>& deviations) const {
    double sum = 0;
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      sum = std::hypot(sum, weights_[k] * deviations[k] / std::max(high_[k] - low_[k], 1e-12));
    }
    return std::min(sum, std::numeric_limits<double>::max());
  }
  void set_weights(std::vector<double> weights) { weights_ = std::move(weights); }

 private:
  std::vector<double> weights_, low_, high_;
};

bool is_complete(const SamplerProblem& problem, const Observation& o) {
  const auto whole = [](const std::vector<double>& values, std::size_t count) {
    return values.size() == count && pareto::all_finite(values);
  };
  return o.outcome == Outcome::finished && whole(o.objectives, problem.objectives) &&
         (problem.constraints == 0 || whole(o.constraints, problem.constraints));
}

/// The region that a history has led to.
struct TurboRegion {
  TrustRegion box;
  std::size_t number = 0;  ///< regions before it
  std::size_t begin = 0;   ///< its first trial
  RegionScalarisation scalarise;
};

TurboRegion replay_region(const SamplerProblem& problem, const TrustRegionRules& rules,
                          const std::vector<Observation>& history) {
  const auto weights = [&](std::size_t number) {
    Random random(problem.seed, "turbo weights", number);
    return simplex_weights(problem.objectives, random);
  };
  TurboRegion region{TrustRegion(rules), 0, 0, RegionScalarisation(weights(0))};
  for (std::size_t i = 0; i < history.size(); ++i) {
    heed(problem.stop);
    const bool complete = is_complete(problem, history[i]);
    if (complete) region.scalarise.widen(history[i].objectives);
    if (history[i].outcome == Outcome::pending || i < region.begin + problem.initial) continue;
    // In today's scale, which each new extreme changes.
    const auto merit = [&](const Observation& o) {
      Merit result;
      if (!is_complete(problem, o)) return result;
      result.violation = violation_of(problem, o);
      if (result.violation == 0) result.value = region.scalarise(o.objectives);
      return result;
    };
    Merit best;
    for (std::size_t j = region.begin; j < i; ++j) {
      const Merit other = merit(history[j]);
      if (other.violation < best.violation ||
          (other.violation == best.violation && other.value < best.value)) {
        best = other;
      }
    }
    region.box.count(improves(merit(history[i]), best));
    if (!region.box.spent()) continue;
    region.box = TrustRegion(rules);
    region.begin = i + 1;
    region.scalarise.set_weights(weights(++region.number));
  }
  return region;
}

}  // namespace

TurboSampler::TurboSampler(SamplerProblem problem, const std::map<std::string, double>& options)
    : ModelSampler(std::move(problem)) {
  const std::size_t d = this->problem().space.dimensions();
  rules_.failures = std::max<std::size_t>(4, d);
  candidates_ = std::min<std::size_t>(100 * d, 5000);
  OptionReader reader("turbo", options);
  reader.count("candidates", candidates_);
  reader.count("successes", rules_.successes);
  reader.count("failures", rules_.failures);
  reader.size("length", 1.6, rules_.first);
  reader.finish();
}

std::vector<std::vector<double>> TurboSampler::suggest(const std::vector<Observation>& history,
                                                       const Knowledge& /*knowledge*/,
                                                       std::uint64_t trial) {
  const TurboRegion region = replay_region(problem(), rules_, history);
  const std::size_t into = history.size() - region.begin;
  if (into < problem().initial) {
    const space::SobolSequence design(problem().space.parameters().size(),
                                      key("turbo design", region.number));
    std::vector<double> u(design.dimensions());
    design.point(into, u.data());
    return {point_at(problem().space, u)};
  }
  const std::vector<Observation> local(history.begin() + static_cast<std::ptrdiff_t>(region.begin),
                                       history.end());
  const Knowledge knowledge(problem(), local);

  // The scalarised objective of complete trials and of stopped ones, then everything that has a
  // limit.
  std::vector<surrogate::TrainingSet> sets(1);
  std::vector<Quantity> quantities{{0, std::numeric_limits<double>::infinity()}};
  std::vector<Eigen::Index> rows;
  std::vector<double> y, deviations;
  Eigen::Index centre = -1;
  Merit best;
  for (std::size_t i = 0; i < knowledge.trials.size(); ++i) {
    const Knowledge::MeasuredTrial& t = knowledge.trials[i];
    const bool predicted =
        t.deviations.size() == problem().objectives && pareto::all_finite(t.objectives);
    if (!t.complete && !predicted) continue;
    rows.push_back(static_cast<Eigen::Index>(i));
    y.push_back(region.scalarise(t.objectives));
    deviations.push_back(predicted ? region.scalarise.deviation(t.deviations) : 0.0);
    if (!t.complete) continue;
    if (t.violation < best.violation || (t.violation == best.violation && y.back() < best.value)) {
      best = {t.violation, y.back()};
      centre = static_cast<Eigen::Index>(i);
    }
  }
  if (centre < 0) return {};
  const auto n = static_cast<Eigen::Index>(y.size());
  sets[0] = {knowledge.measured(rows, Eigen::all), Eigen::Map<const Eigen::VectorXd>(y.data(), n)};
  const Eigen::Map<const Eigen::VectorXd> noise(deviations.data(), n);
  if (noise.maxCoeff() > 0) sets[0].deviation = noise;
  for (std::size_t s = 0; s < knowledge.quantities.size(); ++s) {
    if (!std::isfinite(knowledge.quantities[s].limit)) continue;
    sets.push_back(knowledge.sets[s]);
    quantities.push_back(knowledge.quantities[s]);
  }
  // What is in flight counts as believed, or a batch would meet in one spot.
  const surrogate::Surrogates surrogates(stream(), sets, knowledge.pending, problem().stop);

  const auto d = static_cast<Eigen::Index>(problem().space.dimensions());
  const Eigen::RowVectorXd lengthscales = surrogates.hyperparameters().row(0).segment(1, d);
  const Eigen::RowVectorXd sides =
      (lengthscales.array() - lengthscales.mean()).exp() * region.box.length() / 2;
  const surrogate::RowMatrix base = knowledge.measured.row(centre);
  Random random(problem().seed, "turbo candidates", trial);
  const surrogate::RowMatrix candidates =
      perturbed(problem().space, base, (base - sides).cwiseMax(0.0), (base + sides).cwiseMin(1.0),
                candidates_, std::min(20.0 / static_cast<double>(d), 1.0), random);
  const ThompsonDraw draw =
      thompson_draw(quantities, surrogates, candidates, key("turbo draw", trial));
  Eigen::VectorXd violation = draw.violation;
  for (Eigen::Index i = 0; i < candidates.rows(); ++i) {
    if (meets(candidates.row(i), knowledge.pending, kBatchApart * 2 * sides)) violation(i) += kLast;
  }
  return by_score(candidates, violation, -draw.values.row(0).transpose());
}

}  // namespace paretiny::samplers

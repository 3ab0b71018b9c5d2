#include "nas/samplers/acquisition/outcome_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nas/pareto/lone_unit.h"
#include "nas/pareto/pareto.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

/// A tail is looked for in so many values; fewer say nothing about one.
constexpr std::size_t kLeastValues = 8;
/// How much more likely each value has to be, in nats: an exponential distribution gains 0.33, a
/// log-normal one with a deviation of 1 gains 0.77.
constexpr double kLeastLikelier = 0.5;
/// Steps of the spread, from the range down.
constexpr int kSpreads = 24;
constexpr double kSpreadStep = 0.5;
/// Of the largest over the median, for a heavy tail: an exponential distribution has 7 in 100
/// values.
constexpr double kHeavyRatio = 30;
/// Beyond the knee, where it is bounded: at least this much remains, and this many medians.
constexpr double kLeastBeyond = 0.5;
constexpr double kMediansBeyond = 2;
/// Shares further below 0 are taken for this: volumes in any number of objectives stay numbers.
constexpr double kLowest = -1e6;
/// ln of the largest number: how far beyond the knee a share can lie.
constexpr double kFarthest = 710;

/// b - a, halved: the difference of two numbers may be none.
double half_difference(double a, double b) {
  return b / 2 - a / 2;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// log-likelihood of a normal distribution of unknown mean and variance, constants left out.
double normal_likelihood(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += value / n;
  double variance = 0;
  for (const double value : values) variance += (value - mean) * (value - mean) / n;
  return variance > 0 ? -n / 2 * std::log(variance) : std::numeric_limits<double>::infinity();
}

/// The spread of the heavy tail that shares >= 0 have, or 0. The least are left out: several of the
/// same value, such as violations of 0, would be the likelier the smaller the spread.
double fitted_spread(std::vector<double> shares) {
  std::erase_if(shares, [](double share) { return share <= 0; });
  if (shares.size() < kLeastValues) return 0;
  if (*std::max_element(shares.begin(), shares.end()) < kHeavyRatio * median(shares)) return 0;
  const double largest = *std::max_element(shares.begin(), shares.end());
  const double plain = normal_likelihood(shares);
  double best = plain + kLeastLikelier * static_cast<double>(shares.size());
  double spread = 0;
  double tried = largest;
  for (int step = 0; step < kSpreads; ++step, tried *= kSpreadStep) {
    std::vector<double> logs;
    double slopes = 0;
    for (const double share : shares) {
      logs.push_back(std::log1p(share / tried));
      slopes -= std::log(tried + share);
    }
    const double likelihood = normal_likelihood(logs) + slopes;
    if (likelihood > best) {
      best = likelihood;
      spread = tried;
    }
  }
  return spread;
}

/// The finite entries `index` of a member of all observations.
std::vector<double> measured(const std::vector<Observation>& history, std::size_t index,
                             std::vector<double> Observation::*member) {
  std::vector<double> values;
  for (const Observation& o : history) {
    const std::vector<double>& all = o.*member;
    if (index < all.size() && std::isfinite(all[index])) values.push_back(all[index]);
  }
  return values;
}

/// Divides constraint `index` of all observations by its unit.
void transform_constraint(std::vector<Observation>& history, std::size_t index) {
  std::vector<double> sizes;
  for (const double value : measured(history, index, &Observation::constraints)) {
    if (value != 0) sizes.push_back(std::abs(value));
  }
  if (sizes.empty()) return;
  const double largest = *std::max_element(sizes.begin(), sizes.end());
  const double middle = median(sizes);
  const bool heavy = sizes.size() >= kLeastValues && largest / kHeavyRatio > middle;
  for (Observation& o : history) {
    if (index >= o.constraints.size()) continue;
    double& c = o.constraints[index];
    c = heavy ? std::copysign(std::min(std::log1p(std::abs(c) / middle), kFarthest), c)
              : c / largest;
  }
}

}  // namespace

ObjectiveTransform::ObjectiveTransform(const std::vector<double>& values, double reference,
                                       double limit, Beyond beyond)
    : least_(*std::min_element(values.begin(), values.end())),
      range_(half_difference(least_, reference)) {
  if (beyond == Beyond::linear) return;
  knee_ = std::min(1.0, share_of(limit));
  if (beyond == Beyond::bounded) {
    std::vector<double> logs;
    for (const double value : values) {
      logs.push_back(std::log1p(std::max(0.0, share_of(value) - knee_)));
    }
    most_ = std::max(kLeastBeyond, kMediansBeyond * median(std::move(logs)));
  }
  std::vector<double> shares;
  for (const double value : values) shares.push_back(tempered(share_of(value)));
  spread_ = fitted_spread(std::move(shares));
  if (spread_ > 0) unit_ = std::log1p(1 / spread_);
}

double ObjectiveTransform::share_of(double value) const {
  return std::max(half_difference(least_, value) / range_, kLowest);
}

double ObjectiveTransform::tempered(double share) const {
  if (share <= knee_) return share;
  const double log = std::min(std::log1p(share - knee_), kFarthest);
  return knee_ + (most_ > 0 ? most_ * std::tanh(log / most_) : log);
}

double ObjectiveTransform::operator()(double value) const {
  if (!std::isfinite(value)) return value;
  const double share = tempered(share_of(value));
  if (spread_ == 0) return share;
  return (share > 0 ? std::log1p(share / spread_) : share / spread_) / unit_;
}

double ObjectiveTransform::slope(double value) const {
  const double share = share_of(value);
  double slope = 0.5 / range_;
  if (share > knee_) {
    slope /= 1 + share - knee_;
    if (most_ > 0) {
      const double bent = std::tanh(std::log1p(share - knee_) / most_);
      slope *= 1 - bent * bent;
    }
  }
  if (spread_ == 0) return slope;
  return slope / (spread_ + std::max(tempered(share), 0.0)) / unit_;
}

double ObjectiveTransform::share(double transformed) const {
  if (spread_ == 0) return transformed;
  const double t = transformed * unit_;
  return spread_ * (t > 0 ? std::expm1(std::min(t, kFarthest / 2)) : t);
}

double ObjectiveTransform::share_slope(double transformed) const {
  if (spread_ == 0) return 1;
  const double t = transformed * unit_;
  return spread_ * unit_ * (t > 0 ? std::exp(std::min(t, kFarthest / 2)) : 1);
}

std::vector<double> reachable_reference(const pareto::Points& points,
                                        std::vector<double> reference) {
  if (points.empty() || std::any_of(points.begin(), points.end(), [&](const auto& point) {
        return is_below(point, reference);
      })) {
    return reference;
  }
  const std::vector<std::size_t> front = pareto::non_dominated(points);
  for (std::size_t k = 0; k < reference.size(); ++k) {
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const std::size_t i : front) {
      least = std::min(least, points[i][k]);
      most = std::max(most, points[i][k]);
    }
    double extent = most - least;
    for (const auto& point : points) {
      if (extent == 0) extent = std::abs(point[k] - most);
    }
    if (extent == 0) extent = pareto::lone_unit(most, reference[k]);
    reference[k] = std::max(reference[k], most + 0.1 * extent);
  }
  return reference;
}

Transformed transformed(const SamplerProblem& problem, const std::vector<Observation>& history,
                        bool fit) {
  Transformed result{problem, history, std::vector<ObjectiveTransform>(problem.objectives)};
  pareto::Points inside;
  for (const Observation& o : history) {
    const bool whole = o.outcome == Outcome::finished &&
                       o.objectives.size() == problem.objectives &&
                       pareto::all_finite(o.objectives);
    if (whole && violation_of(problem, o) == 0) inside.push_back(o.objectives);
  }
  const auto below =
      static_cast<std::size_t>(std::count_if(inside.begin(), inside.end(), [&](const auto& point) {
        return is_below(point, problem.reference);
      }));
  Beyond beyond = Beyond::linear;
  if (fit) {
    beyond = below > problem.space.parameters().size() ? Beyond::bounded : Beyond::logarithmic;
  }
  const std::vector<double> reference = reachable_reference(inside, problem.reference);
  result.inferred = reference != problem.reference;
  for (std::size_t k = 0; k < problem.objectives; ++k) {
    const std::vector<double> values = measured(history, k, &Observation::objectives);
    const double limit =
        problem.limits.empty() ? std::numeric_limits<double>::infinity() : problem.limits[k];
    if (values.empty()) continue;
    const double least = *std::min_element(values.begin(), values.end());
    double top = reference[k];
    if (!(top > least)) top = *std::max_element(values.begin(), values.end());
    if (!(top > least)) top = least + pareto::lone_unit(least, reference[k]);
    const ObjectiveTransform transform(values, top, limit, beyond);
    result.objectives[k] = transform;
    for (Observation& o : result.history) {
      if (k < o.deviations.size() && k < o.objectives.size()) {
        o.deviations[k] *= transform.slope(o.objectives[k]);
      }
      if (k < o.objectives.size()) o.objectives[k] = transform(o.objectives[k]);
    }
    result.problem.reference[k] = transform(reference[k]);
    if (!problem.limits.empty()) result.problem.limits[k] = transform(limit);
  }
  for (std::size_t c = 0; c < problem.constraints; ++c) transform_constraint(result.history, c);
  if (problem.known) {
    result.problem.known = [known = problem.known,
                            transforms = result.objectives](const space::Values& values) {
      std::vector<double> objectives = known(values);
      for (std::size_t k = 0; k < objectives.size(); ++k) {
        objectives[k] = transforms[k](objectives[k]);
      }
      return objectives;
    };
  }
  return result;
}

}  // namespace paretiny::samplers

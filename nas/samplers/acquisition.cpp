#include "nas/samplers/acquisition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/random.h"
#include "nas/samplers/parallel_for.h"
#include "nas/surrogate/expected_improvement.h"

namespace paretiny {
namespace {

constexpr double kAugmentation = 0.05;
/// Width of softplus in units of the scalarised objective, whose range is about 1.
constexpr double kSoftness = 1e-3;
/// Width of the failure kernel along one coordinate; distances grow with sqrt(d).
constexpr double kFailureWidth = 0.1;
/// The successes taken for granted everywhere: few, so that one failure is believed.
constexpr double kPriorSuccess = 0.1;
constexpr double kLeastRange = 1e-9;

/// Values above the limit grow as a logarithm from there.
double tempered(double value) {
  return value > 1 ? 1 + std::log(value) : value;
}

/// Sum of what the known objectives exceed the limit by.
double violation_of(const Observation& observation) {
  double sum = 0;
  for (const double value : observation.objectives) {
    if (std::isfinite(value)) sum += std::max(0.0, value - 1);
  }
  return sum;
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

Eigen::MatrixXd positions(const std::vector<const Observation*>& trials, std::size_t dimensions) {
  Eigen::MatrixXd x(static_cast<Eigen::Index>(trials.size()),
                    static_cast<Eigen::Index>(dimensions));
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    x.row(i) = Eigen::Map<const Eigen::RowVectorXd>(trials[static_cast<std::size_t>(i)]->x.data(),
                                                    x.cols());
  }
  return x;
}

/// log(log(1 + exp(u))).
double log_softplus(double u) {
  if (u < -35) return u;
  return std::log(u > 35 ? u : std::log1p(std::exp(u)));
}

}  // namespace

Acquisition::Acquisition(const SamplerProblem& problem, const std::vector<Observation>& history,
                         std::uint64_t trial, std::size_t samples)
    : surrogates_(problem.objectives) {
  std::vector<const Observation*> finished;
  std::vector<const Observation*> infeasible;
  std::vector<const Observation*> failed;
  for (const Observation& observation : history) {
    const bool sized = observation.objectives.size() == problem.objectives;
    switch (observation.outcome) {
      case Outcome::finished:
        (sized && all_finite(observation.objectives) ? finished : failed).push_back(&observation);
        break;
      case Outcome::infeasible:
        infeasible.push_back(&observation);
        break;
      case Outcome::failed:
        failed.push_back(&observation);
        break;
      case Outcome::pending:
        break;
    }
  }
  std::vector<const Observation*> measured = finished;
  measured.insert(measured.end(), infeasible.begin(), infeasible.end());
  const std::size_t d = problem.space.dimensions();
  survived_ = positions(measured, d);
  failed_ = positions(failed, d);

  parallel_for(problem.objectives, [&](std::size_t k) {
    std::vector<const Observation*> known;
    std::vector<double> values;
    for (const Observation* o : measured) {
      if (o->objectives.size() != problem.objectives || !std::isfinite(o->objectives[k])) continue;
      known.push_back(o);
      values.push_back(tempered(o->objectives[k]));
    }
    if (known.empty()) return;
    const Eigen::Map<const Eigen::VectorXd> y(values.data(),
                                              static_cast<Eigen::Index>(values.size()));
    surrogates_[k].emplace(positions(known, d), y);
  });

  const bool some_finished = !finished.empty();
  const std::vector<const Observation*>& candidates = some_finished ? finished : infeasible;
  Points objectives;
  std::vector<double> violations;
  for (const Observation* o : candidates) {
    objectives.push_back(some_finished ? o->objectives : std::vector<double>());
    violations.push_back(violation_of(*o));
  }
  const std::vector<std::size_t> ranks = constrained_ranks(objectives, violations);
  std::vector<const Observation*> best;
  Points front;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] != 0) continue;
    best.push_back(candidates[i]);
    if (some_finished && violations[i] == 0) front.push_back(objectives[i]);
  }
  anchors_ = positions(best, d);
  if (!front.empty()) set_scalarisation(front, problem.seed, trial, samples);
}

void Acquisition::set_scalarisation(const Points& front, std::uint64_t seed, std::uint64_t trial,
                                    std::size_t samples) {
  const auto m = static_cast<Eigen::Index>(front[0].size());
  Scalarisation s;
  s.low = Eigen::ArrayXd::Constant(m, std::numeric_limits<double>::infinity());
  Eigen::ArrayXd high = -s.low;
  Random random(seed, "ars scalarisation", trial);
  // Exponential variables over their sum are uniform on the simplex.
  Eigen::ArrayXd weights(m);
  for (double& weight : weights) weight = -std::log(1 - random.uniform());
  weights /= weights.sum();
  for (const std::vector<double>& point : front) {
    const Eigen::Map<const Eigen::ArrayXd> values(point.data(), m);
    s.low = s.low.min(values);
    high = high.max(values);
  }
  const Eigen::ArrayXd range = high - s.low;
  s.factor = weights / (range < kLeastRange).select(1.0, range);
  s.best = std::numeric_limits<double>::infinity();
  for (const std::vector<double>& point : front) {
    s.best = std::min(s.best, s(Eigen::Map<const Eigen::ArrayXd>(point.data(), m)));
  }
  s.normal.resize(static_cast<Eigen::Index>(samples), m);
  for (Eigen::Index i = 0; i < s.normal.rows(); ++i) {
    for (Eigen::Index k = 0; k < m; ++k) s.normal(i, k) = random.normal();
  }
  scalarisation_ = std::move(s);
}

double Acquisition::Scalarisation::operator()(const Eigen::ArrayXd& objectives) const {
  const Eigen::ArrayXd terms = (objectives - low) * factor;
  return terms.maxCoeff() + kAugmentation * terms.sum();
}

double Acquisition::log_improvement(const Eigen::ArrayXd& mean,
                                    const Eigen::ArrayXd& deviation) const {
  const Scalarisation& s = *scalarisation_;
  // Scalarisation by columns: all samples at once, without a temporary a sample.
  const Eigen::Index samples = s.normal.rows();
  Eigen::ArrayXd largest =
      Eigen::ArrayXd::Constant(samples, -std::numeric_limits<double>::infinity());
  Eigen::ArrayXd sum = Eigen::ArrayXd::Zero(samples);
  for (Eigen::Index k = 0; k < mean.size(); ++k) {
    const Eigen::ArrayXd terms =
        (mean(k) - s.low(k)) * s.factor(k) + (deviation(k) * s.factor(k)) * s.normal.col(k);
    largest = largest.max(terms);
    sum += terms;
  }
  Eigen::ArrayXd logs = (s.best - largest - kAugmentation * sum) / kSoftness;
  for (double& value : logs) value = log_softplus(value);
  const double top = logs.maxCoeff();
  return top + std::log((logs - top).exp().mean()) + std::log(kSoftness);
}

double Acquisition::log_survival(const Eigen::RowVectorXd& point) const {
  const double scale = -0.5 / (kFailureWidth * kFailureWidth * static_cast<double>(point.size()));
  const auto density = [&](const Eigen::MatrixXd& trials) {
    return ((trials.rowwise() - point).rowwise().squaredNorm().array() * scale).exp().sum();
  };
  const double survived = kPriorSuccess + density(survived_);
  return std::log(survived / (survived + density(failed_)));
}

Eigen::ArrayXd Acquisition::operator()(const Eigen::MatrixXd& points) const {
  const Eigen::Index p = points.rows();
  const auto m = static_cast<Eigen::Index>(surrogates_.size());
  Eigen::ArrayXXd mean = Eigen::ArrayXXd::Zero(m, p);
  Eigen::ArrayXXd deviation = Eigen::ArrayXXd::Ones(m, p);
  Eigen::ArrayXd reward = Eigen::ArrayXd::Zero(p);
  for (Eigen::Index k = 0; k < m; ++k) {
    const auto& surrogate = surrogates_[static_cast<std::size_t>(k)];
    if (!surrogate) continue;
    const Surrogate::Belief belief = surrogate->predict(points);
    mean.row(k) = belief.mean.transpose();
    deviation.row(k) = belief.deviation.transpose();
    for (Eigen::Index i = 0; i < p; ++i) {
      reward(i) += log_normal_cdf((1 - belief.mean(i)) / belief.deviation(i));
    }
  }
  for (Eigen::Index i = 0; i < p; ++i) {
    if (scalarisation_) reward(i) += log_improvement(mean.col(i), deviation.col(i));
    if (failed_.rows() > 0) reward(i) += log_survival(points.row(i));
  }
  return reward;
}

}  // namespace paretiny

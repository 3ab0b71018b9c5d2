#include "nas/samplers/methods/morbo.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "kernels/core/stop.h"
#include "nas/pareto/hypervolume.h"
#include "nas/samplers/acquisition/device_boxes.h"
#include "nas/samplers/acquisition/simplex_weights.h"
#include "nas/samplers/options.h"
#include "nas/samplers/proposal/smooth_search.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

/// A success raises the hypervolume by this share of it.
constexpr double kProgress = 1e-3;
/// Trials for which the centre of a spent region is not chosen again.
constexpr std::size_t kTenure = 100;
/// A model of a region is fitted to at least so many trials, the nearest ones beyond it.
constexpr Eigen::Index kLeastData = 4;

/// Where a history has led to.
struct Region {
  TrustRegion box;
  std::vector<double> centre;
};

/// How far outside the reference box each member of a front is, in shares of the front's extent.
Eigen::VectorXd distances_outside(const pareto::Points& front,
                                  const std::vector<double>& reference) {
  Eigen::VectorXd distances = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(front.size()));
  for (std::size_t k = 0; k < reference.size(); ++k) {
    const auto [least, most] = std::minmax_element(
        front.begin(), front.end(), [&](const auto& a, const auto& b) { return a[k] < b[k]; });
    const double extent = (*most)[k] > (*least)[k] ? (*most)[k] - (*least)[k] : 1;
    for (std::size_t i = 0; i < front.size(); ++i) {
      double& distance = distances(static_cast<Eigen::Index>(i));
      distance = std::max(distance, (front[i][k] - reference[k]) / extent);
    }
  }
  return distances;
}

/// The member of a history's Pareto set with the largest contribution that is not tabu, or, where
/// none contributes, the one that is least outside the reference; while the set is empty, the trial
/// of least violation. Empty while nothing is measured.
std::vector<double> centre_of(const SamplerProblem& problem, const Knowledge& knowledge,
                              const std::set<std::vector<double>>& tabu) {
  const auto row = [&](Eigen::Index i) {
    return std::vector<double>(knowledge.anchors.row(i).begin(), knowledge.anchors.row(i).end());
  };
  if (knowledge.anchors.rows() == 0) return {};
  if (knowledge.front.empty()) return row(0);
  const pareto::Points front = knowledge.front_points();
  const std::vector<double> exclusive = pareto::hypervolume_contributions(front, problem.reference);
  Eigen::VectorXd merit =
      Eigen::Map<const Eigen::VectorXd>(exclusive.data(), knowledge.anchors.rows());
  if (merit.maxCoeff() <= 0) merit = -distances_outside(front, problem.reference);
  const std::vector<Eigen::Index> order = descending(merit);
  for (const Eigen::Index i : order) {
    if (!tabu.contains(row(i))) return row(i);
  }
  return row(order[0]);
}

/// What a trial is measured by: hypervolume of the feasible ones, and the least violation before
/// there is any.
struct Progress {
  pareto::Points front;
  double volume = 0;
  double violation = std::numeric_limits<double>::infinity();

  /// Takes a trial in; whether it is a success.
  bool add(const SamplerProblem& problem, const Observation& o) {
    const bool measured = o.outcome == Outcome::finished &&
                          o.objectives.size() == problem.objectives &&
                          pareto::all_finite(o.objectives);
    if (!measured) return false;
    const double worse = violation_of(problem, o);
    const bool nearer = worse < violation;
    violation = std::min(violation, worse);
    if (worse > 0 || !pareto::extend_front(front, o.objectives)) return nearer;
    const double before = volume;
    volume = pareto::hypervolume(front, problem.reference);
    return nearer || volume > (1 + kProgress) * before;
  }
};

Region replay(const SamplerProblem& problem, const TrustRegionRules& rules,
              const std::vector<Observation>& history) {
  Region region{TrustRegion(rules), {}};
  Progress progress;
  std::vector<std::pair<std::size_t, std::vector<double>>> retired;
  const auto tabu_at = [&](std::size_t i) {
    std::set<std::vector<double>> tabu;
    for (const auto& [when, centre] : retired) {
      if (i < when + kTenure) tabu.insert(centre);
    }
    return tabu;
  };
  const auto known = [&](std::size_t count) {
    return Knowledge(problem, {history.begin(), history.begin() + static_cast<long>(count)});
  };
  for (std::size_t i = 0; i < history.size(); ++i) {
    heed(problem.stop);
    if (history[i].outcome == Outcome::pending) continue;
    const bool success = progress.add(problem, history[i]);
    if (i < problem.initial) continue;
    region.box.count(success);
    if (!region.box.spent()) continue;
    retired.emplace_back(i, centre_of(problem, known(i), tabu_at(i)));
    region.box = TrustRegion(rules);
  }
  region.centre = centre_of(problem, known(history.size()), tabu_at(history.size()));
  return region;
}

/// Rows of a training set within `edge` of the centre in every coordinate, or the nearest few.
surrogate::TrainingSet local_data(const surrogate::TrainingSet& all,
                                  const Eigen::RowVectorXd& centre, double edge) {
  const Eigen::VectorXd distances = (all.x.rowwise() - centre).cwiseAbs().rowwise().maxCoeff();
  std::vector<Eigen::Index> order = descending(-distances);
  const auto inside = std::count_if(order.begin(), order.end(),
                                    [&](Eigen::Index i) { return distances(i) <= edge; });
  order.resize(static_cast<std::size_t>(
      std::min<Eigen::Index>(all.y.size(), std::max<Eigen::Index>(inside, kLeastData))));
  std::sort(order.begin(), order.end());
  surrogate::TrainingSet local{all.x(order, Eigen::all), all.y(order)};
  if (all.deviation.size() != 0) local.deviation = all.deviation(order);
  return local;
}

/// What each candidate adds to the hypervolume of `front` where the objectives are certain.
Eigen::VectorXd improvements(Stream& stream, const pareto::Points& front,
                             const std::vector<double>& reference,
                             const surrogate::RowMatrix& objectives) {
  const DeviceBoxes boxes(stream, pareto::undominated_boxes(front, reference));
  const surrogate::DeviceArray mean(stream, objectives);
  const surrogate::DeviceArray variance(
      stream, surrogate::RowMatrix::Zero(objectives.rows(), objectives.cols()));
  const surrogate::DeviceArray gain(stream, DType::f64, {1, 1, 1, objectives.cols()});
  bayes::hypervolume_improvement(stream, boxes, {.mean = mean, .variance = variance}, gain);
  return gain.download(stream, 1).row(0).transpose();
}

}  // namespace

MorboSampler::MorboSampler(SamplerProblem problem, const std::map<std::string, double>& options)
    : ModelSampler(std::move(problem)) {
  const std::size_t d = this->problem().space.dimensions();
  rules_.failures = std::max<std::size_t>(d / 3, 10);
  OptionReader reader("morbo", options);
  reader.count("candidates", candidates_);
  reader.count("failures", rules_.failures);
  reader.count("budget", budget_);
  reader.size("length", 1.6, rules_.first);
  reader.finish();
}

std::vector<std::vector<double>> MorboSampler::suggest(const std::vector<Observation>& history,
                                                       const Knowledge& knowledge,
                                                       std::uint64_t trial) {
  const Region region = replay(problem(), rules_, history);
  const auto d = static_cast<Eigen::Index>(problem().space.dimensions());
  const Eigen::RowVectorXd centre = Eigen::Map<const Eigen::RowVectorXd>(region.centre.data(), d);
  const double half = region.box.length() / 2;
  std::vector<surrogate::TrainingSet> sets;
  for (const surrogate::TrainingSet& set : knowledge.sets) {
    sets.push_back(local_data(set, centre, region.box.length()));
  }
  const surrogate::Surrogates surrogates(stream(), sets, knowledge.pending, problem().stop);

  std::vector<Eigen::Index> inside;
  for (Eigen::Index i = 0; i < knowledge.anchors.rows(); ++i) {
    if ((knowledge.anchors.row(i) - centre).cwiseAbs().maxCoeff() <= half) inside.push_back(i);
  }
  const surrogate::RowMatrix bases =
      inside.empty() ? surrogate::RowMatrix(centre) : knowledge.anchors(inside, Eigen::all);
  const double done = static_cast<double>(trial - problem().initial);
  const double fewer =
      1 - 0.5 * std::min(1.0, std::log(done + 1) / std::log(static_cast<double>(budget_) + 1));
  Random random(problem().seed, "morbo candidates", trial);
  const surrogate::RowMatrix candidates = perturbed(
      problem().space, bases, (centre.array() - half).max(0.0), (centre.array() + half).min(1.0),
      candidates_, std::min(20.0 / static_cast<double>(d), 1.0) * fewer, random);
  // In the same draw, what is in flight has objectives that a candidate must beat.
  const Eigen::Index c = candidates.rows(), p = knowledge.pending.rows();
  surrogate::RowMatrix drawn(c + p, d);
  drawn << candidates, knowledge.pending;
  const ThompsonDraw draw =
      thompson_draw(knowledge.quantities, surrogates, drawn, key("morbo draw", trial));
  const Eigen::VectorXd violation = draw.violation.head(c);
  if (knowledge.front.empty()) return by_score(candidates, violation, Eigen::VectorXd::Zero(c));

  const auto m = static_cast<Eigen::Index>(problem().objectives);
  pareto::Points front = knowledge.front_points();
  for (Eigen::Index i = c; i < c + p; ++i) {
    if (draw.violation(i) > 0) continue;
    const Eigen::VectorXd values = draw.values.col(i).head(m);
    front.emplace_back(values.begin(), values.end());
  }
  const surrogate::RowMatrix objectives = draw.values.topLeftCorner(m, c);
  Eigen::VectorXd score = improvements(stream(), front, problem().reference, objectives);
  const bool gains = ((violation.array() == 0) && (score.array() > 0)).any();
  if (!gains) {
    const std::vector<double> weights = simplex_weights(problem().objectives, random);
    score = -objectives.transpose() * Eigen::Map<const Eigen::VectorXd>(weights.data(), m);
  }
  return by_score(candidates, violation, score);
}

}  // namespace paretiny::samplers

#include "nas/samplers/ars_sampler.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kernels/error.h"
#include "kernels/random.h"
#include "nas/samplers/k_means.h"
#include "nas/samplers/options.h"
#include "nas/samplers/smooth_search.h"
#include "nas/samplers/sobol.h"

namespace paretiny {
namespace {

/// Candidates inside known limits among which one is chosen with known objectives certain, and how
/// many are looked at for them.
constexpr std::size_t kShortlist = 96;
constexpr std::size_t kLookedAt = 384;
/// Points, besides the trials, where surrogates learn what is known anywhere.
constexpr Eigen::Index kFreePoints = 64;
/// Points that are worth naming: whatever is seen before all of them gives way to a random point.
constexpr std::size_t kNamed = 1024;
/// Scrambled Sobol points that walks from the Pareto set might miss.
constexpr Eigen::Index kRaw = 256;
/// Refinement: rounds of so many points about the best few, in steps that shrink.
constexpr int kRounds = 10;
constexpr Eigen::Index kParents = 8;
constexpr Eigen::Index kChildren = 32;
constexpr double kFirstStep = 0.1;
constexpr double kShrink = 0.6;

std::vector<double> row(const RowMatrix& points, Eigen::Index i) {
  return {points.row(i).begin(), points.row(i).end()};
}

void append(Visits& visits, const Visits& more) {
  RowMatrix points(visits.points.rows() + more.points.rows(), more.points.cols());
  points << visits.points, more.points;
  Eigen::VectorXd rewards(visits.rewards.size() + more.rewards.size());
  rewards << visits.rewards, more.rewards;
  visits = {std::move(points), std::move(rewards)};
}

/// Scrambled Sobol points, one dimension a parameter, snapped: [count, d].
RowMatrix sobol_points(const Space& space, Eigen::Index count, std::uint64_t key) {
  const SobolSequence sobol(space.parameters().size(), key);
  RowMatrix points(count, static_cast<Eigen::Index>(space.dimensions()));
  std::vector<double> u(space.parameters().size());
  for (Eigen::Index i = 0; i < count; ++i) {
    sobol.point(static_cast<std::uint64_t>(i), u.data());
    points.row(i) = Eigen::Map<const Eigen::RowVectorXd>(point_at(space, u).data(), points.cols());
  }
  return points;
}

/// The first `count` distinct points in descending order of reward.
Visits best_of(const Visits& visits, std::size_t count) {
  std::vector<Eigen::Index> chosen;
  std::set<std::vector<double>> seen;
  for (const Eigen::Index i : descending(visits.rewards)) {
    if (seen.size() == count) break;
    if (seen.insert(row(visits.points, i)).second) chosen.push_back(i);
  }
  return {visits.points(chosen, Eigen::all), visits.rewards(chosen)};
}

}  // namespace

ArsSampler::ArsSampler(const std::string& name, SamplerProblem problem,
                       const std::map<std::string, double>& options)
    : ModelSampler(std::move(problem)) {
  ArsOptions& o = options_;
  o.hypervolume = o.known = o.cheap_first = o.pending = o.refine = name == "ars+";
  OptionReader reader(name, options);
  reader.count("policies", o.policies);
  reader.count("samples", o.samples);
  reader.count("directions", o.search.directions);
  reader.count("kept", o.search.kept);
  reader.count("steps", o.search.steps);
  reader.count("horizon", o.search.horizon);
  reader.count("hidden", o.search.hidden);
  reader.size("noise", 10, o.search.noise);
  reader.size("step_size", 10, o.search.step_size);
  reader.size("reach", 1, o.search.reach);
  reader.flag("hypervolume", o.hypervolume);
  reader.flag("known", o.known);
  reader.flag("cheap_first", o.cheap_first);
  reader.flag("pending", o.pending);
  reader.flag("refine", o.refine);
  reader.finish();
  if (o.search.kept > o.search.directions) {
    throw UsageError(
        fmt::format("option 'kept' of sampler '{}' is {}; it must be at most 'directions', {}",
                    name, o.search.kept, o.search.directions));
  }
}

std::vector<std::vector<double>> ArsSampler::suggest(const std::vector<Observation>& history,
                                                     const Knowledge& knowledge,
                                                     std::uint64_t trial) {
  const Knowledge all = informed(knowledge);
  const Surrogates surrogates(stream(), all.sets,
                              options_.pending ? knowledge.pending : RowMatrix());
  const Reward reward(problem(), all, surrogates,
                      options_.hypervolume ? Improvement::hypervolume : Improvement::scalarised,
                      options_.samples, trial);
  Random random(problem().seed, "ars clusters", trial);
  const RowMatrix starts =
      k_means(knowledge.anchors, static_cast<Eigen::Index>(options_.policies), random);
  Walks walks = augmented_random_search(reward, problem().space, starts, options_.search,
                                        problem().seed, trial);
  if (!options_.refine && !options_.known) {
    // The paper's choice: the best that a trained policy visits; the rest only stands in for it.
    std::vector<std::vector<double>> points = choose(reward, walks.trained, history);
    for (std::vector<double>& x : choose(reward, walks.training, history)) {
      points.push_back(std::move(x));
    }
    return points;
  }
  const Visits wide = scattered(reward, trial);
  append(walks.training, walks.trained);
  append(walks.training, wide);
  if (options_.refine) refine(reward, walks.training, trial);
  std::vector<std::vector<double>> points = choose(reward, walks.training, history);
  for (std::vector<double>& x : choose(reward, wide, history)) points.push_back(std::move(x));
  return points;
}

Knowledge ArsSampler::informed(const Knowledge& knowledge) const {
  Knowledge all = knowledge;
  if (!options_.known || !problem().known) return all;
  const auto m = static_cast<Eigen::Index>(problem().objectives);
  const RowMatrix points = sobol_points(problem().space, kFreePoints, key("known objectives", 0));
  RowMatrix known = RowMatrix::Constant(kFreePoints, m, std::numeric_limits<double>::quiet_NaN());
  for (Eigen::Index i = 0; i < kFreePoints; ++i) {
    const std::vector<double> values = problem().known(problem().space.decode(row(points, i)));
    for (std::size_t k = 0; k < values.size(); ++k) {
      known(i, static_cast<Eigen::Index>(k)) = values[k];
    }
  }
  for (std::size_t s = 0; s < all.quantities.size(); ++s) {
    const auto objective = static_cast<Eigen::Index>(all.quantities[s].number);
    std::vector<Eigen::Index> rows;
    for (Eigen::Index i = 0; objective < m && i < kFreePoints; ++i) {
      if (std::isfinite(known(i, objective))) rows.push_back(i);
    }
    TrainingSet& set = all.sets[s];
    const Eigen::Index n = set.y.size(), more = static_cast<Eigen::Index>(rows.size());
    set.x.conservativeResize(n + more, Eigen::NoChange);
    set.x.bottomRows(more) = points(rows, Eigen::all);
    set.y.conservativeResize(n + more);
    for (Eigen::Index i = 0; i < more; ++i) {
      set.y(n + i) =
          tempered(known(rows[static_cast<std::size_t>(i)], objective), all.quantities[s].limit);
    }
  }
  return all;
}

Visits ArsSampler::scattered(const Reward& reward, std::uint64_t trial) const {
  const RowMatrix points = sobol_points(problem().space, kRaw, key("ars raw points", trial));
  return {points, reward.at(points, RowMatrix())};
}

void ArsSampler::refine(const Reward& reward, Visits& visits, std::uint64_t trial) const {
  const Space& space = problem().space;
  Random random(problem().seed, "ars refinement", trial);
  Visits best = best_of(visits, kParents);
  double step = kFirstStep;
  for (int round = 0; round < kRounds; ++round, step *= kShrink) {
    RowMatrix children(best.points.rows() * kChildren, best.points.cols());
    for (Eigen::Index i = 0; i < children.rows(); ++i) {
      std::vector<double> x = row(best.points, i / kChildren);
      for (double& coordinate : x) {
        // Half the coordinates on average: some moves are along few of them.
        if (random.uniform() < 0.5) coordinate += step * random.normal();
      }
      x = space.snap(x);
      children.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), children.cols());
    }
    const Visits made{children, reward.at(children, RowMatrix())};
    append(visits, made);
    append(best, made);
    best = best_of(best, kParents);
  }
}

std::vector<std::vector<double>> ArsSampler::choose(const Reward& reward, const Visits& visits,
                                                    const std::vector<Observation>& history) const {
  const auto m = static_cast<Eigen::Index>(problem().objectives);
  std::vector<std::vector<double>> points;
  if (!options_.known || !problem().known) {
    const Visits best = best_of(visits, kNamed);
    for (Eigen::Index i = 0; i < best.points.rows(); ++i) points.push_back(row(best.points, i));
    return points;
  }
  const Unseen unseen(problem(), history);
  const Visits best = best_of(visits, kLookedAt);
  std::vector<Eigen::Index> listed;
  RowMatrix known(m, static_cast<Eigen::Index>(kShortlist));
  for (Eigen::Index i = 0; i < best.points.rows() && listed.size() < kShortlist; ++i) {
    const std::vector<double> x = row(best.points, i);
    if (!unseen.accepts(x)) continue;
    const std::vector<double> objectives = problem().known(problem().space.decode(x));
    bool breaks = objectives.empty();
    for (std::size_t k = 0; k < objectives.size() && !problem().limits.empty(); ++k) {
      breaks = breaks || objectives[k] > problem().limits[k];
    }
    if (breaks && options_.cheap_first) continue;
    const auto column = static_cast<Eigen::Index>(listed.size());
    for (Eigen::Index k = 0; k < m; ++k) {
      known(k, column) = objectives.empty() ? std::numeric_limits<double>::quiet_NaN()
                                            : objectives[static_cast<std::size_t>(k)];
    }
    listed.push_back(i);
  }
  if (listed.empty()) return points;
  const RowMatrix candidates = best.points(listed, Eigen::all);
  const RowMatrix certain = known.leftCols(candidates.rows());
  for (const Eigen::Index i : descending(reward.at(candidates, certain))) {
    points.push_back(row(candidates, i));
  }
  return points;
}

}  // namespace paretiny

// How `ars+` chooses: the best of the walks, climbed from, and judged again by joint draws. The
// walks' closed-form improvement takes a point for independent of the trials about it, which
// overrates the neighbours of what is known where the surrogates see noise.
#include <algorithm>
#include <limits>

#include "kernels/bayes/normal.h"
#include "kernels/core/random.h"
#include "kernels/core/stop.h"
#include "nas/samplers/acquisition/path_acquisition.h"
#include "nas/samplers/acquisition/simplex_weights.h"
#include "nas/samplers/methods/ars_sampler.h"
#include "nas/samplers/proposal/smooth_search.h"

namespace paretiny::samplers {

using surrogate::RowMatrix;

namespace {

/// Scrambled Sobol points that walks from the Pareto set might miss.
constexpr Eigen::Index kRaw = 512;
/// L-BFGS starts at the best of the walks and at some of the raw points.
constexpr std::size_t kFromWalks = 4;
constexpr std::size_t kFromRaw = 8;
constexpr std::size_t kIterations = 100;
/// Walks end near one another: starts are at least this far apart in one coordinate.
constexpr double kApart = 0.05;
/// Candidates among which joint draws decide, and how many are looked at for them.
constexpr std::size_t kShortlist = 128;
constexpr std::size_t kLookedAt = 384;

Visits together(const Visits& a, const Visits& b) {
  Visits all{RowMatrix(a.points.rows() + b.points.rows(), a.points.cols()),
             Eigen::VectorXd(a.rewards.size() + b.rewards.size())};
  all.points << a.points, b.points;
  all.rewards << a.rewards, b.rewards;
  return all;
}

/// Where to climb from: the first of the visits that lie apart, and raw points by their values in
/// what is climbed.
RowMatrix starts_of(const Visits& visits, const Visits& raw, Random& random) {
  std::vector<Eigen::Index> walked;
  for (Eigen::Index i = 0; i < visits.points.rows() && walked.size() < kFromWalks; ++i) {
    const bool apart = std::all_of(walked.begin(), walked.end(), [&](Eigen::Index other) {
      return (visits.points.row(i) - visits.points.row(other)).cwiseAbs().maxCoeff() >= kApart;
    });
    if (apart) walked.push_back(i);
  }
  const std::vector<Eigen::Index> drawn = boltzmann(raw.rewards, kFromRaw, random);
  RowMatrix starts(static_cast<Eigen::Index>(walked.size() + drawn.size()), raw.points.cols());
  starts << visits.points(walked, Eigen::all), raw.points(drawn, Eigen::all);
  return starts;
}

}  // namespace

std::vector<std::vector<double>> ArsSampler::choose(const ArsOptions& options, const Walks& walks,
                                                    const Reward& reward,
                                                    const Knowledge& knowledge,
                                                    std::uint64_t trial) const {
  const surrogate::Surrogates& surrogates = reward.surrogates();
  const RowMatrix scattered = sobol_points(problem().space, kRaw, key("ars raw points", trial));
  const Visits raw{scattered, reward.at(scattered)};
  const Visits best = best_of(together(together(walks.training, walks.trained), raw), kLookedAt);

  const surrogate::PosteriorPaths paths(surrogates, static_cast<std::int64_t>(options.samples),
                                        key("posterior paths", trial));
  Random random(problem().seed, "ars choice", trial);
  std::unique_ptr<PathGain> gain;
  if (!knowledge.front.empty() && options.hypervolume) {
    gain = hypervolume_gain(knowledge, surrogates, paths, transforms(), problem().reference,
                            problem().stop);
  } else if (!knowledge.front.empty()) {
    gain = scalarised_gain(knowledge, surrogates, paths,
                           simplex_weights(problem().objectives, random));
  }
  const PathAcquisition acquisition(knowledge, paths, surrogates, std::move(gain));

  RowMatrix candidates = best.points;
  if (options.refine) {
    const SmoothAcquisition slope = [&](const RowMatrix& points, RowMatrix* gradients) {
      heed(problem().stop);
      return acquisition(points, gradients);
    };
    const Visits climbable{raw.points, slope(raw.points, nullptr)};
    const RowMatrix ends =
        climb(slope, problem().space, starts_of(best, climbable, random), kIterations);
    candidates.resize(ends.rows() + best.points.rows() + raw.points.rows(), ends.cols());
    candidates << ends, best.points, raw.points;
  }
  // Walks snap parameter by parameter, whatever the conditions.
  if (problem().space.conditional()) {
    candidates = snapped(problem().space, std::move(candidates));
  }
  return judged(candidates, acquisition, knowledge, surrogates);
}

Eigen::VectorXd ArsSampler::log_chance_below(const Knowledge& knowledge,
                                             const surrogate::Surrogates& surrogates,
                                             const RowMatrix& points) const {
  const surrogate::Surrogates::Belief belief = surrogates.predict(points);
  Eigen::VectorXd chance = Eigen::VectorXd::Zero(points.rows());
  for (std::size_t s = 0; s < knowledge.quantities.size(); ++s) {
    if (knowledge.quantities[s].number >= problem().objectives) continue;
    const double reference = problem().reference[knowledge.quantities[s].number];
    const auto set = static_cast<Eigen::Index>(s);
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      chance(i) +=
          bayes::log_normal_cdf((reference - belief.mean(set, i)) / belief.deviation(set, i));
    }
  }
  return chance;
}

std::vector<std::vector<double>> ArsSampler::judged(const RowMatrix& candidates,
                                                    const PathAcquisition& acquisition,
                                                    const Knowledge& knowledge,
                                                    const surrogate::Surrogates& surrogates) const {
  const bool known = options_.known && problem().known;
  const auto m = static_cast<Eigen::Index>(problem().objectives);
  std::vector<Eigen::Index> listed;
  RowMatrix certain = RowMatrix::Constant(m, static_cast<Eigen::Index>(kShortlist),
                                          std::numeric_limits<double>::quiet_NaN());
  for (Eigen::Index i = 0; i < candidates.rows() && listed.size() < kShortlist; ++i) {
    heed(problem().stop);
    const std::vector<double> x = row_of(candidates, i);
    if (!fresh(x)) continue;
    if (known) {
      const std::vector<double> objectives = problem().known(values_at(x));
      if (options_.cheap_first && breaks_limits(objectives)) continue;
      for (std::size_t k = 0; k < objectives.size(); ++k) {
        certain(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(listed.size())) =
            objectives[k];
      }
    }
    listed.push_back(i);
  }
  std::vector<std::vector<double>> points;
  if (listed.empty()) return points;
  const RowMatrix shortlist = candidates(listed, Eigen::all);
  const RowMatrix objectives = certain.leftCols(shortlist.rows());
  const Eigen::VectorXd score = acquisition(shortlist, nullptr, &objectives) +
                                log_chance_below(knowledge, surrogates, shortlist);
  for (const Eigen::Index i : descending(score)) {
    points.push_back(row_of(shortlist, i));
  }
  return points;
}

}  // namespace paretiny::samplers

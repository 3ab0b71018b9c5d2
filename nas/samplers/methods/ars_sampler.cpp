#include "nas/samplers/methods/ars_sampler.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "nas/samplers/methods/climbing_turns.h"
#include "nas/samplers/options.h"
#include "nas/samplers/proposal/k_means.h"

namespace paretiny::samplers {
namespace {

/// Points that are worth naming: whatever is seen before all of them gives way to a random point.
constexpr std::size_t kNamed = 1024;
/// Likewise, where each is looked up first.
constexpr std::size_t kLookedUp = 128;
/// Where walks only begin what climbing ends, half the updates serve, and their time buys draws.
constexpr std::size_t kDraws = 128;
constexpr std::size_t kSteps = 10;
/// Points, besides the trials, where surrogates learn what is known anywhere.
constexpr Eigen::Index kFreePoints = 64;

}  // namespace

ArsSampler::ArsSampler(const std::string& name, SamplerProblem problem,
                       const std::map<std::string, double>& options)
    : ModelSampler(std::move(problem)) {
  ArsOptions& o = options_;
  if (name == "ars+") {
    o.hypervolume = o.known = o.cheap_first = o.refine = o.fall_back = o.warp = true;
    o.samples = kDraws;
    o.search.steps = kSteps;
  }
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
  reader.flag("fall_back", o.fall_back);
  reader.flag("warp", o.warp);
  reader.finish();
  if (o.search.kept > o.search.directions) {
    throw UsageError(
        fmt::format("option 'kept' of sampler '{}' is {}; it must be at most 'directions', {}",
                    name, o.search.kept, o.search.directions));
  }
}

std::vector<std::vector<double>> ArsSampler::suggest(const std::vector<Observation>& history,
                                                     const Knowledge& measured,
                                                     std::uint64_t trial) {
  const ArsOptions options = options_after(history);
  Knowledge knowledge = informed(measured);
  if (!options.pending) knowledge.pending.resize(0, knowledge.pending.cols());
  const surrogate::Surrogates surrogates(stream(), knowledge.sets, knowledge.pending,
                                         problem().stop);
  explain(surrogates, knowledge);
  const Reward reward(problem(), knowledge, surrogates,
                      options.hypervolume ? Improvement::hypervolume : Improvement::scalarised,
                      options.samples, trial);
  Random random(problem().seed, "ars clusters", trial);
  const surrogate::RowMatrix starts =
      k_means(knowledge.anchors, static_cast<Eigen::Index>(options.policies), random);
  const Walks walks = augmented_random_search(reward, problem().space, starts, options.search,
                                              problem().seed, trial, problem().stop);
  explain(walks, starts.rows());
  if (options.refine || options.known) {
    return choose(options, walks, reward, knowledge, trial);
  }
  // The paper's choice: the best that a trained policy visits; the rest only stands in for it.
  const bool known_first = options_.known && problem().known && options_.cheap_first;
  std::vector<std::vector<double>> points;
  for (const Visits* visits : {&walks.trained, &walks.training}) {
    const surrogate::RowMatrix best = best_of(*visits, kNamed).points;
    for (Eigen::Index i = 0; i < best.rows(); ++i) {
      if (known_first && points.size() == kLookedUp) break;
      std::vector<double> x = row_of(best, i);
      if (known_first && breaks_limits(problem().known(values_at(x)))) continue;
      points.push_back(std::move(x));
    }
  }
  return points;
}

bool ArsSampler::breaks_limits(const std::vector<double>& known) const {
  if (known.empty()) return true;
  for (std::size_t k = 0; k < known.size() && k < problem().limits.size(); ++k) {
    if (known[k] > problem().limits[k]) return true;
  }
  return false;
}

ArsOptions ArsSampler::options_after(const std::vector<Observation>& history) {
  ArsOptions options = options_;
  // Gains up to an inferred reference, which moves with the trials, say nothing: they alternate.
  const bool walks = inferred() ? history.size() % 2 == 0 : !climbs_next(problem(), history);
  if (options.refine && options.fall_back && walks) {
    options.refine = options.hypervolume = options.known = false;
    if (problem().explain) {
      origin_.detail.push_back("climbing has gained less lately: the walks choose");
    }
  }
  return options;
}

void ArsSampler::explain(const Walks& walks, Eigen::Index policies) {
  if (!problem().explain) return;
  // Rewards lie by update, move, policy and rollout.
  const auto moves = static_cast<Eigen::Index>(options_.search.horizon);
  const Eigen::Index rollouts = 2 * static_cast<Eigen::Index>(options_.search.directions);
  const auto best = [&](const Eigen::VectorXd& rewards, Eigen::Index from, Eigen::Index each,
                        Eigen::Index policy) {
    double most = -std::numeric_limits<double>::infinity();
    for (Eigen::Index move = 0; move < moves; ++move) {
      most = std::max(most,
                      rewards.segment(from + (move * policies + policy) * each, each).maxCoeff());
    }
    return most;
  };
  const Eigen::Index last = walks.training.rewards.size() - moves * policies * rollouts;
  for (Eigen::Index p = 0; p < policies; ++p) {
    origin_.detail.push_back(fmt::format(
        "policy {}: best reward {:.3g} in the first update, {:.3g} in the last, {:.3g} on its own "
        "walk",
        p + 1, best(walks.training.rewards, 0, rollouts, p),
        best(walks.training.rewards, last, rollouts, p), best(walks.trained.rewards, 0, 1, p)));
  }
}

Knowledge ArsSampler::informed(const Knowledge& knowledge) const {
  Knowledge all = knowledge;
  if (!options_.known || !problem().known) return all;
  const auto m = static_cast<Eigen::Index>(problem().objectives);
  const surrogate::RowMatrix points =
      sobol_points(problem().space, kFreePoints, key("known objectives", 0));
  surrogate::RowMatrix known =
      surrogate::RowMatrix::Constant(kFreePoints, m, std::numeric_limits<double>::quiet_NaN());
  for (Eigen::Index i = 0; i < kFreePoints; ++i) {
    const std::vector<double> values = problem().known(values_at(row_of(points, i)));
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
    surrogate::TrainingSet& set = all.sets[s];
    const Eigen::Index n = set.y.size(), more = static_cast<Eigen::Index>(rows.size());
    set.x.conservativeResize(n + more, Eigen::NoChange);
    set.x.bottomRows(more) = points(rows, Eigen::all);
    set.y.conservativeResize(n + more);
    if (set.deviation.size() != 0) {
      set.deviation.conservativeResize(n + more);
      set.deviation.tail(more).setZero();
    }
    for (Eigen::Index i = 0; i < more; ++i) {
      set.y(n + i) = known(rows[static_cast<std::size_t>(i)], objective);
    }
  }
  return all;
}

}  // namespace paretiny::samplers

#include "nas/samplers/methods/nsga2.h"

#include <algorithm>
#include <limits>

#include "kernels/core/stop.h"
#include "nas/pareto/pareto.h"
#include "nas/samplers/acquisition/outcome_transform.h"
#include "nas/samplers/methods/designs.h"
#include "nas/samplers/options.h"
#include "nas/samplers/violation.h"

namespace paretiny::samplers {
namespace {

/// Matings for one child before it is drawn at random: enough for crowded discrete spaces.
constexpr int kMatings = 100;

/// Of two drawn members the one of lower rank, then of larger crowding, then the first.
const Individual& tournament(const std::vector<Individual>& members, Random& random) {
  const Individual& a = members[random.below(members.size())];
  const Individual& b = members[random.below(members.size())];
  if (a.rank != b.rank) return a.rank < b.rank ? a : b;
  return a.crowding >= b.crowding ? a : b;
}

}  // namespace

std::vector<Individual> individuals(const SamplerProblem& problem,
                                    const std::vector<Observation>& history, std::size_t first,
                                    std::size_t count) {
  std::vector<Individual> result;
  for (std::size_t i = first; i < std::min(first + count, history.size()); ++i) {
    const Observation& o = history[i];
    if (o.outcome != Outcome::finished && o.outcome != Outcome::infeasible) continue;
    Individual individual{o.x, o.objectives, violation_of(problem, o)};
    const bool whole =
        o.objectives.size() == problem.objectives && pareto::all_finite(o.objectives);
    if (o.outcome == Outcome::finished && !whole) continue;
    // What broke no limit that is known of is behind all that did.
    const bool unknown = o.outcome == Outcome::infeasible && individual.violation == 0;
    if (unknown || !pareto::all_finite(o.constraints)) {
      individual.violation = std::numeric_limits<double>::infinity();
    }
    // Infeasible ones are ranked by their violation alone.
    if (!whole) individual.objectives.assign(problem.objectives, 0.0);
    result.push_back(std::move(individual));
  }
  return result;
}

std::vector<Individual> survivors(std::vector<Individual> all, std::size_t count) {
  pareto::Points objectives;
  std::vector<double> violations;
  for (const Individual& individual : all) {
    objectives.push_back(individual.objectives);
    violations.push_back(individual.violation);
  }
  const std::vector<std::size_t> ranks = pareto::constrained_ranks(objectives, violations);
  const std::vector<double> crowding = pareto::crowding_distances(objectives, ranks);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].rank = ranks[i];
    all[i].crowding = crowding[i];
  }
  std::stable_sort(all.begin(), all.end(), [](const Individual& a, const Individual& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.crowding > b.crowding;
  });
  if (all.size() > count) all.resize(count);
  return all;
}

Nsga2Sampler::Nsga2Sampler(SamplerProblem problem, const std::map<std::string, double>& options)
    : problem_(std::move(problem)) {
  OptionReader reader("nsga2", options);
  reader.count("population", population_);
  reader.finish();
  problem_.initial = population_;
}

std::vector<double> Nsga2Sampler::ask(const std::vector<Observation>& told, std::uint64_t trial) {
  // Of the numbers themselves only crowding and violations are used: they stay linear.
  const Transformed seen = transformed(problem_, told, false);
  const SamplerProblem& problem = seen.problem;
  const std::vector<Observation>& history = seen.history;
  const Unseen unseen(problem_, history);
  const std::uint64_t generation = trial / population_;
  std::vector<Individual> parents;
  for (std::uint64_t g = 0; g < generation && g * population_ < history.size(); ++g) {
    heed(problem_.stop);
    std::vector<Individual> offspring = individuals(problem, history, g * population_, population_);
    std::move(offspring.begin(), offspring.end(), std::back_inserter(parents));
    parents = survivors(std::move(parents), population_);
  }
  if (parents.empty()) return latin_hypercube_point(problem_, unseen, trial);
  // A mating makes two children: this trial's and its neighbour's.
  const std::uint64_t pairs = (population_ + 1) / 2;
  const std::uint64_t place = trial % population_;
  Random random(problem_.seed, "nsga2", generation * pairs + place / 2);
  for (int mating = 0; mating < kMatings; ++mating) {
    const Individual& mother = tournament(parents, random);
    const Individual& father = tournament(parents, random);
    auto [first, second] = vary(problem_.space, variation_, mother.x, father.x, random);
    std::vector<double>& child = place % 2 == 0 ? first : second;
    if (unseen.accepts(child)) return std::move(child);
  }
  return unseen.draw("nsga2 stand-in", trial);
}

}  // namespace paretiny::samplers

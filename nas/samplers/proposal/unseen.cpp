#include "nas/samplers/proposal/unseen.h"

#include <fmt/core.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "kernels/core/random.h"
#include "kernels/core/stop.h"

namespace paretiny::samplers {
namespace {

/// Draws before a small space is gone through one by one, and before a large one is given up.
constexpr int kDraws = 1000;
constexpr int kLastDraws = 20000;
/// A space of at most this many candidates is gone through.
constexpr std::uint64_t kSmallSpace = std::uint64_t{1} << 18;

/// Number of values of a parameter of a finite space.
std::uint64_t levels(const space::Parameter& p) {
  switch (p.kind) {
    case space::ParameterKind::categorical:
      return p.choices.size();
    case space::ParameterKind::integer:
      return static_cast<std::uint64_t>((p.high - p.low) / static_cast<double>(p.step)) + 1;
    case space::ParameterKind::real:
      break;
  }
  return 1;
}

space::Value value_at(const space::Parameter& p, std::uint64_t level) {
  switch (p.kind) {
    case space::ParameterKind::categorical:
      return p.choices[level];
    case space::ParameterKind::integer:
      return static_cast<std::int64_t>(p.low) + static_cast<std::int64_t>(level) * p.step;
    case space::ParameterKind::real:
      break;
  }
  return p.low;
}

/// Candidate number `index` of a finite space, the first parameter varying fastest.
std::vector<double> candidate(const space::Space& space, std::uint64_t index) {
  space::Values values;
  for (const space::Parameter& p : space.parameters()) {
    values[p.name] = value_at(p, index % levels(p));
    index /= levels(p);
  }
  return space.encode(values);
}

}  // namespace

std::vector<double> point_at(const space::Space& space, const std::vector<double>& u) {
  std::vector<double> x;
  x.reserve(space.dimensions());
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    const space::Parameter& p = space.parameters()[i];
    if (p.kind != space::ParameterKind::categorical) {
      x.push_back(u[i]);
      continue;
    }
    const double choices = static_cast<double>(p.choices.size());
    for (std::size_t c = 0; c < p.choices.size(); ++c) {
      x.push_back(std::floor(u[i] * choices) == static_cast<double>(c) ? 1.0 : 0.0);
    }
  }
  return space.snap(x);
}

Unseen::Unseen(const SamplerProblem& problem, const std::vector<Observation>& history)
    : problem_(problem) {
  seen_.reserve(history.size());
  for (const Observation& observation : history) {
    if (observation.x.size() != problem.space.dimensions()) {
      throw UsageError(fmt::format("a trial of {} coordinates was told to a space of {}",
                                   observation.x.size(), problem.space.dimensions()));
    }
    seen_.insert(&observation.x);
  }
}

std::size_t Unseen::Hash::operator()(const std::vector<double>* x) const {
  std::size_t hash = 0;
  for (const double coordinate : *x) {
    hash = hash * 31 + std::hash<double>()(coordinate);  // equal for both zeros
  }
  return hash;
}

bool Unseen::accepts(const std::vector<double>& x) const {
  if (seen_.contains(&x)) return false;
  return !problem_.duplicate || !problem_.duplicate(problem_.space.decode(x));
}

std::vector<double> Unseen::draw(std::string_view purpose, std::uint64_t trial) const {
  Random random(problem_.seed, purpose, trial);
  const space::Space& space = problem_.space;
  const std::uint64_t candidates = space.cardinality();
  const bool small = candidates > 0 && candidates <= kSmallSpace;
  std::vector<double> u(space.parameters().size());
  for (int i = 0; i < (small ? kDraws : kLastDraws); ++i) {
    heed(problem_.stop);
    for (double& coordinate : u) coordinate = random.uniform();
    std::vector<double> x = point_at(space, u);
    if (accepts(x)) return x;
  }
  if (!small) {
    throw SpaceExhausted(
        fmt::format("{} random draws from the space hold no candidate that is not among the {} "
                    "suggested before",
                    kLastDraws, seen_.size()));
  }
  const std::uint64_t first = random.below(candidates);
  for (std::uint64_t i = 0; i < candidates; ++i) {
    heed(problem_.stop);
    std::vector<double> x = candidate(space, (first + i) % candidates);
    if (accepts(x)) return x;
  }
  throw SpaceExhausted(
      candidates == 1
          ? std::string("the only candidate of the space has been suggested")
          : fmt::format("all {} candidates of the space have been suggested", candidates));
}

}  // namespace paretiny::samplers

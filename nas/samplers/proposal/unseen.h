// What no sampler may suggest again, and the uniform draw all of them fall back on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "nas/samplers/sampler.h"

namespace paretiny::samplers {

/// The snapped point whose i-th parameter lies at u[i] of its range, [0, 1): a real or integer
/// parameter's coordinate, a categorical one's choice number floor(u * choices). u: [parameters].
std::vector<double> point_at(const space::Space& space, const std::vector<double>& u);

/// The points of a history, whatever became of them.
class Unseen {
 public:
  /// Both must stay. Throws UsageError for an observation whose point has another number of
  /// coordinates.
  Unseen(const SamplerProblem& problem, const std::vector<Observation>& history);

  /// Whether the snapped point `x` is not in the history and no duplicate by the problem's test.
  bool accepts(const std::vector<double>& x) const;

  /// A uniformly drawn acceptable point, a function of (seed, purpose, trial). Throws
  /// SpaceExhausted when every candidate of a small space was suggested, or a long run of draws
  /// from a large one met none acceptable.
  std::vector<double> draw(std::string_view purpose, std::uint64_t trial) const;

 private:
  struct Hash {
    std::size_t operator()(const std::vector<double>* x) const;
  };
  struct Same {
    bool operator()(const std::vector<double>* a, const std::vector<double>* b) const {
      return *a == *b;
    }
  };

  const SamplerProblem& problem_;
  std::unordered_set<const std::vector<double>*, Hash, Same> seen_;  ///< of the history
};

}  // namespace paretiny::samplers

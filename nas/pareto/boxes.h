// The part of the objectives' space that a front leaves to be gained, in boxes. All objectives
// minimised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nas/pareto/pareto.h"

namespace paretiny::pareto {

/// Disjoint boxes between levels, laid out as BoxCover of kernels/bayes/hypervolume_improvement.h
/// reads them. Box b is the product over k of (level(k, corners[b, 0, k]), level(k, corners[b, 1,
/// k])].
struct Boxes {
  std::size_t objectives = 0;
  /// [objectives, level_count]: ascending, from -infinity through the values of the front to the
  /// reference, which shorter rows repeat.
  std::vector<double> levels;
  std::vector<std::int32_t> corners;  ///< [count, 2, objectives]: lower, then upper

  std::size_t count() const { return corners.size() / (2 * objectives); }
  std::size_t level_count() const { return levels.size() / objectives; }
};

/// Covers what lies below the reference and is not dominated by any of `front`, which may hold
/// dominated, equal and outlying points. One box of positive size a local upper bound: 2n + 1 at
/// most in 3 objectives, O(n^2) in 4 (Klamroth, Lacour and Vanderpooten, "On the representation of
/// the search region in multi-objective optimization", 2015; Lacour, Klamroth and Fonseca, "A box
/// decomposition algorithm to compute the hypervolume indicator", 2017). Throws UsageError as
/// hypervolume() does.
Boxes undominated_boxes(const Points& front, const std::vector<double>& reference);

}  // namespace paretiny::pareto

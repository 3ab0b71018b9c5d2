// Exact hypervolume: the volume dominated by a set of points and bounded by a reference point, all
// objectives minimised. A point that is not strictly below the reference in every objective adds
// nothing.
#pragma once

#include <vector>

#include "nas/pareto/pareto.h"

namespace paretiny::pareto {

/// Hypervolume of `points`, any number of objectives from 1 on. Up to 3 objectives a staircase is
/// swept along the last one, O(n log n) (stair_sweep.h). From 4 on the volume is the sum of the
/// boxes of the local upper bounds (bound_sweep.h), of which there are O(n^(m / 2)), rounded down,
/// at most: O(n^2) in 4 objectives. All terms are positive, so that nothing cancels. Throws
/// UsageError for rows of another length than the reference, for NaN and for -infinity; DataError
/// for a volume that no double holds.
double hypervolume(const Points& points, const std::vector<double>& reference);

/// Whether dominated points count as members of the set a contribution is measured against.
enum class Dominated { ignored, counted };

/// Exclusive contribution of each point: hypervolume of all less that of all but the point, summed
/// over the boxes of its own that the others leave, so that it keeps its digits however small it
/// is; O(n log n) up to 3 objectives. Dominated points and exact duplicates contribute 0. With
/// `counted` a point loses what a dominated point also covers; with `ignored` dominated points are
/// removed first.
std::vector<double> hypervolume_contributions(const Points& points,
                                              const std::vector<double>& reference,
                                              Dominated dominated = Dominated::ignored);

/// What `point` would add to the hypervolume of `points`, with the digits of a contribution: it is
/// measured against all of them, also those that it dominates. Throws as `hypervolume` does.
double hypervolume_gain(const Points& points, const std::vector<double>& point,
                        const std::vector<double>& reference);

}  // namespace paretiny::pareto

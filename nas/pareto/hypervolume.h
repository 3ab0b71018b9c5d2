// Exact hypervolume: the volume dominated by a set of points and bounded by a reference point, all
// objectives minimised. A point that is not strictly below the reference in every objective adds
// nothing.
#pragma once

#include <vector>

#include "nas/pareto/pareto.h"

namespace paretiny {

/// Hypervolume of `points`, any number of objectives from 1 on. A staircase of the first two
/// objectives is swept along the third (a binary search a point); every further objective costs a
/// factor of at most n: the boxes of the points are cut into slices along it, as in While,
/// Bradstreet and Barone, "A fast way of calculating exact hypervolumes", 2012. In 4 objectives
/// that is O(n^2 log n). Throws UsageError for rows of another length than the reference, and for
/// NaN.
double hypervolume(const Points& points, const std::vector<double>& reference);

/// Whether dominated points count as members of the set a contribution is measured against.
enum class Dominated { ignored, counted };

/// Exclusive contribution of each point: hypervolume of all less that of all but the point,
/// measured within the point's own box, so that rounding is relative to that box and not to the
/// whole. Dominated points and exact duplicates contribute 0. With `counted` a point loses what a
/// dominated point also covers; with `ignored` dominated points are removed first.
std::vector<double> hypervolume_contributions(const Points& points,
                                              const std::vector<double>& reference,
                                              Dominated dominated = Dominated::ignored);

}  // namespace paretiny

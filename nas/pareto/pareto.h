// Pareto dominance between objective vectors, all minimised.
#pragma once

#include <cstddef>
#include <vector>

namespace paretiny::pareto {

/// One objective vector a row, all of one length. Functions throw UsageError for rows of unequal
/// length and for NaN.
using Points = std::vector<std::vector<double>>;

bool all_finite(const std::vector<double>& values);

/// No worse in every objective and better in at least one.
bool dominates(const std::vector<double>& a, const std::vector<double>& b);

/// Adds `point` to a front of points none of which dominates another, and takes away those that it
/// dominates; unless one of them dominates or equals it. Whether it was added.
bool extend_front(Points& front, const std::vector<double>& point);

/// Indices, ascending, of the points no other dominates. Equal points are all kept.
std::vector<std::size_t> non_dominated(const Points& points);

/// Front of each point by non-dominated sorting, 0 = non-dominated; equal points share a front
/// (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002).
std::vector<std::size_t> non_dominated_ranks(const Points& points);

/// Sum over the constraints of max(0, g): 0 for a feasible point. constraints: a row a point,
/// g <= 0 where met.
std::vector<double> constraint_violations(const Points& constraints);

/// Fronts under constrained domination (Deb et al., 2002): feasible before infeasible, of two
/// infeasible points the smaller violation dominates, equal violations do not dominate one another,
/// feasible points compare by their objectives. violations: [points].
std::vector<std::size_t> constrained_ranks(const Points& points,
                                           const std::vector<double>& violations);

/// Crowding distance of each point within its own front: the sum over objectives of
/// (next - previous) / (max - min), points sorted stably by index. Infinite for the first and the
/// last in any objective that varies over the front, and in fronts of one or two points.
std::vector<double> crowding_distances(const Points& points, const std::vector<std::size_t>& ranks);

/// Throws UsageError unless every row has `columns` entries and none is NaN; `what` names the rows.
void check_points(const Points& points, std::size_t columns, const char* what);

}  // namespace paretiny::pareto

// Order of trials at a rung of asynchronous successive halving with several objectives.
#pragma once

#include <cstddef>

#include "nas/pareto/pareto.h"

namespace paretiny::stopping {

/// How many of `points` come before point `which`: fronts of non-dominated sorting one after the
/// other, in a front the best in the first objective and then always the point farthest from those
/// before it (an epsilon-net; objectives over their ranges), the earlier of equals (Schmucker,
/// Donini, Zafar, Salinas and Archambeau, "Multi-objective asynchronous successive halving", 2021).
/// Throws UsageError for NaN.
std::size_t rung_position(const pareto::Points& points, std::size_t which);

}  // namespace paretiny::stopping

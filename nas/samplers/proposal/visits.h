// Points that a search met, and how it liked them.
#pragma once

#include <vector>

#include "nas/space/space.h"
#include "nas/surrogate/device_array.h"

namespace paretiny::samplers {

/// Snapped points with their rewards.
struct Visits {
  surrogate::RowMatrix points;  ///< [v, d]
  Eigen::VectorXd rewards;      ///< [v]
};

/// The first `count` distinct points in descending order of reward.
Visits best_of(const Visits& visits, std::size_t count);

/// Row i of points [n, d].
std::vector<double> row_of(const surrogate::RowMatrix& points, Eigen::Index i);

/// Indices of `values` from the largest on, equal ones by index; NaN comes last.
std::vector<Eigen::Index> descending(const Eigen::VectorXd& values);

/// Scrambled Sobol points, one dimension a parameter, snapped: [count, d].
surrogate::RowMatrix sobol_points(const space::Space& space, Eigen::Index count, std::uint64_t key);

}  // namespace paretiny::samplers

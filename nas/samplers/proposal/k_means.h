// Clusters of points.
#pragma once

#include "kernels/core/random.h"
#include "nas/surrogate/device_array.h"

namespace paretiny::samplers {

/// Centres of at most `clusters` clusters of the rows of `points` [n, d], by Lloyd's algorithm from
/// k-means++ seeds (Arthur and Vassilvitskii, 2007): [c, d]. Fewer where fewer rows are distinct.
surrogate::RowMatrix k_means(const surrogate::RowMatrix& points, Eigen::Index clusters,
                             Random& random);

}  // namespace paretiny::samplers

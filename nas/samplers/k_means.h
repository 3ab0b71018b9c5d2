// Clusters of points.
#pragma once

#include <Eigen/Dense>

#include "kernels/random.h"

namespace paretiny {

/// Centres of at most `clusters` clusters of the rows of `points` [n, d], by Lloyd's algorithm from
/// k-means++ seeds (Arthur and Vassilvitskii, 2007): [c, d]. Fewer where fewer rows are distinct.
Eigen::MatrixXd k_means(const Eigen::MatrixXd& points, Eigen::Index clusters, Random& random);

}  // namespace paretiny

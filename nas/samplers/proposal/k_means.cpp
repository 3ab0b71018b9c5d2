#include "nas/samplers/proposal/k_means.h"

namespace paretiny::samplers {
namespace {

/// Lloyd's steps. Centres settle before; this ends the search of those that do not.
constexpr int kIterations = 50;

/// Squared distance of every row of `points` to `centre`.
template <class Centre>
Eigen::VectorXd squared_distances(const surrogate::RowMatrix& points, const Centre& centre) {
  return (points.rowwise() - centre).rowwise().squaredNorm();
}

/// The row where the running sum of `weights` passes a uniform share of the total.
Eigen::Index drawn(const Eigen::VectorXd& weights, Random& random) {
  double left = random.uniform() * weights.sum();
  Eigen::Index last = 0;
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    if (weights(i) <= 0) continue;
    last = i;
    left -= weights(i);
    if (left < 0) break;
  }
  return last;
}

}  // namespace

surrogate::RowMatrix k_means(const surrogate::RowMatrix& points, Eigen::Index clusters,
                             Random& random) {
  const Eigen::Index n = points.rows();
  surrogate::RowMatrix centres(std::min(clusters, n), points.cols());
  Eigen::VectorXd nearest = Eigen::VectorXd::Ones(n);  // squared distance to the nearest seed
  Eigen::Index seeds = 0;
  while (seeds < centres.rows() && nearest.maxCoeff() > 0) {
    centres.row(seeds) = points.row(drawn(nearest, random));
    const Eigen::VectorXd distances = squared_distances(points, centres.row(seeds));
    nearest = seeds == 0 ? distances : nearest.cwiseMin(distances).eval();
    ++seeds;
  }
  centres.conservativeResize(seeds, Eigen::NoChange);

  Eigen::VectorXi owner = Eigen::VectorXi::Constant(n, -1);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    bool moved = false;
    surrogate::RowMatrix sums = surrogate::RowMatrix::Zero(seeds, points.cols());
    Eigen::VectorXd counts = Eigen::VectorXd::Zero(seeds);
    for (Eigen::Index i = 0; i < n; ++i) {
      Eigen::Index closest = 0;
      squared_distances(centres, points.row(i)).minCoeff(&closest);
      moved |= owner(i) != closest;
      owner(i) = static_cast<int>(closest);
      sums.row(closest) += points.row(i);
      counts(closest) += 1;
    }
    if (!moved) break;
    for (Eigen::Index c = 0; c < seeds; ++c) {
      if (counts(c) > 0) centres.row(c) = sums.row(c) / counts(c);
    }
  }
  return centres;
}

}  // namespace paretiny::samplers

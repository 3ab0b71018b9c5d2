#include "nas/samplers/proposal/visits.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "nas/samplers/proposal/unseen.h"
#include "nas/space/sobol.h"

namespace paretiny::samplers {

std::vector<double> row_of(const surrogate::RowMatrix& points, Eigen::Index i) {
  return {points.row(i).begin(), points.row(i).end()};
}

std::vector<Eigen::Index> descending(const Eigen::VectorXd& values) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    return values(a) > values(b) || (std::isnan(values(b)) && !std::isnan(values(a)));
  });
  return order;
}

Visits best_of(const Visits& visits, std::size_t count) {
  std::vector<Eigen::Index> chosen;
  std::set<std::vector<double>> seen;
  for (const Eigen::Index i : descending(visits.rewards)) {
    if (seen.size() == count) break;
    if (seen.insert(row_of(visits.points, i)).second) chosen.push_back(i);
  }
  return {visits.points(chosen, Eigen::all), visits.rewards(chosen)};
}

surrogate::RowMatrix sobol_points(const space::Space& space, Eigen::Index count,
                                  std::uint64_t key) {
  const space::SobolSequence sobol(space.parameters().size(), key);
  surrogate::RowMatrix points(count, static_cast<Eigen::Index>(space.dimensions()));
  std::vector<double> u(space.parameters().size());
  for (Eigen::Index i = 0; i < count; ++i) {
    sobol.point(static_cast<std::uint64_t>(i), u.data());
    points.row(i) = Eigen::Map<const Eigen::RowVectorXd>(point_at(space, u).data(), points.cols());
  }
  return points;
}

}  // namespace paretiny::samplers

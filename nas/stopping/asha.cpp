#include "nas/stopping/asha.h"

#include <algorithm>
#include <limits>

namespace paretiny::stopping {
namespace {

/// Each objective over its range, 0 where it does not vary.
pareto::Points scaled(const pareto::Points& points) {
  pareto::Points result = points;
  for (std::size_t k = 0; k < points.front().size(); ++k) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const std::vector<double>& point : points) {
      low = std::min(low, point[k]);
      high = std::max(high, point[k]);
    }
    for (std::vector<double>& point : result) {
      point[k] = high > low ? (point[k] - low) / (high - low) : 0;
    }
  }
  return result;
}

double square_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

}  // namespace

std::size_t rung_position(const pareto::Points& points, std::size_t which) {
  const std::vector<std::size_t> ranks = pareto::non_dominated_ranks(points);
  std::vector<std::size_t> front;  // of `which`
  std::size_t before = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (ranks[i] < ranks[which]) ++before;
    if (ranks[i] == ranks[which]) front.push_back(i);
  }
  const pareto::Points space = scaled(points);
  std::size_t next = *std::ranges::min_element(
      front, [&](std::size_t a, std::size_t b) { return points[a][0] < points[b][0]; });
  std::vector<double> nearest(points.size(), std::numeric_limits<double>::infinity());
  for (; next != which; ++before) {
    std::erase(front, next);
    for (const std::size_t i : front) {
      nearest[i] = std::min(nearest[i], square_distance(space[i], space[next]));
    }
    next = *std::ranges::max_element(
        front, [&](std::size_t a, std::size_t b) { return nearest[a] < nearest[b]; });
  }
  return before;
}

}  // namespace paretiny::stopping

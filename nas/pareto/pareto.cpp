#include "nas/pareto/pareto.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include "base/error.h"

namespace paretiny::pareto {
namespace {

/// Peels fronts: `beats(i, j)` tells whether i dominates j. O(n^2) comparisons.
template <class Beats>
std::vector<std::size_t> peel(std::size_t n, const Beats& beats) {
  std::vector<std::vector<std::size_t>> beaten(n);
  std::vector<std::size_t> beaten_by(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i != j && beats(i, j)) {
        beaten[i].push_back(j);
        ++beaten_by[j];
      }
    }
  }
  std::vector<std::size_t> ranks(n, 0);
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < n; ++i) {
    if (beaten_by[i] == 0) front.push_back(i);
  }
  for (std::size_t rank = 0; !front.empty(); ++rank) {
    std::vector<std::size_t> next;
    for (const std::size_t i : front) {
      ranks[i] = rank;
      for (const std::size_t j : beaten[i]) {
        if (--beaten_by[j] == 0) next.push_back(j);
      }
    }
    front = std::move(next);
  }
  return ranks;
}

void add_crowding(const Points& points, const std::vector<std::size_t>& front,
                  std::vector<double>& distances) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (front.size() <= 2) {
    for (const std::size_t i : front) distances[i] = kInfinity;
    return;
  }
  std::vector<std::size_t> order = front;
  for (std::size_t objective = 0; objective < points[front[0]].size(); ++objective) {
    const auto value = [&](std::size_t i) { return points[i][objective]; };
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
      return value(i) < value(j) || (value(i) == value(j) && i < j);
    });
    const double range = value(order.back()) - value(order.front());
    if (range == 0) continue;
    distances[order.front()] = kInfinity;
    distances[order.back()] = kInfinity;
    for (std::size_t k = 1; k + 1 < order.size(); ++k) {
      distances[order[k]] += (value(order[k + 1]) - value(order[k - 1])) / range;
    }
  }
}

/// As non_dominated, of points of at most 3 objectives, O(n log n): met in the order of the last
/// objective, then the one before it, a point is dominated by none to come, and by one of those met
/// if one of their staircase in the first two is.
std::vector<std::size_t> swept_front(const Points& points) {
  using Padded = std::array<double, 3>;
  std::vector<std::pair<Padded, std::size_t>> order(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    order[i] = {Padded{}, i};
    std::copy(points[i].rbegin(), points[i].rend(),
              order[i].first.end() - static_cast<std::ptrdiff_t>(points[i].size()));
  }
  std::sort(order.begin(), order.end());
  std::vector<std::size_t> kept;
  std::map<double, std::pair<double, const Padded*>> stairs;  // by x: y, which falls, and whose
  for (const auto& [point, i] : order) {
    const double y = point[1], x = point[2];
    auto last = stairs.upper_bound(x);
    if (last != stairs.begin() && std::prev(last)->second.first <= y) {
      if (*std::prev(last)->second.second == point) kept.push_back(i);
      continue;
    }
    kept.push_back(i);
    auto first = last;
    if (first != stairs.begin() && std::prev(first)->first == x) --first;
    while (last != stairs.end() && last->second.first >= y) ++last;
    stairs.erase(first, last);
    stairs.emplace(x, std::pair(y, &point));
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

void check_count(std::size_t given, std::size_t points, const char* what) {
  if (given == points) return;
  throw UsageError(
      fmt::format("{} {} were given for {} points; give one a point", given, what, points));
}

}  // namespace

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k] > b[k]) return false;
    better |= a[k] < b[k];
  }
  return better;
}

bool extend_front(Points& front, const std::vector<double>& point) {
  const auto covers = [&](const auto& other) { return other == point || dominates(other, point); };
  if (std::any_of(front.begin(), front.end(), covers)) return false;
  std::erase_if(front, [&](const auto& other) { return dominates(point, other); });
  front.push_back(point);
  return true;
}

std::vector<std::size_t> non_dominated(const Points& points) {
  if (!points.empty()) check_points(points, points[0].size(), "objective vector");
  if (!points.empty() && points[0].size() <= 3) return swept_front(points);
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto beats_i = [&](const std::vector<double>& point) {
      return dominates(point, points[i]);
    };
    if (std::none_of(points.begin(), points.end(), beats_i)) kept.push_back(i);
  }
  return kept;
}

std::vector<std::size_t> non_dominated_ranks(const Points& points) {
  return constrained_ranks(points, std::vector<double>(points.size(), 0.0));
}

std::vector<double> constraint_violations(const Points& constraints) {
  if (!constraints.empty()) check_points(constraints, constraints[0].size(), "constraint vector");
  std::vector<double> violations;
  violations.reserve(constraints.size());
  for (const std::vector<double>& row : constraints) {
    double sum = 0;
    for (const double g : row) sum += std::max(0.0, g);
    violations.push_back(sum);
  }
  return violations;
}

std::vector<std::size_t> constrained_ranks(const Points& points,
                                           const std::vector<double>& violations) {
  if (!points.empty()) check_points(points, points[0].size(), "objective vector");
  check_count(violations.size(), points.size(), "violations");
  return peel(points.size(), [&](std::size_t i, std::size_t j) {
    if (violations[i] > 0 || violations[j] > 0) return violations[i] < violations[j];
    return dominates(points[i], points[j]);
  });
}

std::vector<double> crowding_distances(const Points& points,
                                       const std::vector<std::size_t>& ranks) {
  if (!points.empty()) check_points(points, points[0].size(), "objective vector");
  check_count(ranks.size(), points.size(), "ranks");
  std::vector<std::vector<std::size_t>> fronts;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] >= fronts.size()) fronts.resize(ranks[i] + 1);
    fronts[ranks[i]].push_back(i);
  }
  std::vector<double> distances(points.size(), 0.0);
  for (const auto& front : fronts) {
    if (!front.empty()) add_crowding(points, front, distances);
  }
  return distances;
}

void check_points(const Points& points, std::size_t columns, const char* what) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].size() != columns) {
      throw UsageError(
          fmt::format("{} {} has {} entries; it must have {}", what, i, points[i].size(), columns));
    }
    if (std::any_of(points[i].begin(), points[i].end(), [](double v) { return std::isnan(v); })) {
      throw UsageError(fmt::format("{} {} holds NaN; give numbers only", what, i));
    }
  }
}

}  // namespace paretiny::pareto

#include "nas/pareto/rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/error.h"

namespace paretiny::pareto {

Rows rows_below(const Points& points, const std::vector<double>& reference,
                std::vector<std::size_t>& indices) {
  if (reference.empty()) {
    throw UsageError("the reference point is empty; give one number an objective");
  }
  if (!all_finite(reference)) {
    throw UsageError("the reference point is not finite; give one finite number an objective");
  }
  check_points(points, reference.size(), "objective vector");
  Rows rows{reference.size(), {}};
  const auto infinite = [](double value) { return std::isinf(value) && value < 0; };
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::any_of(points[i].begin(), points[i].end(), infinite)) {
      throw UsageError(
          fmt::format("objective vector {} holds -infinity; its volume has no size", i));
    }
    if (!std::equal(points[i].begin(), points[i].end(), reference.begin(), std::less<>())) continue;
    indices.push_back(i);
    rows.values.insert(rows.values.end(), points[i].begin(), points[i].end());
  }
  return rows;
}

std::vector<std::size_t> order_by_last(const Rows& rows) {
  std::vector<std::pair<double, std::size_t>> keys(rows.size());
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = {rows[i][rows.width - 1], i};
  std::sort(keys.begin(), keys.end());
  std::vector<std::size_t> order;
  order.reserve(keys.size());
  for (const auto& [value, i] : keys) order.push_back(i);
  return order;
}

Rows sorted_by_last(const Rows& rows) {
  Rows sorted{rows.width, {}};
  sorted.values.reserve(rows.values.size());
  for (const std::size_t i : order_by_last(rows)) {
    sorted.values.insert(sorted.values.end(), rows[i], rows[i] + rows.width);
  }
  return sorted;
}

Rows front_of(const Rows& rows) {
  const std::size_t m = rows.width;
  std::vector<const double*> order(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = rows[i];
  // A row stands behind whatever dominates it.
  std::sort(order.begin(), order.end(), [m](const double* a, const double* b) {
    return std::lexicographical_compare(a, a + m, b, b + m);
  });
  Rows front{m, {}};
  front.values.reserve(rows.values.size());
  for (const double* row : order) {
    bool kept = true;
    for (std::size_t j = 0; kept && j < front.size(); ++j) {
      kept = !weakly_dominates(front[j], row, m);
    }
    if (kept) front.values.insert(front.values.end(), row, row + m);
  }
  return front;
}

}  // namespace paretiny::pareto

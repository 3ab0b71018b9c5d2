#include "nas/pareto/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/error.h"

namespace paretiny {

Rows rows_below(const Points& points, const std::vector<double>& reference,
                std::vector<std::size_t>& indices) {
  if (reference.empty()) {
    throw UsageError("the reference point is empty; give one number an objective");
  }
  if (!std::all_of(reference.begin(), reference.end(), [](double v) { return std::isfinite(v); })) {
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

Rows front_of(const Rows& rows) {
  Rows front{rows.width, {}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    bool kept = true;
    for (std::size_t j = 0; kept && j < rows.size(); ++j) {
      if (i == j || !weakly_dominates(rows[j], rows[i], rows.width)) continue;
      kept = j > i && weakly_dominates(rows[i], rows[j], rows.width);
    }
    if (kept) front.values.insert(front.values.end(), rows[i], rows[i] + rows.width);
  }
  return front;
}

}  // namespace paretiny

#include "nas/pareto/hypervolume.h"

#include <algorithm>
#include <utility>

#include "nas/pareto/bound_sweep.h"
#include "nas/pareto/rows.h"

namespace paretiny {
namespace {

/// Non-dominated corners in the plane, x ascending and y descending.
class Staircase {
 public:
  Staircase(double reference_x, double reference_y) : right_(reference_x), top_(reference_y) {}

  /// Adds a point below the reference; returns the area it newly covers, as a sum of disjoint
  /// rectangles.
  double add(double x, double y) {
    const auto after = std::upper_bound(corners_.begin(), corners_.end(), x,
                                        [](double a, const Corner& c) { return a < c.x; });
    double ceiling = after == corners_.begin() ? top_ : (after - 1)->y;
    if (ceiling <= y) return 0;
    double area = 0;
    double left = x;
    auto last = after;
    for (; last != corners_.end(); ++last) {
      area += (last->x - left) * (ceiling - y);
      if (last->y <= y) break;
      ceiling = last->y;
      left = last->x;
    }
    if (last == corners_.end()) area += (right_ - left) * (ceiling - y);
    // A corner straight above the new one is covered by it too.
    const auto first = after != corners_.begin() && (after - 1)->x == x ? after - 1 : after;
    if (first == last) {
      corners_.insert(first, {x, y});
    } else {
      *first = {x, y};
      corners_.erase(first + 1, last);
    }
    return area;
  }

 private:
  struct Corner {
    double x;
    double y;
  };
  double right_;
  double top_;
  std::vector<Corner> corners_;
};

/// By another row that is not equal.
bool is_dominated(const Rows& rows, std::size_t i) {
  for (std::size_t j = 0; j < rows.size(); ++j) {
    if (weakly_dominates(rows[j], rows[i], rows.width) &&
        !weakly_dominates(rows[i], rows[j], rows.width)) {
      return true;
    }
  }
  return false;
}

double volume_3d(const Rows& sorted, const double* reference) {
  Staircase stairs(reference[0], reference[1]);
  double area = 0;
  double volume = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    area += stairs.add(sorted[i][0], sorted[i][1]);
    const double next = i + 1 < sorted.size() ? sorted[i + 1][2] : reference[2];
    volume += area * (next - sorted[i][2]);
  }
  return volume;
}

enum class Region { dominated, undominated };

/// As region_volume, in 2 objectives.
double region_area(Region region, const Rows& sorted, const double* low, const double* reference) {
  double area = 0, least = reference[0], from = low[1];
  const auto strip = [&](double to) {
    area += (region == Region::dominated ? reference[0] - least : least - low[0]) * (to - from);
    from = to;
  };
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    strip(sorted[i][1]);
    least = std::min(least, sorted[i][0]);
  }
  strip(reference[1]);
  return area;
}

/// Volume of the region between `low`, which is no greater than any point, and the reference, of
/// rows sorted by the last objective.
double region_volume(Region region, const Rows& sorted, const double* low,
                     const double* reference) {
  const std::size_t m = sorted.width;
  if (m == 1) {
    const double least = sorted.values.empty() ? reference[0] : sorted[0][0];
    return region == Region::dominated ? reference[0] - least : least - low[0];
  }
  if (m == 2) return region_area(region, sorted, low, reference);
  double volume = 0;
  sweep_bounds(sorted, low, reference, [&](const double* lower, const double* upper) {
    double box = region == Region::dominated ? reference[0] - upper[0] : upper[0] - lower[0];
    for (std::size_t k = 1; k < m; ++k) box *= upper[k] - lower[k];
    volume += box;
  });
  return volume;
}

double dominated_volume(const Rows& rows, const double* reference) {
  if (rows.values.empty()) return 0;
  const Rows sorted = sorted_by_last(rows);
  if (rows.width == 3) return volume_3d(sorted, reference);
  std::vector<double> low(reference, reference + rows.width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < rows.width; ++k) low[k] = std::min(low[k], rows[i][k]);
  }
  return region_volume(Region::dominated, sorted, low.data(), reference);
}

}  // namespace

double hypervolume(const Points& points, const std::vector<double>& reference) {
  std::vector<std::size_t> indices;
  return dominated_volume(rows_below(points, reference, indices), reference.data());
}

std::vector<double> hypervolume_contributions(const Points& points,
                                              const std::vector<double>& reference,
                                              Dominated dominated) {
  std::vector<std::size_t> indices;
  const Rows rows = rows_below(points, reference, indices);
  const std::size_t m = rows.width;
  std::vector<std::size_t> members;
  for (const std::size_t i : order_by_last(rows)) {
    if (dominated == Dominated::counted || !is_dominated(rows, i)) members.push_back(i);
  }
  std::vector<double> contributions(points.size(), 0.0);
  Rows others{m, {}};
  for (const std::size_t i : members) {
    const double* point = rows[i];
    others.values.resize(members.size() * m);
    double* clipped = others.values.data();
    bool covered = false;
    for (const std::size_t j : members) {
      if (j == i) continue;
      bool closes = true;
      for (std::size_t k = 0; k < m; ++k) {
        clipped[k] = std::max(point[k], rows[j][k]);
        closes &= k + 1 == m || clipped[k] == point[k];
      }
      clipped += m;
      if (!closes) continue;
      // From here up nothing of the point's box is its own.
      covered = clipped[-1] == point[m - 1];
      break;
    }
    if (covered) continue;
    others.values.resize(static_cast<std::size_t>(clipped - others.values.data()));
    contributions[indices[i]] = region_volume(Region::undominated, others, point, reference.data());
  }
  return contributions;
}

}  // namespace paretiny

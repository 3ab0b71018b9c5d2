#include "nas/pareto/hypervolume.h"

#include <algorithm>
#include <numeric>

#include "nas/pareto/rows.h"

namespace paretiny {
namespace {

/// Non-dominated corners in the plane, x ascending and y descending.
class Staircase {
 public:
  Staircase(double reference_x, double reference_y) : right_(reference_x), top_(reference_y) {}

  void clear() { corners_.clear(); }

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

/// Row numbers sorted by one column; equal values keep the order of their numbers.
std::vector<std::size_t> sorted_by(const Rows& rows, std::size_t column) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return rows[i][column] < rows[j][column]; });
  return order;
}

double volume_1d(const Rows& rows, const double* reference) {
  double low = reference[0];
  for (const double value : rows.values) low = std::min(low, value);
  return reference[0] - low;
}

double volume_2d(const Rows& rows, const double* reference) {
  Staircase stairs(reference[0], reference[1]);
  double area = 0;
  for (const std::size_t i : sorted_by(rows, 0)) area += stairs.add(rows[i][0], rows[i][1]);
  return area;
}

double volume_3d(const Rows& rows, const double* reference) {
  const std::vector<std::size_t> order = sorted_by(rows, 2);
  Staircase stairs(reference[0], reference[1]);
  double area = 0;
  double volume = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const double* point = rows[order[k]];
    area += stairs.add(point[0], point[1]);
    const double next = k + 1 < order.size() ? rows[order[k + 1]][2] : reference[2];
    volume += area * (next - point[2]);
  }
  return volume;
}

/// Sum over the points of (slice height) x (what the point adds, in the first three objectives, to
/// those before it in the fourth). One sort by the third objective serves every slice: clipping
/// to a point's box keeps that order.
double volume_4d(const Rows& rows, const double* reference) {
  const std::size_t n = rows.size();
  const std::vector<std::size_t> by_fourth = sorted_by(rows, 3);
  std::vector<std::size_t> rank(n);
  for (std::size_t k = 0; k < n; ++k) rank[by_fourth[k]] = k;
  struct Point {
    double x, y, z, w;
    std::size_t rank;
  };
  std::vector<Point> points;
  points.reserve(n);
  for (const std::size_t i : sorted_by(rows, 2)) {
    points.push_back({rows[i][0], rows[i][1], rows[i][2], rows[i][3], rank[i]});
  }

  Staircase stairs(reference[0], reference[1]);
  double volume = 0;
  for (const Point& p : points) {
    const double whole = (reference[0] - p.x) * (reference[1] - p.y);
    stairs.clear();
    double covered = 0;  // area of the staircase at height z
    double free = 0;
    double z = p.z;
    bool closed = false;
    for (const Point& q : points) {
      if (q.rank >= p.rank) continue;
      if (q.z > z) {
        free += (whole - covered) * (q.z - z);
        z = q.z;
      }
      // From here up the whole of the box is covered.
      closed = q.x <= p.x && q.y <= p.y;
      if (closed) break;
      covered += stairs.add(std::max(p.x, q.x), std::max(p.y, q.y));
    }
    if (!closed) free += (whole - covered) * (reference[2] - z);
    volume += free * (reference[3] - p.w);
  }
  return volume;
}

double box_of(const double* point, const double* reference, std::size_t width) {
  double volume = 1;
  for (std::size_t k = 0; k < width; ++k) volume *= reference[k] - point[k];
  return volume;
}

double volume_of(const Rows& rows, const double* reference);

/// What `point` covers in the first `width` objectives and none of `others` does.
double exclusive(const double* point, const Rows& others, std::size_t width,
                 const double* reference) {
  Rows clipped{width, {}};
  clipped.values.reserve(others.size() * width);
  for (std::size_t i = 0; i < others.size(); ++i) {
    for (std::size_t k = 0; k < width; ++k) {
      clipped.values.push_back(std::max(point[k], others[i][k]));
    }
  }
  return std::max(0.0, box_of(point, reference, width) - volume_of(front_of(clipped), reference));
}

/// Five objectives and more: slices along the last one.
double volume_by_slices(const Rows& rows, const double* reference) {
  const std::size_t last = rows.width - 1;
  Rows before{rows.width, {}};
  double volume = 0;
  for (const std::size_t i : sorted_by(rows, last)) {
    volume += exclusive(rows[i], before, last, reference) * (reference[last] - rows[i][last]);
    before.values.insert(before.values.end(), rows[i], rows[i] + rows.width);
  }
  return volume;
}

double volume_of(const Rows& rows, const double* reference) {
  switch (rows.width) {
    case 1:
      return volume_1d(rows, reference);
    case 2:
      return volume_2d(rows, reference);
    case 3:
      return volume_3d(rows, reference);
    case 4:
      return volume_4d(rows, reference);
    default:
      return volume_by_slices(rows, reference);
  }
}

}  // namespace

double hypervolume(const Points& points, const std::vector<double>& reference) {
  std::vector<std::size_t> indices;
  const Rows rows = rows_below(points, reference, indices);
  // Two sweeps need no help; above, a shorter list pays for the quadratic filter.
  return volume_of(rows.width > 3 ? front_of(rows) : rows, reference.data());
}

std::vector<double> hypervolume_contributions(const Points& points,
                                              const std::vector<double>& reference,
                                              Dominated dominated) {
  std::vector<std::size_t> indices;
  const Rows rows = rows_below(points, reference, indices);
  const Rows front = front_of(rows);
  const Rows& members = dominated == Dominated::ignored ? front : rows;
  std::vector<double> contributions(points.size(), 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    bool covered = false;
    for (std::size_t j = 0; j < rows.size() && !covered; ++j) {
      covered = j != i && weakly_dominates(rows[j], rows[i], rows.width);
    }
    if (covered) continue;
    Rows others{rows.width, {}};
    for (std::size_t j = 0; j < members.size(); ++j) {
      if (std::equal(members[j], members[j] + rows.width, rows[i])) continue;
      others.values.insert(others.values.end(), members[j], members[j] + rows.width);
    }
    contributions[indices[i]] = exclusive(rows[i], others, rows.width, reference.data());
  }
  return contributions;
}

}  // namespace paretiny

#include "nas/pareto/hypervolume.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>

#include "base/error.h"
#include "nas/pareto/bound_sweep.h"
#include "nas/pareto/rows.h"
#include "nas/pareto/stair_sweep.h"

namespace paretiny::pareto {
namespace {

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

/// The numbers of the rows in the order in which a sweep meets them: by the last objective, then by
/// the one before it, and so on.
std::vector<std::size_t> order_by_all(const Rows& rows) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const std::reverse_iterator first(rows[a] + rows.width), other(rows[b] + rows.width);
    return std::lexicographical_compare(first, std::reverse_iterator(rows[a]), other,
                                        std::reverse_iterator(rows[b]));
  });
  return order;
}

/// Up to so many a sweep takes O(n log n); beyond it the bounds of bound_sweep.h are needed.
constexpr std::size_t kSweptObjectives = 3;

/// A finished sweep over rows of at most 3 objectives. What they lack of them is 0 in every row and
/// 1 in the reference: all volumes are multiplied by 1.
StairSweep swept(const Rows& rows, const std::vector<double>& reference, Dominated dominated) {
  std::array<double, kSweptObjectives> corner{1, 1, 1};
  std::copy(reference.begin(), reference.end(), corner.begin());
  StairSweep sweep(corner, dominated, rows.size());
  for (const std::size_t i : order_by_all(rows)) {
    std::array<double, kSweptObjectives> point{};
    std::copy_n(rows[i], rows.width, point.begin());
    sweep.add(point, i);
  }
  sweep.finish();
  return sweep;
}

enum class Region { dominated, undominated };

/// Volume of the region between `low`, which is no greater than any point, and the reference, of
/// rows sorted by the last objective.
double region_volume(Region region, const Rows& sorted, const double* low,
                     const double* reference) {
  double volume = 0;
  sweep_bounds(sorted, low, reference, [&](const double* lower, const double* upper) {
    double box = region == Region::dominated ? reference[0] - upper[0] : upper[0] - lower[0];
    for (std::size_t k = 1; k < sorted.width; ++k) box *= upper[k] - lower[k];
    volume += box;
  });
  return volume;
}

/// Of 4 objectives and more.
double dominated_volume(const Rows& rows, const std::vector<double>& reference) {
  if (rows.values.empty()) return 0;
  std::vector<double> low = reference;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < rows.width; ++k) low[k] = std::min(low[k], rows[i][k]);
  }
  return region_volume(Region::dominated, sorted_by_last(rows), low.data(), reference.data());
}

/// Volume that row `i` alone dominates of the `members`, which are sorted by the last objective; of
/// 4 objectives and more.
double own_volume(const Rows& rows, const std::vector<std::size_t>& members, std::size_t i,
                  const double* reference) {
  const std::size_t m = rows.width;
  const double* point = rows[i];
  Rows others{m, std::vector<double>(members.size() * m)};
  double* clipped = others.values.data();
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
    if (clipped[-1] == point[m - 1]) return 0;
    break;
  }
  others.values.resize(static_cast<std::size_t>(clipped - others.values.data()));
  return region_volume(Region::undominated, others, point, reference);
}

/// Of 4 objectives and more: a number a row.
std::vector<double> contributions_of(const Rows& rows, const double* reference,
                                     Dominated dominated) {
  std::vector<std::size_t> members;
  for (const std::size_t i : order_by_last(rows)) {
    if (dominated == Dominated::counted || !is_dominated(rows, i)) members.push_back(i);
  }
  std::vector<double> contributions(rows.size(), 0.0);
  for (const std::size_t i : members) contributions[i] = own_volume(rows, members, i, reference);
  return contributions;
}

/// `volume` where it is a number: differences and products of finite numbers may be none.
double checked(double volume) {
  if (std::isfinite(volume)) return volume;
  throw DataError(
      "the hypervolume is above 1.8e308, the largest number there is; scale the objectives and the "
      "reference");
}

}  // namespace

double hypervolume(const Points& points, const std::vector<double>& reference) {
  std::vector<std::size_t> indices;
  const Rows rows = rows_below(points, reference, indices);
  return checked(rows.width <= kSweptObjectives
                     ? swept(rows, reference, Dominated::ignored).volume()
                     : dominated_volume(rows, reference));
}

std::vector<double> hypervolume_contributions(const Points& points,
                                              const std::vector<double>& reference,
                                              Dominated dominated) {
  std::vector<std::size_t> indices;
  const Rows rows = rows_below(points, reference, indices);
  const std::vector<double> of_rows = rows.width <= kSweptObjectives
                                          ? swept(rows, reference, dominated).contributions()
                                          : contributions_of(rows, reference.data(), dominated);
  std::vector<double> contributions(points.size(), 0.0);
  for (std::size_t i = 0; i < indices.size(); ++i) contributions[indices[i]] = checked(of_rows[i]);
  return contributions;
}

double hypervolume_gain(const Points& points, const std::vector<double>& point,
                        const std::vector<double>& reference) {
  Points all = points;
  all.push_back(point);
  std::vector<std::size_t> indices;
  const Rows rows = rows_below(all, reference, indices);
  if (indices.empty() || indices.back() != points.size()) return 0;
  return checked(rows.width <= kSweptObjectives
                     ? swept(rows, reference, Dominated::counted).contributions().back()
                     : own_volume(rows, order_by_last(rows), rows.size() - 1, reference.data()));
}

}  // namespace paretiny::pareto

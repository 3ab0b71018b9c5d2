#include "nas/pareto/boxes.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "nas/pareto/bound_sweep.h"
#include "nas/pareto/rows.h"

namespace paretiny::pareto {
namespace {

/// Sets the levels; replaces every value of the front by the number of its level. Returns the
/// numbers of the reference's.
std::vector<double> number_levels(Rows& front, const std::vector<double>& reference, Boxes& boxes) {
  const std::size_t n = front.size(), m = front.width;
  std::vector<std::vector<double>> levels(m);
  std::vector<double> last;
  std::vector<std::pair<double, std::size_t>> sorted(n);
  std::size_t most = 0;
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t i = 0; i < n; ++i) sorted[i] = {front[i][k], i};
    std::sort(sorted.begin(), sorted.end());
    levels[k].push_back(-std::numeric_limits<double>::infinity());
    for (const auto& [value, i] : sorted) {
      if (value > levels[k].back()) levels[k].push_back(value);
      front.values[i * m + k] = static_cast<double>(levels[k].size() - 1);
    }
    last.push_back(static_cast<double>(levels[k].size()));
    most = std::max(most, levels[k].size() + 1);
  }
  for (std::size_t k = 0; k < m; ++k) {
    levels[k].resize(most, reference[k]);
    boxes.levels.insert(boxes.levels.end(), levels[k].begin(), levels[k].end());
  }
  return last;
}

}  // namespace

Boxes undominated_boxes(const Points& front, const std::vector<double>& reference) {
  const std::size_t m = reference.size();
  std::vector<std::size_t> indices;
  Rows rows = front_of(rows_below(front, reference, indices));
  Boxes boxes{m, {}, {}};
  const std::vector<double> high = number_levels(rows, reference, boxes);
  const std::vector<double> low(m, 0);
  const auto add = [&](const double* lower, const double* upper) {
    if (!std::equal(lower, lower + m, upper, std::less<>())) return;
    for (const double* sides : {lower, upper}) {
      for (std::size_t k = 0; k < m; ++k) {
        boxes.corners.push_back(static_cast<std::int32_t>(sides[k]));
      }
    }
  };
  if (m == 1) {
    add(low.data(), rows.values.empty() ? high.data() : rows[0]);
  } else {
    sweep_bounds(sorted_by_last(rows), low.data(), high.data(), add);
  }
  return boxes;
}

}  // namespace paretiny::pareto

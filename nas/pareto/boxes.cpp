#include "nas/pareto/boxes.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "nas/pareto/rows.h"

namespace paretiny {
namespace {

/// The front as ranks, so that no two points are equal in any objective: equal values are told
/// apart by the points' order. A box between ranks is one between their values, of which those
/// without volume are left out. Rank 0 is -infinity, n + 1 the reference.
struct Ranks {
  std::size_t objectives = 0;
  std::size_t points = 0;
  std::vector<std::int32_t> rank;   ///< [points + 1, objectives]: row 0 is -infinity
  std::vector<std::int32_t> order;  ///< rows by the last objective
  std::vector<std::int32_t> level;  ///< [objectives, points + 2]: the level of a rank

  const std::int32_t* operator[](std::int32_t row) const {
    return rank.data() + static_cast<std::size_t>(row) * objectives;
  }
};

/// Fills the levels of `boxes` as well.
Ranks rank(const Rows& front, const std::vector<double>& reference, Boxes& boxes) {
  const std::size_t n = front.size(), m = front.width;
  Ranks ranks{m, n, std::vector<std::int32_t>((n + 1) * m, 0), {}, {}};
  std::vector<std::vector<double>> levels(m);
  for (std::size_t k = 0; k < m; ++k) {
    ranks.order.resize(n);
    std::iota(ranks.order.begin(), ranks.order.end(), 1);
    const auto value = [&](std::int32_t row) {
      return front[static_cast<std::size_t>(row) - 1][k];
    };
    std::stable_sort(ranks.order.begin(), ranks.order.end(),
                     [&](std::int32_t i, std::int32_t j) { return value(i) < value(j); });
    levels[k].push_back(-std::numeric_limits<double>::infinity());
    ranks.level.push_back(0);
    for (std::size_t r = 0; r < n; ++r) {
      const std::int32_t row = ranks.order[r];
      ranks.rank[static_cast<std::size_t>(row) * m + k] = static_cast<std::int32_t>(r) + 1;
      if (value(row) > levels[k].back()) levels[k].push_back(value(row));
      ranks.level.push_back(static_cast<std::int32_t>(levels[k].size()) - 1);
    }
    ranks.level.push_back(static_cast<std::int32_t>(levels[k].size()));
  }
  std::size_t most = 0;
  for (const auto& row : levels) most = std::max(most, row.size() + 1);
  boxes.objectives = m;
  for (std::size_t k = 0; k < m; ++k) {
    levels[k].resize(most, reference[k]);
    boxes.levels.insert(boxes.levels.end(), levels[k].begin(), levels[k].end());
  }
  return ranks;
}

/// Local upper bounds of the points met so far in all objectives but the last, along which they are
/// met. A bound u has a defining point z^k an objective: equal to u in k, below it elsewhere.
class Sweep {
 public:
  Sweep(const Ranks& ranks, Boxes& boxes)
      : ranks_(ranks), boxes_(boxes), width_(ranks.objectives - 1), bounds_(2 * width_, 0) {
    const auto reference = static_cast<std::int32_t>(ranks.points) + 1;
    std::fill_n(bounds_.begin(), width_, reference);
    for (const std::int32_t point : ranks.order) add(point);
    for (std::size_t b = 0; b < count_; ++b) emit(&bounds_[b * 2 * width_], reference);
  }

 private:
  void add(std::int32_t point) {
    const std::int32_t* z = ranks_[point];
    std::size_t kept = 0;
    fresh_.clear();
    std::size_t fresh = 0;
    for (std::size_t b = 0; b < count_; ++b) {
      const std::int32_t* bound = bounds_.data() + b * 2 * width_;
      if (!std::equal(z, z + width_, bound, std::less<>())) {
        std::copy_n(bound, 2 * width_, bounds_.data() + kept++ * 2 * width_);
        continue;
      }
      emit(bound, z[width_]);
      for (std::size_t j = 0; j < width_; ++j) {
        if (z[j] < highest(bound, j, width_, j)) continue;
        const std::size_t begin = fresh_.size();
        fresh_.insert(fresh_.end(), bound, bound + 2 * width_);
        fresh_[begin + j] = z[j];
        fresh_[begin + width_ + j] = point;
        ++fresh;
      }
    }
    count_ = kept + fresh;
    bounds_.resize(kept * 2 * width_);
    bounds_.insert(bounds_.end(), fresh_.begin(), fresh_.end());
  }

  /// Largest rank in `objective` of the defining points of the objectives below `end`, `but` one.
  std::int32_t highest(const std::int32_t* bound, std::size_t objective, std::size_t end,
                       std::size_t but) const {
    std::int32_t most = 0;
    for (std::size_t k = 0; k < end; ++k) {
      if (k != but) most = std::max(most, ranks_[bound[width_ + k]][objective]);
    }
    return most;
  }

  /// Writes the box of a bound that `last` closes in the last objective. Whatever point is not
  /// dominated reaches one bound alone when its objectives are raised one after another, each until
  /// it meets a point of the front; the defining points are those met.
  void emit(const std::int32_t* bound, std::int32_t last) {
    const std::size_t begin = boxes_.corners.size();
    boxes_.corners.resize(begin + 2 * (width_ + 1));
    std::int32_t* lower = boxes_.corners.data() + begin;
    std::int32_t* upper = lower + width_ + 1;
    for (std::size_t j = 0; j <= width_; ++j) {
      const std::int32_t* level = ranks_.level.data() + j * (ranks_.points + 2);
      lower[j] = level[highest(bound, j, j, j)];
      upper[j] = level[j < width_ ? bound[j] : last];
      if (lower[j] == upper[j]) return boxes_.corners.resize(begin);
    }
  }

  const Ranks& ranks_;
  Boxes& boxes_;
  std::size_t width_;
  std::size_t count_ = 1;
  std::vector<std::int32_t> bounds_;  ///< [count, 2, width]: the bound, the rows that define it
  std::vector<std::int32_t> fresh_;
};

}  // namespace

Boxes undominated_boxes(const Points& front, const std::vector<double>& reference) {
  std::vector<std::size_t> indices;
  const Rows rows = front_of(rows_below(front, reference, indices));
  Boxes boxes;
  Sweep(rank(rows, reference, boxes), boxes);
  return boxes;
}

}  // namespace paretiny

#include "nas/pareto/stair_sweep.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace paretiny::pareto {

double OwnStrips::append(double left, double right, double ceiling, double z) {
  strips_.insert_or_assign(left, Strip{ceiling, z});  // one without width gives way
  right_ = right;
  return (right - left) * (ceiling - bottom_);
}

void OwnStrips::close(Strips::const_iterator strip, double z) {
  const auto next = std::next(strip);
  const double right = next == strips_.end() ? right_ : next->first;
  volume_ += (right - strip->first) * (strip->second.ceiling - bottom_) * (z - strip->second.since);
}

void OwnStrips::cover(double x, double y, double z) {
  if (strips_.empty() || x >= right_) return;
  auto strip = strips_.upper_bound(x);
  if (strip != strips_.begin()) --strip;
  if (strip->second.ceiling <= y) return;
  const double left = std::max(x, strip->first);
  while (strip != strips_.end() && strip->second.ceiling > y) {
    close(strip, z);
    if (strip->first < x) {
      strip->second.since = z;  // what lies left of x goes on
      ++strip;
    } else {
      strip = strips_.erase(strip);
    }
  }
  if (y > bottom_) {
    strips_.insert_or_assign(strip, left, Strip{y, z});
  } else {
    strips_.erase(strip, strips_.end());  // without height
    right_ = left;
  }
}

double OwnStrips::close(double z) {
  for (auto strip = strips_.cbegin(); strip != strips_.cend(); ++strip) close(strip, z);
  strips_.clear();
  return volume_;
}

StairSweep::StairSweep(const Point& reference, Dominated dominated, std::size_t points)
    : reference_(reference), dominated_(dominated), contributions_(points, 0.0) {}

void StairSweep::add(const Point& point, std::size_t index) {
  const auto [x, y, z] = point;
  auto last = stairs_.upper_bound(x);
  if (last != stairs_.begin()) {
    const auto before = std::prev(last);
    Stair& stair = before->second;
    if (stair.y <= y) {
      // Everything that dominates the point has been met, as has what equals it.
      const bool equal = before->first == x && stair.y == y && stair.z == z;
      if (equal || dominated_ == Dominated::counted) stair.own.cover(x, y, z);
      return;
    }
    if (before->first == x) last = before;  // straight above the point
  }
  const auto first = last;
  Stair stair{y, z, index, OwnStrips(y)};
  double left = x;
  double ceiling = first == stairs_.begin() ? reference_[1] : std::prev(first)->second.y;
  double area = 0;
  for (; last != stairs_.end() && last->second.y >= y; ++last) {
    area += stair.own.append(left, last->first, ceiling, z);
    left = last->first;
    ceiling = last->second.y;
    contributions_[last->second.index] = last->second.own.close(z);
  }
  const double right = last == stairs_.end() ? reference_[0] : last->first;
  area += stair.own.append(left, right, ceiling, z);
  volume_ += area * (reference_[2] - z);  // it stays covered from here on
  if (first != stairs_.begin()) std::prev(first)->second.own.cover(x, y, z);
  if (last != stairs_.end()) last->second.own.cover(x, y, z);
  stairs_.erase(first, last);
  stairs_.emplace_hint(last, x, std::move(stair));
}

void StairSweep::finish() {
  for (auto& [x, stair] : stairs_) {
    contributions_[stair.index] = stair.own.close(reference_[2]);
  }
  stairs_.clear();
}

}  // namespace paretiny::pareto

// Volumes by local upper bounds: points are met along the last objective, and the bounds of those
// met so far are kept in the others (Lacour, Klamroth and Fonseca, "A box decomposition algorithm
// to compute the hypervolume indicator", 2017). A bound u has a defining point z^k for each
// objective k: equal to u in k, below it elsewhere. Each bound has a box in either region, all
// disjoint, with the sides (max_{i<k} z^i_k, u_k] from the second objective on: with
// (u_0, reference] for the first they make up what is dominated, with (low, u_0] what is not.
//
// Of equal values the one met later counts as the greater, which puts the points in general
// position; boxes in between have no volume. Dominated points change nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace paretiny {

enum class Region { dominated, undominated };

/// Volume of a region between `low` and `reference`. kWidth: the number of objectives but the last,
/// or 0 where the compiler does not know it.
template <std::size_t kWidth>
class BoundSweep {
 public:
  /// low, reference: [width + 1], below every point and above it, and to outlive this.
  BoundSweep(Region region, std::size_t width, const double* low, const double* reference)
      : region_(region), runtime_width_(width), low_(low), reference_(reference), values_(width) {
    fresh_.resize(stride());
    for (std::size_t k = 0; k < width; ++k) {
      std::copy_n(low, width, &fresh_[k * width]);
      fresh_[k * width + k] = reference[k];
    }
    finish(fresh_.data(), low[width]);
    place();
  }

  /// Points come in ascending order of their last objective.
  void add(const double* point) {
    find(point);
    if (hits_.empty()) return;
    fresh_.clear();
    double closed = 0;
    for (const std::uint32_t hit : hits_) {
      closed += close(hit, point[width()]);
      for (std::size_t k = 0; k < width(); ++k) add_bound(hit, point, k);
    }
    volume_ += closed;
    place();
  }

  double volume() {
    double closed = 0;
    for (std::size_t b = 0; b < count_; ++b) closed += close(b, reference_[width()]);
    return volume_ + closed;
  }

 private:
  static constexpr std::size_t kBlock = 16;

  std::size_t width() const { return kWidth > 0 ? kWidth : runtime_width_; }
  /// Numbers a bound: the defining points [width, width], whose diagonal is the bound itself; the
  /// volume of its box; the last objective at which that begins.
  std::size_t stride() const { return width() * width() + 2; }

  double close(std::size_t bound, double last) const {
    const double* numbers = &bounds_[bound * stride() + width() * width()];
    return numbers[0] * (last - numbers[1]);
  }

  /// Bounds above the point in every objective but the last.
  void find(const double* point) {
    hits_.clear();
    for (std::size_t begin = 0; begin < count_; begin += kBlock) {
      std::array<std::int64_t, kBlock> above;
      std::int64_t any = 0;
      for (std::size_t i = 0; i < kBlock; ++i) {
        std::int64_t all = point[0] < values_[0][begin + i];
        for (std::size_t k = 1; k < width(); ++k) all &= point[k] < values_[k][begin + i];
        above[i] = all;
        any |= all;
      }
      if (any == 0) continue;
      for (std::size_t i = 0; i < kBlock; ++i) {
        if (above[i] != 0) hits_.push_back(static_cast<std::uint32_t>(begin + i));
      }
    }
  }

  /// The bound that the point lowers in objective k, unless another one is lower still.
  void add_bound(std::size_t parent, const double* point, std::size_t k) {
    const double* from = &bounds_[parent * stride()];
    for (std::size_t i = 0; i < width(); ++i) {
      if (i != k && point[k] < from[i * width() + k]) return;
    }
    const std::size_t begin = fresh_.size();
    fresh_.resize(begin + stride());
    double* to = &fresh_[begin];
    std::copy_n(from, width() * width(), to);
    std::copy_n(point, width(), to + k * width());
    finish(to, point[width()]);
  }

  void finish(double* numbers, double last) const {
    double volume =
        region_ == Region::dominated ? reference_[0] - numbers[0] : numbers[0] - low_[0];
    for (std::size_t k = 1; k < width(); ++k) {
      double floor = numbers[k];
      for (std::size_t i = 1; i < k; ++i) floor = std::max(floor, numbers[i * width() + k]);
      volume *= numbers[k * width() + k] - floor;
    }
    numbers[width() * width()] = volume;
    numbers[width() * width() + 1] = last;
  }

  /// Puts the fresh bounds in the place of those hit.
  void place() {
    const std::size_t fresh = fresh_.size() / stride();
    std::size_t placed = 0;
    for (; placed < std::min(fresh, hits_.size()); ++placed) {
      put(hits_[placed], &fresh_[placed * stride()]);
    }
    for (; placed < fresh; ++placed) {
      if (count_ == values_[0].size()) grow();
      put(count_++, &fresh_[placed * stride()]);
    }
    // From the last on, so that what takes a place is not itself to go.
    for (std::size_t h = hits_.size(); h > fresh; --h) {
      --count_;
      if (hits_[h - 1] != count_) put(hits_[h - 1], &bounds_[count_ * stride()]);
      for (std::vector<double>& row : values_) row[count_] = nothing_;
    }
    hits_.clear();
  }

  void put(std::size_t bound, const double* numbers) {
    std::copy_n(numbers, stride(), &bounds_[bound * stride()]);
    for (std::size_t k = 0; k < width(); ++k) values_[k][bound] = numbers[k * width() + k];
  }

  void grow() {
    const std::size_t room = std::max(kBlock, 2 * count_);
    for (std::vector<double>& row : values_) row.resize(room, nothing_);
    bounds_.resize(room * stride());
  }

  static constexpr double nothing_ = -std::numeric_limits<double>::infinity();

  Region region_;
  std::size_t runtime_width_;
  const double *low_, *reference_;
  double volume_ = 0;
  std::size_t count_ = 0;
  std::vector<std::vector<double>> values_;  ///< [width, room]: the bounds, -infinity beyond count_
  std::vector<double> bounds_;               ///< [room, stride]
  std::vector<double> fresh_;                ///< [.., stride]
  std::vector<std::uint32_t> hits_;          ///< ascending
};

}  // namespace paretiny

// Local upper bounds of points that are met along the last objective, kept in the other ones
// (Lacour, Klamroth and Fonseca, "A box decomposition algorithm to compute the hypervolume
// indicator", 2017). A bound u has a defining point z^k for each objective k: equal to u in k,
// below it elsewhere. Between the points that made it and ended it a bound has a box in either
// region, all disjoint, with the sides (max_{i<k} z^i_k, u_k] from the second objective on: with
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
#include <type_traits>
#include <vector>

#include "nas/pareto/rows.h"

namespace paretiny::pareto {

/// kWidth: the number of objectives but the last, or 0 where the compiler does not know it. Close
/// is called for every bound that ends, with the box's lower and upper sides in all objectives,
/// those of the first being `low` and u_0.
template <std::size_t kWidth, class Close>
class BoundSweep {
 public:
  /// low, reference: [width + 1], below every point and above it, and to outlive this.
  BoundSweep(std::size_t width, const double* low, const double* reference, Close& close)
      : runtime_width_(width), low_(low), reference_(reference), close_(close), values_(width) {
    if constexpr (kWidth == 0) {
      lower_.resize(width + 1);
      upper_.resize(width + 1);
    }
    fresh_.resize(stride());
    for (std::size_t k = 0; k < width; ++k) {
      std::copy_n(low, width, &fresh_[k * width]);
      fresh_[k * width + k] = reference[k];
    }
    fresh_.back() = low[width];
    place();
  }

  /// Points come in ascending order of their last objective.
  void add(const double* point) {
    find(point);
    if (hits_.empty()) return;
    fresh_.clear();
    for (const std::uint32_t hit : hits_) {
      close(hit, point[width()]);
      for (std::size_t k = 0; k < width(); ++k) add_bound(hit, point, k);
    }
    place();
  }

  /// Ends all bounds at the reference.
  void finish() {
    for (std::size_t b = 0; b < count_; ++b) close(b, reference_[width()]);
  }

 private:
  static constexpr std::size_t kBlock = 16;  ///< bounds compared at once: two vectors of doubles
  using Sides =
      std::conditional_t<(kWidth > 0), std::array<double, kWidth + 1>, std::vector<double>>;

  std::size_t width() const { return kWidth > 0 ? kWidth : runtime_width_; }
  /// Numbers a bound: the defining points [width, width], whose diagonal is the bound itself; the
  /// last objective of the point that made it.
  std::size_t stride() const { return width() * width() + 1; }

  void close(std::size_t bound, double last) {
    const double* numbers = &bounds_[bound * stride()];
    lower_[0] = low_[0];
    upper_[0] = numbers[0];
    for (std::size_t k = 1; k < width(); ++k) {
      double lower = numbers[k];
      for (std::size_t i = 1; i < k; ++i) lower = std::max(lower, numbers[i * width() + k]);
      lower_[k] = lower;
      upper_[k] = numbers[k * width() + k];
    }
    lower_[width()] = numbers[width() * width()];
    upper_[width()] = last;
    close_(lower_.data(), upper_.data());
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
    to[width() * width()] = point[width()];
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
      for (std::vector<double>& row : values_) row[count_] = kNothing;
    }
    hits_.clear();
  }

  void put(std::size_t bound, const double* numbers) {
    std::copy_n(numbers, stride(), &bounds_[bound * stride()]);
    for (std::size_t k = 0; k < width(); ++k) values_[k][bound] = numbers[k * width() + k];
  }

  void grow() {
    const std::size_t room = std::max(kBlock, 2 * count_);
    for (std::vector<double>& row : values_) row.resize(room, kNothing);
    bounds_.resize(room * stride());
  }

  static constexpr double kNothing = -std::numeric_limits<double>::infinity();

  std::size_t runtime_width_;
  const double *low_, *reference_;
  Close& close_;
  std::size_t count_ = 0;
  std::vector<std::vector<double>> values_;  ///< [width, room]: the bounds, -infinity beyond count_
  std::vector<double> bounds_;               ///< [room, stride]
  std::vector<double> fresh_;                ///< [.., stride]
  std::vector<std::uint32_t> hits_;          ///< ascending
  Sides lower_, upper_;
};

/// Meets all of `sorted` [.., width + 1], which ascends in its last objective of at least two, and
/// calls `close` as BoundSweep does.
template <class Close>
void sweep_bounds(const Rows& sorted, const double* low, const double* reference, Close close) {
  const auto run = [&]<std::size_t kWidth>(std::integral_constant<std::size_t, kWidth>) {
    BoundSweep<kWidth, Close> sweep(sorted.width - 1, low, reference, close);
    for (std::size_t i = 0; i < sorted.size(); ++i) sweep.add(sorted[i]);
    sweep.finish();
  };
  switch (sorted.width) {
    case 2:
      return run(std::integral_constant<std::size_t, 1>());
    case 3:
      return run(std::integral_constant<std::size_t, 2>());
    case 4:
      return run(std::integral_constant<std::size_t, 3>());
    case 5:
      return run(std::integral_constant<std::size_t, 4>());
    case 6:
      return run(std::integral_constant<std::size_t, 5>());
    default:
      return run(std::integral_constant<std::size_t, 0>());
  }
}

}  // namespace paretiny::pareto

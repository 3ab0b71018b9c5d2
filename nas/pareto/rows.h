// Objective vectors in one block of memory, for what works on many of them.
#pragma once

#include <cstddef>
#include <vector>

#include "nas/pareto/pareto.h"

namespace paretiny::pareto {

/// `width` objectives a row.
struct Rows {
  std::size_t width = 0;
  std::vector<double> values;

  std::size_t size() const { return values.size() / width; }
  const double* operator[](std::size_t i) const { return values.data() + i * width; }
};

/// The points strictly below the reference in every objective; their numbers are appended to
/// `indices`. Throws UsageError for a reference that is empty or not finite, for points of another
/// length, for NaN and for -infinity.
Rows rows_below(const Points& points, const std::vector<double>& reference,
                std::vector<std::size_t>& indices);

/// No worse in every objective.
inline bool weakly_dominates(const double* a, const double* b, std::size_t width) {
  for (std::size_t k = 0; k < width; ++k) {
    if (a[k] > b[k]) return false;
  }
  return true;
}

/// Row numbers by the last objective; equal values keep their order.
std::vector<std::size_t> order_by_last(const Rows& rows);

/// The rows in that order.
Rows sorted_by_last(const Rows& rows);

/// In lexicographic order, without dominated rows; of equal rows one stays.
Rows front_of(const Rows& rows);

}  // namespace paretiny::pareto

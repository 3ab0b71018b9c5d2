// Products of doubles without copies: matrices lie in panels of eight columns, so that whatever a
// product reads is a stream of whole cache lines, and a tile of 8 x 24 results stays in registers.
#pragma once

#include <algorithm>

#include "kernels/core/arena.h"
#include "kernels/core/cpu/f64x8.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {

/// Panels that a tile is wide at most.
inline constexpr std::int64_t kTilePanels = 3;

constexpr std::int64_t panels_of(std::int64_t columns) {
  return ceil_div(columns, kWide);
}

/// An upper or lower triangular matrix of n rounded up to eight rows and columns.
struct Panels {
  double* data;
  std::int64_t count;  ///< of panels

  explicit Panels(std::int64_t n, double* memory) : data(memory), count(panels_of(n)) {}
  static std::int64_t doubles(std::int64_t n) { return panels_of(n) * panels_of(n) * 64; }

  std::int64_t rows() const { return count * kWide; }
  std::int64_t pitch() const { return rows() * kWide; }  ///< from panel to panel
  /// Row k of a panel: eight doubles.
  double* at(std::int64_t k, std::int64_t panel) const {
    return data + (panel * rows() + k) * kWide;
  }
  double& element(std::int64_t k, std::int64_t j) const { return at(k, j / kWide)[j % kWide]; }
};

/// Eight rows of a left operand: element k of row r is row[r][k * step].
struct LeftRows {
  const double* row[kWide];
  std::int64_t step;
};

/// The transposed panel from its row k on: element k' of row r lies in column r of row k + k'.
inline LeftRows transposed(const Panels& panels, std::int64_t k, std::int64_t panel) {
  LeftRows rows{{}, kWide};
  for (std::int64_t r = 0; r < kWide; ++r) rows.row[r] = panels.at(k, panel) + r;
  return rows;
}

/// Rows first .. first + 7 of `matrix`, those past the end (`count` rows in all) its last; `along`
/// and `step` are the distances of rows and of elements.
inline LeftRows rows_of(const double* matrix, std::int64_t first, std::int64_t count,
                        std::int64_t along, std::int64_t step) {
  LeftRows rows{{}, step};
  for (std::int64_t r = 0; r < kWide; ++r) {
    rows.row[r] = matrix + std::min(first + r, count - 1) * along;
  }
  return rows;
}

/// sums[r][p] = sum over k < depth of element k of left row r times row k of the p-th panel, whose
/// first row is at right + p * pitch. kAhead: rows lie side by side and far apart from element to
/// element, where no processor foresees what is read next: it is told of the eight rows that
/// follow.
template <bool kAhead = false, int kPanels>
void multiply(const LeftRows& left, const double* right, std::int64_t pitch, std::int64_t depth,
              F64x8 (&sums)[kWide][kPanels]) {
  F64x8 total[kWide][kPanels] = {};
  std::int64_t at = 0;
  for (std::int64_t k = 0; k < depth; ++k, at += left.step, right += kWide) {
    if constexpr (kAhead) __builtin_prefetch(left.row[0] + at + kWide);
    F64x8 x[kPanels];
    for (int p = 0; p < kPanels; ++p) load(x[p], right + p * pitch);
    for (int r = 0; r < kWide; ++r) {
      const double a = left.row[r][at];
      for (int p = 0; p < kPanels; ++p) total[r][p] += a * x[p];
    }
  }
  for (int r = 0; r < kWide; ++r) {
    for (int p = 0; p < kPanels; ++p) sums[r][p] = total[r][p];
  }
}

/// f(panel, width) for panels begin .. end - 1, up to three at a time; the width is a constant.
template <class F>
void for_tiles(std::int64_t begin, std::int64_t end, F f) {
  std::int64_t panel = begin;
  for (; panel + 3 <= end; panel += 3) f(panel, std::integral_constant<int, 3>{});
  if (end - panel == 2) f(panel, std::integral_constant<int, 2>{});
  if (end - panel == 1) f(panel, std::integral_constant<int, 1>{});
}

/// Multiplications below which a second thread costs more than it saves.
inline constexpr std::int64_t kParallelProducts = 1 << 17;

/// So many doubles of scratch for every thread.
class ThreadScratch {
 public:
  ThreadScratch(Arena::Scope& scope, std::int64_t doubles)
      : each_(static_cast<std::int64_t>(aligned(doubles * sizeof(double)) / sizeof(double))),
        data_(static_cast<double*>(
            scope.take(static_cast<std::size_t>(thread_count() * each_) * sizeof(double)))) {}
  double* mine() const { return data_ + thread_index() * each_; }

 private:
  std::int64_t each_;
  double* data_;
};

}  // namespace paretiny::cpu

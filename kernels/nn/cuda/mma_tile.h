// Tiles of bf16 matrices in shared memory, ready for tensor cores.
//
// A *panel* holds 64 neighbouring columns of some rows: 128 bytes a row, in 8 units of 16 bytes,
// unit u of row r at place u ^ (r % 8). So the 8 rows that one phase of ldmatrix reads at the same
// unit lie in different banks, and so do the 8 rows of a fragment that a warp writes.
#pragma once

#include "kernels/core/cuda/async_copy.h"
#include "kernels/core/cuda/mma.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/fused.h"

namespace paretiny::cuda {

inline constexpr int kPanel = 64;  ///< columns of a panel
inline constexpr int kUnit = 8;    ///< bf16 elements of 16 bytes

/// Where the unit of a row starts, in elements.
__device__ inline int unit_at(int row, int unit) {
  return row * kPanel + ((unit ^ (row & 7)) * kUnit);
}

/// A dense bf16 matrix [rows, columns] in global memory.
struct RowSource {
  const bf16* data = nullptr;
  std::int64_t rows = 0;
  int columns = 0;
  bool aligned = false;  ///< rows can be read 16 bytes at a time

  RowSource() = default;
  RowSource(const void* tensor, std::int64_t row_count, std::int64_t column_count)
      : data(static_cast<const bf16*>(tensor)),
        rows(row_count),
        columns(static_cast<int>(column_count)),
        aligned(packs(data, column_count)) {}
};

/// How threads share a panel of which so many units count: each keeps to one unit, whose channels'
/// constants it can hold, and neighbours read neighbouring units.
struct UnitWalk {
  int unit, row, step;  ///< its unit, its first row, and how far apart its rows are

  __device__ UnitWalk(int units, int thread, int threads) {
    const int shift = units > 4 ? 3 : units > 2 ? 2 : units > 1 ? 1 : 0;
    unit = thread & ((1 << shift) - 1);
    row = thread >> shift;
    step = threads >> shift;
  }
};

/// Units of so many columns, whole fragments of 16.
__device__ inline int fragment_units(int columns) {
  return ceil_div(columns, 16) * 2;
}

/// A rectangle of a matrix that goes into a panel: rows from `row` on, `columns` (at most kPanel)
/// from `column` on.
struct PanelWindow {
  std::int64_t row;
  int column, columns;
};

/// Starts the copy of `rows` rows to a panel; what lies outside the matrix, and columns that fill
/// up a fragment, become zeros. A thread moves the units of its UnitWalk.
__device__ inline void copy_panel(bf16* panel, int rows, const RowSource& from,
                                  const PanelWindow& window, int thread, int threads) {
  const int units = fragment_units(window.columns);
  const UnitWalk walk(units, thread, threads);
  if (walk.unit >= units) return;
  const int columns = window.columns - walk.unit * kUnit;
  const std::int64_t left = from.rows - window.row;
  const int inside = columns <= 0 ? 0 : left < rows ? static_cast<int>(left) : rows;
  const bf16* unit =
      from.data + (window.row + walk.row) * from.columns + window.column + walk.unit * kUnit;
  const std::int64_t stride = std::int64_t{walk.step} * from.columns;
  int r = walk.row;
  if (from.aligned) {
    for (; r < inside; r += walk.step, unit += stride) {
      copy_async_16(panel + unit_at(r, walk.unit), unit);
    }
  } else {
    for (; r < inside; r += walk.step, unit += stride) {
      store_pack(panel + unit_at(r, walk.unit), load_some(unit, columns));
    }
  }
  for (; r < rows; r += walk.step) store_pack(panel + unit_at(r, walk.unit), Pack<bf16>{});
}

/// Turns the first `rows` rows of a panel into what the Prologue makes of them. A thread sees to
/// the units that it moved with copy_panel, so that it needs no barrier in between.
__device__ inline void transform_panel(bf16* panel, int rows, const InputTransform& input,
                                       int channels, const PanelWindow& window, int thread,
                                       int threads) {
  const UnitWalk walk(fragment_units(window.columns), thread, threads);
  const int count = window.columns - walk.unit * kUnit;
  if (count <= 0) return;
  PackTransform transform(input, window.column + walk.unit * kUnit, channels);
  for (int r = walk.row; r < rows; r += walk.step) {
    bf16* at = panel + unit_at(r, walk.unit);
    Pack<bf16> x = load_pack(at);
    transform.apply(x, input.gate != nullptr ? input.image(window.row + r) : 0);
    if (count < kUnit) {
      for (int k = 0; k < kUnit; ++k) x.value[k] = k < count ? x.value[k] : 0.0f;
    }
    store_pack(at, x);
  }
}

/// Fragments of mma_16x8x16, all lanes of a warp calling. `lane` = threadIdx.x % 32; rows start at
/// multiples of 8, which leaves a lane's place within them the same for all.
///
/// a = panel[row .. row + 15][16 * step .. 16 * step + 15].
__device__ inline void load_a(std::uint32_t (&a)[4], const bf16* panel, int row, int step,
                              int lane) {
  load_tiles(a, panel + unit_at(lane % 16, 2 * step ^ lane / 16) + row * kPanel);
}

/// a = the transpose of panel[row .. row + 15][column .. column + 15].
__device__ inline void load_a_transposed(std::uint32_t (&a)[4], const bf16* panel, int row,
                                         int column, int lane) {
  const int place = unit_at(lane / 16 * 8 + lane % 8, column / kUnit ^ lane / 8 % 2);
  load_tiles_transposed(a, panel + place + row * kPanel);
}

/// Two b, side by side, of a matrix that lies transposed: b = the transpose of
/// panel[row .. row + 15][16 * step .. 16 * step + 15]; the first is tiles[0..1].
__device__ inline void load_b_transposed(std::uint32_t (&b)[4], const bf16* panel, int row,
                                         int step, int lane) {
  const int place = unit_at(lane / 16 * 8 + lane % 8, 2 * step ^ lane / 8 % 2);
  load_tiles(b, panel + place + row * kPanel);
}

/// Two b, side by side: panel[row .. row + 15][column .. column + 15].
__device__ inline void load_b(std::uint32_t (&b)[4], const bf16* panel, int row, int column,
                              int lane) {
  load_tiles_transposed(b, panel + unit_at(lane % 16, column / kUnit ^ lane / 16) + row * kPanel);
}

/// d[0], d[1] += a * the two b.
__device__ inline void multiply(float (&left)[4], float (&right)[4], const std::uint32_t (&a)[4],
                                const std::uint32_t (&b)[4]) {
  mma_16x8x16(left, a, {b[0], b[1]});
  mma_16x8x16(right, a, {b[2], b[3]});
}

}  // namespace paretiny::cuda

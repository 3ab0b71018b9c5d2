// What a block of pointwise_pixels.cu has: its job, its place in it, the weights it keeps, and the
// panels that its warps read.
#pragma once

#include "kernels/core/cuda/reduce.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/mma_tile.h"

namespace paretiny::cuda::pixels {

inline constexpr int kRows = 32;   // pixels of a warp's tile
inline constexpr int kStages = 3;  // panels of a warp: two on their way while one is multiplied
inline constexpr int kMostColumns = 128;  // 128 sums a thread; more columns take several slices
inline constexpr int kMostWarps = 12;     // 12 * 32 threads of 168 registers fill a multiprocessor

/// Warps of a block: what the registers of a multiprocessor allow.
template <int kColumns>
inline constexpr int kWarps = kColumns <= kPanel ? kMostWarps : 8;

/// The warps' panels and the weights follow it.
struct alignas(128) Shared {
  float factor[kMostColumns], addend[kMostColumns];
  bf16 pivot[kMostWarps][kMostColumns];  // of a warp's statistics: its first row of y
  float count[kMostWarps];
};

inline constexpr int kQueue = kStages * kRows * kPanel;  // elements of a warp's panels

/// What a warp knows of the columns in the end; takes the place of its panels.
struct Totals {
  float sum[kMostColumns], square[kMostColumns];
};

struct Job {
  RowSource x, residual;
  const void* weights;
  bool bf16_weights;  // else f32
  int columns;        // of y
  int slices;         // that these are cut into
  int slice;          // columns of one, a multiple of 16
  bf16* y;
  bool y_aligned;
  InputTransform input;
  OutputTransform output;
  Moments* moments;  // [blocks of a slice, columns], or null

  __host__ __device__ int x_panels() const { return ceil_div(x.columns, kPanel); }
};

/// A warp's place in the job.
struct Place {
  int lane, warp, warps;
  int column, columns;  // its block's slice
  int tile, step;       // its first tile, and from one to the next
  int tiles;

  __device__ explicit Place(const Job& job) {
    lane = static_cast<int>(threadIdx.x) % kWarp;
    warp = static_cast<int>(threadIdx.x) / kWarp;
    warps = static_cast<int>(blockDim.x) / kWarp;
    const int slice = static_cast<int>(blockIdx.x) % job.slices;
    const int worker = static_cast<int>(blockIdx.x) / job.slices;
    const int workers = static_cast<int>(gridDim.x) / job.slices;
    column = slice * job.slice;
    columns = job.columns - column < job.slice ? job.columns - column : job.slice;
    tile = warp * workers + worker;  // so that few tiles are shared by many blocks
    step = warps * workers;
    tiles = static_cast<int>(ceil_div(job.x.rows, kRows));
  }
};

/// Rows of a tile that exist.
__device__ inline int rows_of(const Job& job, int tile) {
  const std::int64_t left = job.x.rows - std::int64_t{tile} * kRows;
  return left < kRows ? static_cast<int>(left) : kRows;
}

/// What a warp reads, panel by panel: for each of its tiles the channels of x, then the residual.
class PanelQueue {
 public:
  __device__ PanelQueue(const Job& job, const Place& place, bf16* panels)
      : job_(job), place_(place), panels_(panels), tile_(place.tile) {
#pragma unroll 1
    for (int i = 1; i < kStages; ++i) fetch();
  }

  /// The panel that comes next, in place of the one before it, with which the warp must be done.
  /// Each lane sees what it copied; the barrier after that is the caller's.
  __device__ bf16* next() {
    __syncwarp();
    fetch();
    wait_for_copies<kStages - 1>();
    bf16* const panel = panels_ + front_ * kRows * kPanel;
    front_ = front_ + 1 < kStages ? front_ + 1 : 0;
    return panel;
  }

 private:
  __device__ void fetch() {
    bf16* const panel = panels_ + back_ * kRows * kPanel;
    back_ = back_ + 1 < kStages ? back_ + 1 : 0;
    if (tile_ < place_.tiles) {
      const int x_panels = job_.x_panels();
      const bool of_x = panel_ < x_panels;
      const int first = of_x ? panel_ * kPanel : (panel_ - x_panels) * kPanel;
      const int columns = (of_x ? job_.x.columns : place_.columns) - first;
      copy_panel(panel, kRows, of_x ? job_.x : job_.residual,
                 {std::int64_t{tile_} * kRows, of_x ? first : place_.column + first,
                  columns < kPanel ? columns : kPanel},
                 place_.lane, kWarp);
      const int residual_panels =
          job_.residual.data != nullptr ? ceil_div(place_.columns, kPanel) : 0;
      if (++panel_ == x_panels + residual_panels) {
        panel_ = 0;
        tile_ += place_.step;
      }
    }
    commit_copies();  // an empty group past the end, so that counting them stays right
  }

  const Job& job_;
  const Place& place_;
  bf16* panels_;
  int tile_;
  int panel_ = 0;
  int front_ = 0, back_ = 0;
};

/// A rectangle of the weights as bf16 panels, zeros up to whole fragments: rows [row, row + rows),
/// columns [column, column + columns) of the matrix of `width` columns.
template <class W>
__device__ void load_weights(bf16* panels, const W* weights, int width, int row, int rows,
                             int column, int columns) {
  const bool aligned = width % kPack<W> == 0 && reinterpret_cast<std::uintptr_t>(weights) % 16 == 0;
  const int padded_rows = round_up(rows, 16);
  const int units = fragment_units(columns);
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < padded_rows * units;
       i += static_cast<int>(blockDim.x)) {
    const int r = i / units, unit = i % units;
    const W* from = weights + std::int64_t{row + r} * width + column + unit * kUnit;
    const int count = r < rows ? columns - unit * kUnit : 0;
    Pack<bf16> pack;
    for (int part = 0; part < kUnit; part += kPack<W>) {
      const int left = count - part;
      const Pack<W> some =
          left >= kPack<W> && aligned ? load_pack(from + part) : load_some(from + part, left);
      for (int k = 0; k < kPack<W>; ++k) pack.value[part + k] = some.value[k];
    }
    store_pack(panels + unit / 8 * padded_rows * kPanel + unit_at(r, unit % 8), pack);
  }
}

}  // namespace paretiny::cuda::pixels

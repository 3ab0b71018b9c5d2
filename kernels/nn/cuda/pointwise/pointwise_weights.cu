// The gradients of a pointwise layer's weights and bias on tensor cores: dw = dy^T x, a sum over
// all pixels.
//
// Bytes: x and dy once for layers of up to 128 x 128, and partial sums. A block keeps a tile of dw
// in the registers of its 16 warps, 32 x 32 each, while it goes through its share of the pixels, 64
// at a time: panels of dy and x in shared memory, three stages ahead on their way by cp.async
// (up to 120 KB), of which ldmatrix gives the transposes. One barrier a stage: between two of them
// some warps multiply while others put the next stage through the Prologue. The bias takes one more
// fragment, dy^T times ones. The tile has the shape among three that reads least; blocks of all
// tiles go through the same pixels together, so that these come from memory once. Each share of the
// pixels leaves a partial result; a second pass adds them in order.
#include <algorithm>
#include <array>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/merge_parts.h"
#include "kernels/nn/cuda/mma_tile.h"
#include "kernels/nn/cuda/pointwise/pointwise_mma.h"

namespace paretiny::cuda {
namespace {

constexpr int kWarps = 16;  // 32 x 32 each: a tile of 128 x 128
constexpr int kThreads = kWarps * kWarp;
constexpr int kPixels = 64;  // of a stage
constexpr int kStages = 4;   // three on their way while one is multiplied
constexpr int kEdge = 32;    // rows and columns of dw that a warp computes
constexpr int kPanelElements = kPixels * kPanel;

struct Job {
  RowSource dy, x;
  InputTransform input;
  int warp_rows;              // of the block's tile, in edges; kWarps / warp_rows columns
  int row_step, column_step;  // of a tile, in channels, multiples of 16
  int row_tiles;
  int stages;         // of all pixels
  int part_stages;    // of one block
  float* dw;          // [parts] of [dy.columns, x.columns] and, where db is wanted, db
  std::int64_t part;  // elements of one
  float* db;          // of the first, or null
};

/// A block's tile of dw.
struct Tile {
  int row, rows, column, columns;

  __device__ explicit Tile(const Job& job) {
    row = static_cast<int>(blockIdx.x) % job.row_tiles * job.row_step;
    column = static_cast<int>(blockIdx.x) / job.row_tiles * job.column_step;
    rows = job.dy.columns - row < job.row_step ? job.dy.columns - row : job.row_step;
    columns = job.x.columns - column < job.column_step ? job.x.columns - column : job.column_step;
  }
  __device__ int row_panels() const { return ceil_div(rows, kPanel); }
  __device__ int panels() const { return row_panels() + ceil_div(columns, kPanel); }
};

/// Calls f(panel, window) for the panels of x, or of dy, of a stage.
template <class F>
__device__ void each_panel(bf16* stage, std::int64_t pixel, int column, int columns, F f) {
  for (int done = 0; done < columns; done += kPanel) {
    f(stage, PanelWindow{pixel, column + done, columns - done < kPanel ? columns - done : kPanel});
    stage += kPanelElements;
  }
}

/// Starts the copies of a stage; always closes a group.
__device__ void fetch(bf16* to, const Job& job, const Tile& tile, int stage, int end) {
  if (stage < end) {
    const std::int64_t pixel = std::int64_t{stage} * kPixels;
    const int thread = static_cast<int>(threadIdx.x);
    each_panel(to, pixel, tile.row, tile.rows, [&](bf16* panel, const PanelWindow& window) {
      copy_panel(panel, kPixels, job.dy, window, thread, kThreads);
    });
    each_panel(to + tile.row_panels() * kPanelElements, pixel, tile.column, tile.columns,
               [&](bf16* panel, const PanelWindow& window) {
                 copy_panel(panel, kPixels, job.x, window, thread, kThreads);
               });
  }
  commit_copies();
}

/// Puts what this thread copied of x through the Prologue. Pixels beyond the last stay zero.
__device__ void transform(bf16* stage_panels, const Job& job, const Tile& tile, int stage) {
  const std::int64_t pixel = std::int64_t{stage} * kPixels;
  const std::int64_t left = job.x.rows - pixel;
  const int rows = left < kPixels ? static_cast<int>(left) : kPixels;
  each_panel(stage_panels + tile.row_panels() * kPanelElements, pixel, tile.column, tile.columns,
             [&](bf16* panel, const PanelWindow& window) {
               transform_panel(panel, rows, job.input, job.x.columns, window,
                               static_cast<int>(threadIdx.x), kThreads);
             });
}

/// A warp's part of dw, and of db.
struct Sums {
  float dw[2][4][4] = {};
  float db[2][4] = {};

  /// Adds a stage: rows and columns from `row` and `column` on, of the tile.
  __device__ void add(const bf16* panels, const Tile& tile, int row, int column, bool with_db,
                      int lane) {
    constexpr std::uint32_t kOnes = 0x3F803F80u;  // two ones in bf16
    const bf16* const dy = panels + row / kPanel * kPanelElements;
    const bf16* const x = panels + (tile.row_panels() + column / kPanel) * kPanelElements;
#pragma unroll
    for (int s = 0; s < kPixels; s += 16) {
      std::uint32_t b[2][4];
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        if (column + j * 16 < tile.columns) load_b(b[j], x, s, (column + j * 16) % kPanel, lane);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        if (row + i * 16 >= tile.rows) continue;
        std::uint32_t a[4];
        load_a_transposed(a, dy, s, (row + i * 16) % kPanel, lane);
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          if (column + j * 16 < tile.columns) multiply(dw[i][2 * j], dw[i][2 * j + 1], a, b[j]);
        }
        if (with_db) mma_16x8x16(db[i], a, {kOnes, kOnes});
      }
    }
  }

  __device__ void store(const Job& job, const Tile& tile, int row, int column, int lane) const {
    float* const part = job.dw + blockIdx.y * job.part;
    const int group = lane / 4, pair = lane % 4 * 2;
    for (int i = 0; i < 2; ++i) {
      for (int half = 0; half < 2; ++half) {
        const int r = row + i * 16 + half * 8 + group;
        if (r >= tile.rows) continue;
        float* const to = part + std::int64_t{tile.row + r} * job.x.columns + tile.column;
        for (int j = 0; j < 4; ++j) {
          const int c = column + j * 8 + pair;
          if (c < tile.columns) to[c] = dw[i][j][half * 2];
          if (c + 1 < tile.columns) to[c + 1] = dw[i][j][half * 2 + 1];
        }
        if (job.db != nullptr && tile.column + column + pair == 0) {
          job.db[blockIdx.y * job.part + tile.row + r] = db[i][half * 2];
        }
      }
    }
  }
};

/// A block a tile of dw [rows, columns] over its part of the pixels; panels of dy and x come
/// through a queue of kStages.
__global__ void __launch_bounds__(kThreads) weights_kernel(GridDependency earlier, const Job job) {
  earlier.wait();
  bf16* const panels = &shared_memory<bf16>();
  const Tile tile(job);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int row = warp % job.warp_rows * kEdge;
  const int column = warp / job.warp_rows * kEdge;
  const bool busy = row < tile.rows && column < tile.columns;
  const bool with_db = job.db != nullptr && tile.column + column == 0;
  const int begin = static_cast<int>(blockIdx.y) * job.part_stages;
  const int end = begin + job.part_stages < job.stages ? begin + job.part_stages : job.stages;
  const auto at = [&](int stage) {
    return panels + (stage - begin) % kStages * tile.panels() * kPanelElements;
  };
  for (int i = 0; i < kStages - 1; ++i) fetch(at(begin + i), job, tile, begin + i, end);
  Sums sums;
  wait_for_copies<kStages - 2>();
  if (job.input.any) transform(at(begin), job, tile, begin);
  for (int stage = begin; stage < end; ++stage) {
    __syncthreads();  // the stage is there for all, and nobody is at the one before it
    fetch(at(stage + kStages - 1), job, tile, stage + kStages - 1, end);
    if (busy) sums.add(at(stage), tile, row, column, with_db, lane);
    wait_for_copies<kStages - 2>();
    if (job.input.any && stage + 1 < end) transform(at(stage + 1), job, tile, stage + 1);
  }
  if (busy) sums.store(job, tile, row, column, lane);
}

/// How a product is spread over blocks.
struct Plan {
  int warp_rows = 0;
  std::int64_t row_step, column_step, row_tiles, column_tiles;
  std::int64_t stages, part_stages, parts;

  Plan(Stream& stream, const WeightProduct& product) {
    constexpr std::int64_t kLeastStages = 4;  // of a block, so that its start does not count
    std::int64_t least = 0;
    for (const int edges : std::array{4, 2, 8}) {
      const std::int64_t across = ceil_div(product.rows, edges * kEdge);
      const std::int64_t along = ceil_div(product.columns, kWarps / edges * kEdge);
      const std::int64_t read = along * product.rows + across * product.columns;
      if (warp_rows != 0 && read >= least) continue;
      least = read;
      warp_rows = edges;
      row_tiles = across;
      column_tiles = along;
    }
    row_step = round_up(ceil_div(product.rows, row_tiles), 16);
    column_step = round_up(ceil_div(product.columns, column_tiles), 16);
    row_tiles = ceil_div(product.rows, row_step);
    column_tiles = ceil_div(product.columns, column_step);
    stages = ceil_div(product.pixels, kPixels);
    const std::int64_t blocks =
        std::max<std::int64_t>(multiprocessors(stream) / (row_tiles * column_tiles), 1);
    part_stages = std::max(ceil_div(stages, blocks), kLeastStages);
    parts = ceil_div(stages, part_stages);
  }

  std::size_t shared_bytes() const {
    return static_cast<std::size_t>(kStages * kPanelElements) * sizeof(bf16) *
           static_cast<std::size_t>(ceil_div(row_step, kPanel) + ceil_div(column_step, kPanel));
  }
};

}  // namespace

void weight_product(Stream& stream, const char* name, const WeightProduct& product,
                    const InputTransform& input) {
  const Plan plan(stream, product);
  const std::int64_t count = product.rows * product.columns;
  Arena::Scope scratch(stream.scratch());
  Job job{};
  job.dy = {product.dy, product.pixels, product.rows};
  job.x = {product.x, product.pixels, product.columns};
  job.input = input;
  job.warp_rows = plan.warp_rows;
  job.row_step = static_cast<int>(plan.row_step);
  job.column_step = static_cast<int>(plan.column_step);
  job.row_tiles = static_cast<int>(plan.row_tiles);
  job.stages = static_cast<int>(plan.stages);
  job.part_stages = static_cast<int>(plan.part_stages);
  job.dw = product.dw;
  job.db = product.db;
  if (plan.parts > 1) {
    job.part = count + (product.db != nullptr ? product.rows : 0);
    job.dw = static_cast<float*>(
        scratch.take(static_cast<std::size_t>(plan.parts * job.part) * sizeof(float)));
    if (product.db != nullptr) job.db = job.dw + count;
  }
  launch_dependent(stream, name, weights_kernel,
                   {dim3(static_cast<unsigned>(plan.row_tiles * plan.column_tiles),
                         static_cast<unsigned>(plan.parts)),
                    dim3(kThreads), plan.shared_bytes()},
                   job);
  if (plan.parts > 1) {
    merge_parts(stream, name, reinterpret_cast<const PlainSum*>(job.dw),
                static_cast<int>(plan.parts), static_cast<int>(job.part),
                StoreSums{product.dw, static_cast<int>(count), product.db});
  }
}

std::size_t weight_product_scratch_bytes(Stream& stream, const WeightProduct& product) {
  const Plan plan(stream, product);
  const std::int64_t part = product.rows * (product.columns + 1);
  return plan.parts == 1 ? 0 : aligned(static_cast<std::size_t>(plan.parts * part) * sizeof(float));
}

}  // namespace paretiny::cuda

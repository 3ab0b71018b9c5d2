// Products of pixels with a layer's weights on tensor cores: the forward pass, and the gradient of
// its input.
//
// Bytes: x once, y once, w once a block. A block keeps its columns of the weights in shared memory,
// as bf16, for as long as it lives; blocks are as many as fit the device. Its warps go their own
// ways from there, without another barrier: each takes 32 pixels at a time, streams their channels
// through three panels of its own that cp.async fills (about 4 KB each, so that 8 warps have up to
// 96 KB on their way), multiplies, and turns the panel it read last into 32 rows of y that leave in
// 16-byte stores. While one warp computes, others wait for memory. A residual comes as further
// panels of the same stream and is overwritten by y in place. Where the columns take several
// slices, blocks of all slices go through the same pixels together, so that x comes from memory
// once and from the cache after that.
#include <algorithm>

#include "kernels/cuda/merge_parts.h"
#include "kernels/cuda/mma_tile.h"
#include "kernels/cuda/pointwise_mma.h"

namespace paretiny::cuda {
namespace {

constexpr int kRows = 32;  // pixels of a warp's tile
constexpr int kStages = 3;
constexpr int kMostColumns = 128;
constexpr int kMostWarps = 12;

/// Warps of a block: what the registers of a multiprocessor allow.
template <int kColumns>
constexpr int kWarps = kColumns <= kPanel ? kMostWarps : 8;

/// The warps' panels and the weights follow it.
struct alignas(128) Shared {
  float factor[kMostColumns], addend[kMostColumns];
  bf16 pivot[kMostWarps][kMostColumns];  // of a warp's statistics: its first row of y
  float count[kMostWarps];
};

constexpr int kQueue = kStages * kRows * kPanel;  // elements of a warp's panels

/// What a warp knows of the columns in the end; takes the place of its panels.
struct Totals {
  float sum[kMostColumns], square[kMostColumns];
};

struct Job {
  RowSource x, residual;
  const float* weights;
  int columns;  // of y
  int slices;   // that these are cut into
  int slice;    // columns of one, a multiple of 16
  bf16* y;
  bool y_aligned;
  InputTransform input;
  OutputTransform output;
  Moments* moments;  // [blocks of a slice, columns], or null

  __host__ __device__ int x_panels() const { return (x.columns + kPanel - 1) / kPanel; }
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
    column = slice * job.slice;
    columns = job.columns - column < job.slice ? job.columns - column : job.slice;
    tile = worker * warps + warp;
    step = static_cast<int>(gridDim.x) / job.slices * warps;
    tiles = static_cast<int>((job.x.rows + kRows - 1) / kRows);
  }
};

/// Rows of a tile that exist.
__device__ int rows_of(const Job& job, int tile) {
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
          job_.residual.data != nullptr ? (place_.columns + kPanel - 1) / kPanel : 0;
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
__device__ void load_weights(bf16* panels, const float* weights, int width, int row, int rows,
                             int column, int columns) {
  const bool aligned = width % 4 == 0 && reinterpret_cast<std::uintptr_t>(weights) % 16 == 0;
  const int padded_rows = (rows + 15) / 16 * 16;
  const int units = fragment_units(columns);
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < padded_rows * units;
       i += static_cast<int>(blockDim.x)) {
    const int r = i / units, unit = i % units;
    const float* from = weights + std::int64_t{row + r} * width + column + unit * kUnit;
    const int count = r < rows ? columns - unit * kUnit : 0;
    Pack<bf16> pack;
    for (int half = 0; half < 2; ++half) {
      const int left = count - half * 4;
      const Pack<float> four = left >= 4 && aligned
                                   ? load_pack(from + half * 4)
                                   : load_some(from + half * 4, left < 4 ? left : 4);
      for (int k = 0; k < 4; ++k) pack.value[half * 4 + k] = four.value[k];
    }
    store_pack(panels + unit / 8 * padded_rows * kPanel + unit_at(r, unit % 8), pack);
  }
}

/// sum += the panel's channels, number `p` of x, times their weights.
template <int kColumns, bool kInnerFirst>
__device__ void multiply_panel(float (&sum)[2][kColumns / 8][4], const bf16* panel, int p,
                               const bf16* weights, const Job& job, const Place& place) {
  const int left = job.x.columns - p * kPanel;
  const int steps = ((left < kPanel ? left : kPanel) + 15) / 16;
  const int padded_inner = (job.x.columns + 15) / 16 * 16;
  const int padded_columns = (place.columns + 15) / 16 * 16;
  const auto load = [&](std::uint32_t(&b)[4], int s, int j) {
    if constexpr (kInnerFirst) {
      load_b(b, weights + j / 4 * padded_inner * kPanel, p * kPanel + s * 16, j % 4 * 16,
             place.lane);
    } else {
      load_b_transposed(b, weights + p * padded_columns * kPanel, j * 16, s, place.lane);
    }
  };
  for (int s = 0; s < steps; ++s) {
    std::uint32_t a[2][4], b[2][4];
    load_a(a[0], panel, 0, s, place.lane);
    load_a(a[1], panel, 16, s, place.lane);
    load(b[0], s, 0);
#pragma unroll
    for (int j = 0; j < kColumns / 16; ++j) {
      if (j * 16 >= place.columns) continue;
      if ((j + 1) * 16 < place.columns) load(b[(j + 1) % 2], s, j + 1);
      multiply(sum[0][2 * j], sum[0][2 * j + 1], a[0], b[j % 2]);
      multiply(sum[1][2 * j], sum[1][2 * j + 1], a[1], b[j % 2]);
    }
  }
}

/// Turns the sums of 64 columns, from `first` on, into y in a panel, which holds the residual if
/// there is one.
template <int kTiles>
__device__ void finish_panel(bf16* panel, const float (&sum)[2][kTiles][4], int first,
                             const Shared& shared, const Job& job, const Place& place) {
  const int group = place.lane / 4, pair = place.lane % 4 * 2;
#pragma unroll
  for (int j = 0; j < kPanel / 8; ++j) {
    const int column = first + j * 8;
    if (column >= place.columns) continue;
    const float2 factor = *reinterpret_cast<const float2*>(&shared.factor[column + pair]);
    const float2 addend = *reinterpret_cast<const float2*>(&shared.addend[column + pair]);
    std::uint32_t* at[4];
    float value[8];
    for (int i = 0; i < 4; ++i) {
      const int row = i * 8 + group;
      at[i] = reinterpret_cast<std::uint32_t*>(panel + unit_at(row, j) + pair);
      const float* product = &sum[i / 2][first / 8 + j][i % 2 * 2];
      value[2 * i] = factor.x * product[0] + addend.x;
      value[2 * i + 1] = factor.y * product[1] + addend.y;
    }
    if (job.residual.data != nullptr) {
      for (int i = 0; i < 4; ++i) {
        value[2 * i] += widen_low(*at[i]);
        value[2 * i + 1] += widen_high(*at[i]);
      }
    }
    activate_all(job.output.activation, value);
    for (int i = 0; i < 4; ++i) *at[i] = narrow_pair(value[2 * i], value[2 * i + 1]);
  }
}

/// Sums of differences from a pivot and of their squares, for kCount columns.
template <int kCount>
struct ColumnSums {
  float sum[kCount] = {}, square[kCount] = {};
};

/// Adds the sums of two lanes, each of which keeps those of half of the columns: the lane whose bit
/// `distance` is set the upper half.
template <int kCount>
__device__ ColumnSums<kCount / 2> share_sums(const ColumnSums<kCount>& mine, int lane,
                                             int distance) {
  ColumnSums<kCount / 2> kept;
  const bool upper = (lane & distance) != 0;
  const auto share = [&](const float(&from)[kCount], int i) {
    const float keep = upper ? from[i + kCount / 2] : from[i];
    const float give = upper ? from[i] : from[i + kCount / 2];
    return keep + __shfl_xor_sync(kAllLanes, give, distance);
  };
  for (int i = 0; i < kCount / 2; ++i) {
    kept.sum[i] = share(mine.sum, i);
    kept.square[i] = share(mine.square, i);
  }
  return kept;
}

/// What a lane keeps of its unit's eight columns.
using LaneSums = ColumnSums<kUnit / 4>;

/// Stores a panel of y and adds what it stored to the sums.
__device__ void store_panel(const bf16* panel, int first, int tile, LaneSums& sums, Shared& shared,
                            const Job& job, const Place& place) {
  const int columns = place.columns - first < kPanel ? place.columns - first : kPanel;
  const UnitWalk walk((columns + kUnit - 1) / kUnit, place.lane, kWarp);
  const int count = columns - walk.unit * kUnit;
  const int rows = count > 0 ? rows_of(job, tile) : 0;
  bf16* to = job.y + (std::int64_t{tile} * kRows + walk.row) * job.columns + place.column + first +
             walk.unit * kUnit;
  Pack<bf16> pivot{};
  if (job.moments != nullptr) {
    bf16* const pivots = &shared.pivot[place.warp][first + walk.unit * kUnit];
    if (tile == place.tile && count > 0 && walk.row == 0) {
      *reinterpret_cast<uint4*>(pivots) =
          *reinterpret_cast<const uint4*>(panel + unit_at(0, walk.unit));
    }
    __syncwarp();
    if (count > 0) pivot = load_pack(pivots);
  }
  ColumnSums<kUnit> now;
  for (int r = walk.row; r < rows; r += walk.step) {
    const bf16* at = panel + unit_at(r, walk.unit);
    const Pack<bf16> y = load_pack(at);
    if (job.y_aligned) {
      *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(at);
    } else {
      store_some(to, y, count);
    }
    to += std::int64_t{walk.step} * job.columns;
    if (job.moments == nullptr) continue;
    for (int k = 0; k < kUnit; ++k) {
      const float d = y.value[k] - pivot.value[k];
      now.sum[k] += d;
      now.square[k] += d * d;
    }
  }
  if (job.moments == nullptr) return;
  const LaneSums shared_sums = share_sums(share_sums(now, place.lane, 16), place.lane, 8);
  for (int k = 0; k < kUnit / 4; ++k) {
    sums.sum[k] += shared_sums.sum[k];
    sums.square[k] += shared_sums.square[k];
  }
}

/// The block's statistics, from its warps' sums, in a fixed order.
template <int kPanels>
__device__ void store_moments(const LaneSums (&sums)[kPanels], const Shared& shared, bf16* panels,
                              const Job& job, const Place& place) {
  const auto totals = [&](int warp) -> Totals& {
    return *reinterpret_cast<Totals*>(panels + warp * kQueue);
  };
  __syncwarp();
#pragma unroll
  for (int p = 0; p < kPanels; ++p) {
    if (p * kPanel >= place.columns) continue;
    const int columns = place.columns - p * kPanel < kPanel ? place.columns - p * kPanel : kPanel;
    const UnitWalk walk((columns + kUnit - 1) / kUnit, place.lane, kWarp);
    const int lanes = kWarp / walk.step;  // that share a row
    const int quarter = (place.lane & 16) / 8 + (place.lane & 8) / 8;
    for (int k = 0; k < kUnit / 4; ++k) {
      float sum = sums[p].sum[k], square = sums[p].square[k];
      for (int distance = 4; distance >= lanes; distance /= 2) {
        sum += __shfl_xor_sync(kAllLanes, sum, distance);
        square += __shfl_xor_sync(kAllLanes, square, distance);
      }
      if ((place.lane & 7) >= lanes) continue;
      const int column = p * kPanel + walk.unit * kUnit + quarter * (kUnit / 4) + k;
      totals(place.warp).sum[column] = sum;
      totals(place.warp).square[column] = square;
    }
  }
  __syncthreads();
  const int column = static_cast<int>(threadIdx.x);
  if (column >= place.columns) return;
  Moments moments;
  for (int w = 0; w < place.warps; ++w) {
    if (shared.count[w] == 0) continue;
    moments.merge(moments_about(widen(shared.pivot[w][column]), shared.count[w],
                                totals(w).sum[column], totals(w).square[column]));
  }
  const std::int64_t worker = blockIdx.x / static_cast<unsigned>(job.slices);
  job.moments[worker * job.columns + place.column + column] = moments;
}

template <int kColumns, bool kInnerFirst>
__global__ void __launch_bounds__(kWarps<kColumns>* kWarp) pixel_kernel(const Job job) {
  auto& shared = shared_memory<Shared>();
  const Place place(job);
  bf16* const panels = reinterpret_cast<bf16*>(&shared + 1);
  bf16* const weights = panels + place.warps * kQueue;
  PanelQueue queue(job, place, panels + place.warp * kQueue);
  if constexpr (kInnerFirst) {
    load_weights(weights, job.weights, job.columns, 0, job.x.columns, place.column, place.columns);
  } else {
    load_weights(weights, job.weights, job.x.columns, place.column, place.columns, 0,
                 job.x.columns);
  }
  for (int c = static_cast<int>(threadIdx.x); c < kColumns; c += static_cast<int>(blockDim.x)) {
    const bool inside = c < place.columns;
    shared.factor[c] = inside ? job.output.factor(place.column + c) : 0.0f;
    shared.addend[c] = inside ? job.output.addend(place.column + c) : 0.0f;
  }
  __syncthreads();

  constexpr int kPanels = kColumns / kPanel;
  LaneSums sums[kPanels];
  float count = 0;
  for (int tile = place.tile; tile < place.tiles; tile += place.step) {
    float sum[2][kColumns / 8][4] = {};
    bf16* panel = nullptr;
    for (int p = 0; p < job.x_panels(); ++p) {
      panel = queue.next();
      const int channels = job.x.columns - p * kPanel;
      if (!kInnerFirst && job.input.any) {
        transform_panel(
            panel, rows_of(job, tile), job.input, job.x.columns,
            {std::int64_t{tile} * kRows, p * kPanel, channels < kPanel ? channels : kPanel},
            place.lane, kWarp);
      }
      __syncwarp();
      multiply_panel<kColumns, kInnerFirst>(sum, panel, p, weights, job, place);
    }
#pragma unroll
    for (int p = 0; p < kPanels; ++p) {
      if (p * kPanel >= place.columns) continue;
      if (job.residual.data != nullptr) panel = queue.next();
      __syncwarp();
      finish_panel(panel, sum, p * kPanel, shared, job, place);
      __syncwarp();
      store_panel(panel, p * kPanel, tile, sums[p], shared, job, place);
    }
    count += static_cast<float>(rows_of(job, tile));
  }
  if (job.moments == nullptr) return;
  if (place.lane == 0) shared.count[place.warp] = count;
  store_moments(sums, shared, panels, job, place);
}

/// How a product is spread over blocks.
struct Plan {
  int slices = 0;  // none: weights too large
  int slice = 0;
  int warps = 0;
  int workers = 0;  // blocks of a slice
  std::size_t shared_bytes = 0;

  Plan(Stream& stream, const PixelProduct& product) {
    constexpr std::size_t kQueueBytes = kQueue * sizeof(bf16);
    const std::size_t most = shared_memory_limit(stream);
    const auto fragments = [](std::int64_t n) { return (n + 15) / 16 * 16; };
    const auto panels = [](std::int64_t n) { return (n + kPanel - 1) / kPanel; };
    warps = kWarps<kMostColumns>;
    for (std::int64_t count = (product.columns + kMostColumns - 1) / kMostColumns;; ++count) {
      const std::int64_t width = fragments((product.columns + count - 1) / count);
      const std::int64_t rows = product.inner_first ? panels(width) * fragments(product.inner)
                                                    : panels(product.inner) * width;
      shared_bytes = sizeof(Shared) + static_cast<std::size_t>(rows) * kPanel * sizeof(bf16) +
                     static_cast<std::size_t>(warps) * kQueueBytes;
      if (shared_bytes <= most) {
        slice = static_cast<int>(width);
        break;
      }
      if (width == 16) return;
    }
    for (; slice <= kPanel && warps < kWarps<kPanel> && shared_bytes + kQueueBytes <= most;
         ++warps) {
      shared_bytes += kQueueBytes;
    }
    slices = static_cast<int>((product.columns + slice - 1) / slice);
    const std::int64_t tiles = (product.pixels + kRows - 1) / kRows;
    const std::int64_t fit = std::max(multiprocessors(stream) / slices, 1);
    workers = static_cast<int>(std::min((tiles + warps - 1) / warps, fit));
  }

  std::size_t moments_bytes(const PixelProduct& product) const {
    return static_cast<std::size_t>(workers * product.columns) * sizeof(Moments);
  }
};

}  // namespace

bool pixel_product(Stream& stream, const char* name, const PixelProduct& product,
                   const InputTransform& input, const OutputTransform& output, View mean,
                   View variance) {
  const Plan plan(stream, product);
  if (plan.slices == 0) return false;
  Arena::Scope scratch(stream.scratch());
  bf16* const y = static_cast<bf16*>(product.y);
  Job job{};
  job.x = {product.x, product.pixels, product.inner};
  if (output.residual != nullptr) job.residual = {output.residual, product.pixels, product.columns};
  job.weights = product.weights;
  job.columns = static_cast<int>(product.columns);
  job.slices = plan.slices;
  job.slice = plan.slice;
  job.y = y;
  job.y_aligned = packs(y, product.columns);
  job.input = input;
  job.output = output;
  if (mean) job.moments = static_cast<Moments*>(scratch.take(plan.moments_bytes(product)));
  const LaunchShape shape{dim3(static_cast<unsigned>(plan.slices * plan.workers)),
                          dim3(static_cast<unsigned>(plan.warps * kWarp)), plan.shared_bytes};
  const bool wide = plan.slice > kPanel;
  if (product.inner_first) {
    launch(stream, name, wide ? pixel_kernel<kMostColumns, true> : pixel_kernel<kPanel, true>,
           shape, job);
  } else {
    launch(stream, name, wide ? pixel_kernel<kMostColumns, false> : pixel_kernel<kPanel, false>,
           shape, job);
  }
  if (mean) {
    merge_parts(stream, name, job.moments, plan.workers, job.columns,
                StoreStatistics{mean.as<float>(), variance.as<float>()});
  }
  return true;
}

std::size_t pixel_product_scratch_bytes(Stream& stream, const PixelProduct& product) {
  const Plan plan(stream, product);
  return plan.slices == 0 ? 0 : aligned(plan.moments_bytes(product));
}

}  // namespace paretiny::cuda

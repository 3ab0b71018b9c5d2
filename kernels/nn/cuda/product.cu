// y = a b in float arithmetic. A block computes tiles of 64 x 64, a thread 4 x 4 of each, from
// slices of 16 of the inner dimension that go through shared memory; it may take several tiles, one
// below the other, so that what it knows of a column's statistics stays in the block. Each element
// of a is read once for every 64 columns of y, each of b once for every 64 rows.
#include <algorithm>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/merge_parts.h"
#include "kernels/nn/cuda/product.h"

namespace paretiny::cuda {
namespace {

constexpr int kTile = 64;  // 16 sums a thread in registers, 8 KB of slices in shared memory
constexpr int kEach = 4;   // rows and columns of a tile that a thread computes
constexpr int kThreads = kTile / kEach * (kTile / kEach);
constexpr int kDepth = 16;  // of a slice: a thread brings four elements of each operand

struct Tiles {
  float a[kDepth][kTile + 4];
  float b[kDepth][kTile + 4];
  float stored[kTile][kTile + 1];
  Moments moments[kTile];  // of the columns, so far
};

struct Job {
  Matrix a, b;
  InputTransform a_input, b_input;
  OutputTransform output;
  View y;
  Moments* moments;    // [gridDim.y, columns], or null
  float* row_sums;     // [rows], or null
  PlainSum* partial;   // [splits, rows * columns and row sums] instead, where the sum is split
  std::int64_t depth;  // of the inner dimension for a split, a multiple of kDepth

  __host__ __device__ std::int64_t part() const {
    return a.rows * b.columns + (row_sums != nullptr ? a.rows : 0);
  }
};

__device__ float element(const void* data, DType dtype, std::int64_t i) {
  return dtype == DType::bf16 ? widen(static_cast<const bf16*>(data)[i])
                              : static_cast<const float*>(data)[i];
}

/// Zero outside the matrix.
__device__ float element(const Matrix& m, const InputTransform& input, std::int64_t r,
                         std::int64_t c) {
  if (r >= m.rows || c >= m.columns) return 0;
  float x = element(m.data, m.dtype, r * m.row_step + c * m.column_step);
  if (!input.any) return x;
  if (input.scale != nullptr) x = input.scale[c] * x + input.shift[c];
  x = nn::activate(input.activation, x);
  if (input.gate != nullptr) x *= element(input.gate, m.dtype, input.image(r) * m.columns + c);
  return x;
}

/// Neighbouring threads read neighbouring elements, whichever way the matrices lie.
__device__ void load_tiles(Tiles& tiles, const Job& job, std::int64_t row, std::int64_t column,
                           std::int64_t inner, std::int64_t end) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < kTile * kDepth; i += kThreads) {
    const bool along_rows = job.a.column_step != 1;
    const int r = along_rows ? i % kTile : i / kDepth;
    const int k = along_rows ? i / kTile : i % kDepth;
    tiles.a[k][r] = inner + k < end ? element(job.a, job.a_input, row + r, inner + k) : 0.0f;
  }
  for (int i = thread; i < kTile * kDepth; i += kThreads) {
    const bool along_columns = job.b.column_step == 1;
    const int c = along_columns ? i % kTile : i / kDepth;
    const int k = along_columns ? i / kTile : i % kDepth;
    tiles.b[k][c] = inner + k < end ? element(job.b, job.b_input, inner + k, column + c) : 0.0f;
  }
}

/// What is stored for the product p: rounded as it is stored.
template <class T>
__device__ float store(const Job& job, std::int64_t r, std::int64_t c, float p) {
  const std::int64_t i = r * job.b.columns + c;
  float y = job.output.factor(c) * p + job.output.addend(c);
  if (job.output.residual != nullptr) y += element(job.output.residual, job.y.dtype, i);
  const T stored = narrow<T>(nn::activate(job.output.activation, y));
  static_cast<T*>(job.y.data)[i] = stored;
  return widen(stored);
}

__device__ float store(const Job& job, std::int64_t r, std::int64_t c, float p) {
  if (job.partial != nullptr) {
    job.partial[blockIdx.z * job.part() + r * job.b.columns + c] = {p};
    return p;
  }
  return job.y.dtype == DType::bf16 ? store<bf16>(job, r, c, p) : store<float>(job, r, c, p);
}

/// Of the first `rows` values of a column.
__device__ Moments column_moments(const Tiles& tiles, int column, int rows) {
  const float pivot = tiles.stored[0][column];
  float sum = 0, square = 0;
  for (int r = 0; r < rows; ++r) {
    const float d = tiles.stored[r][column] - pivot;
    sum += d;
    square += d * d;
  }
  return moments_about(pivot, static_cast<float>(rows), sum, square);
}

/// A block tiles of y [a.rows, b's columns], one below the other, over its part of the inner
/// dimension.
__global__ void __launch_bounds__(kThreads) product_kernel(GridDependency earlier, Job job) {
  earlier.wait();
  auto& tiles = shared_memory<Tiles>();
  const int thread = static_cast<int>(threadIdx.x);
  const int tile_row = thread / (kTile / kEach) * kEach;
  const int tile_column = thread % (kTile / kEach) * kEach;
  const std::int64_t column = std::int64_t{blockIdx.x} * kTile;
  const std::int64_t begin = blockIdx.z * job.depth;
  const std::int64_t end = begin + job.depth < job.a.columns ? begin + job.depth : job.a.columns;
  if (thread < kTile) tiles.moments[thread] = {};
  for (std::int64_t row = std::int64_t{blockIdx.y} * kTile; row < job.a.rows;
       row += std::int64_t{gridDim.y} * kTile) {
    float sum[kEach][kEach] = {};
    float row_sum = 0;
    for (std::int64_t inner = begin; inner < end; inner += kDepth) {
      __syncthreads();
      load_tiles(tiles, job, row, column, inner, end);
      __syncthreads();
      for (int k = 0; k < kDepth; ++k) {
        const Pack<float> a = load_pack(&tiles.a[k][tile_row]);
        const Pack<float> b = load_pack(&tiles.b[k][tile_column]);
        for (int i = 0; i < kEach; ++i) {
          for (int j = 0; j < kEach; ++j) sum[i][j] += a.value[i] * b.value[j];
        }
        if (thread < kTile) row_sum += tiles.a[k][thread];
      }
    }
    if (job.row_sums != nullptr && column == 0 && thread < kTile && row + thread < job.a.rows) {
      if (job.partial != nullptr) {
        job.partial[(blockIdx.z + 1) * job.part() - job.a.rows + row + thread] = {row_sum};
      } else {
        job.row_sums[row + thread] = row_sum;
      }
    }
    __syncthreads();
    for (int i = 0; i < kEach; ++i) {
      for (int j = 0; j < kEach; ++j) tiles.stored[tile_row + i][tile_column + j] = sum[i][j];
    }
    __syncthreads();
    for (int i = thread; i < kTile * kTile; i += kThreads) {
      float& value = tiles.stored[i / kTile][i % kTile];
      const std::int64_t r = row + i / kTile, c = column + i % kTile;
      if (r < job.a.rows && c < job.b.columns) value = store(job, r, c, value);
    }
    if (job.moments == nullptr) continue;
    __syncthreads();
    if (thread < kTile && column + thread < job.b.columns) {
      const std::int64_t rows = job.a.rows - row;
      tiles.moments[thread].merge(
          column_moments(tiles, thread, rows < kTile ? static_cast<int>(rows) : kTile));
    }
  }
  if (job.moments != nullptr && thread < kTile && column + thread < job.b.columns) {
    job.moments[blockIdx.y * job.b.columns + column + thread] = tiles.moments[thread];
  }
}

/// Finish of merge_parts.
struct StoreMerged {
  float* y;
  int count, columns;
  const float* bias;
  float* row_sums;

  __device__ void operator()(int i, const PlainSum& sum) const {
    if (i < count) {
      y[i] = bias != nullptr ? sum.sum + bias[i % columns] : sum.sum;
    } else {
      row_sums[i - count] = sum.sum;
    }
  }
};

/// How a product is spread over blocks.
struct Grid {
  std::int64_t columns, rows, splits, depth;

  Grid(Stream& stream, std::int64_t rows_of_y, std::int64_t columns_of_y, std::int64_t inner,
       bool may_split) {
    constexpr std::int64_t kLeastDepth = 256;  // of a split, so that merging costs little beside it
    const std::int64_t blocks = std::int64_t{multiprocessors(stream)} * 4;
    columns = ceil_div(columns_of_y, kTile);
    rows = std::min(ceil_div(rows_of_y, kTile), std::max<std::int64_t>(blocks / columns, 1));
    const std::int64_t most = std::min(blocks / (columns * rows), ceil_div(inner, kLeastDepth));
    const std::int64_t wanted = may_split ? std::max<std::int64_t>(most, 1) : 1;
    depth = round_up(ceil_div(inner, wanted), kDepth);
    splits = ceil_div(inner, depth);
  }
};

}  // namespace

void product(Stream& stream, const char* name, const Matrix& a, const Matrix& b, View y,
             const ProductExtras& extras) {
  const bool plain = y.dtype == DType::f32 && extras.output.plain() && !extras.mean;
  const Grid grid(stream, a.rows, b.columns, a.columns, plain);
  Arena::Scope scratch(stream.scratch());
  Job job{a, b,       extras.a,          extras.b, extras.output,
          y, nullptr, extras.a_row_sums, nullptr,  grid.depth};
  if (extras.mean) {
    job.moments = static_cast<Moments*>(
        scratch.take(static_cast<std::size_t>(grid.rows * b.columns) * sizeof(Moments)));
  }
  if (grid.splits > 1) {
    job.partial = static_cast<PlainSum*>(
        scratch.take(static_cast<std::size_t>(grid.splits * job.part()) * sizeof(PlainSum)));
  }
  launch_dependent(stream, name, product_kernel,
                   {dim3(static_cast<unsigned>(grid.columns), static_cast<unsigned>(grid.rows),
                         static_cast<unsigned>(grid.splits)),
                    dim3(kThreads), sizeof(Tiles)},
                   job);
  if (grid.splits > 1) {
    merge_parts(stream, name, job.partial, static_cast<int>(grid.splits),
                static_cast<int>(job.part()),
                StoreMerged{y.as<float>(), static_cast<int>(a.rows * b.columns),
                            static_cast<int>(b.columns), extras.output.bias, extras.a_row_sums});
  }
  if (extras.mean) {
    merge_parts(stream, name, job.moments, static_cast<int>(grid.rows), static_cast<int>(b.columns),
                StoreStatistics{extras.mean.as<float>(), extras.variance.as<float>()});
  }
}

std::size_t product_scratch_bytes(Stream& stream, std::int64_t rows, std::int64_t columns,
                                  std::int64_t inner) {
  const Grid whole(stream, rows, columns, inner, false);
  const Grid split(stream, rows, columns, inner, true);
  const auto bytes = [](std::int64_t count, std::size_t each) {
    return aligned(static_cast<std::size_t>(count) * each);
  };
  const std::size_t sums =
      split.splits == 1 ? 0 : bytes(split.splits * rows * (columns + 1), sizeof(PlainSum));
  return std::max(bytes(whole.rows * columns, sizeof(Moments)), sums);
}

}  // namespace paretiny::cuda

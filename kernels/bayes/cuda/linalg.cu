// Cholesky factorisation: a block an item, by panels of 16 columns that go through shared memory. A
// warp factorises the 16 x 16 corner of the panel in registers, every row below it is solved by a
// thread, and warps subtract the panel's products from the rest, tiles of 16 rows by 32 columns
// each. Small matrices are bound by the chain of corners, 16 square roots and divisions each; large
// ones by the products' arithmetic, n^3 / 6 multiplications on one multiprocessor.
#include <limits>

#include "kernels/bayes/cuda/triangular.h"
#include "kernels/bayes/jitter.h"
#include "kernels/bayes/linalg.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"

namespace paretiny::cuda {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr int kFactorThreads = 512;  // 128 registers each are all that a multiprocessor has
constexpr int kTileRows = 16, kTileColumns = 32;  // of a warp

/// A panel follows, column by column.
struct FactorShared {
  Corner corner;
  double partial[kWarp];
  int sound;

  __device__ double* panel() { return reinterpret_cast<double*>(this + 1); }
};

/// Distance of two columns of a panel: odd, so that the rows of a warp's columns meet no conflicts.
__host__ __device__ int panel_pitch(int n) {
  return n | 1;
}

/// l = source + jitter on the diagonal, zeros above it.
__device__ void copy_lower(const double* source, int n, int room, double jitter, double* l) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int i = static_cast<int>(threadIdx.x) / kWarp; i < n; i += kFactorThreads / kWarp) {
    const std::int64_t row = static_cast<std::int64_t>(i) * room;
    for (int j = lane; j < n; j += kWarp) {
      l[row + j] = j < i ? source[row + j] : j == i ? source[row + j] + jitter : 0.0;
    }
  }
}

/// Factorises the first rows of the panel, `width` of them; all lanes of one warp. A lane keeps a
/// row; what lies above the diagonal of the registers is of no meaning.
__device__ void factorise_corner(FactorShared& shared, const double* panel, int pitch, int width,
                                 double floor) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, r = lane % kPanel;
  double row[kPanel];
#pragma unroll
  for (int c = 0; c < kPanel; ++c) {
    row[c] = r < width && c < width ? panel[c * pitch + r] : r == c ? 1.0 : 0.0;
  }
  bool sound = true;
#pragma unroll
  for (int c = 0; c < kPanel; ++c) {
    const double pivot = __shfl_sync(kAllLanes, row[c], c);
    const double least = __shfl_sync(kAllLanes, floor, c);
    sound = sound && pivot > least && pivot < kInfinity;
    const double root = sqrt(pivot), inverse = 1 / root;
    row[c] = r == c ? root : row[c] * inverse;
    if (lane == 0) shared.corner.inverse[c] = inverse;
#pragma unroll
    for (int j = c + 1; j < kPanel; ++j) row[j] -= row[c] * __shfl_sync(kAllLanes, row[c], j);
  }
  if (lane < kPanel) {
#pragma unroll
    for (int c = 0; c < kPanel; ++c) shared.corner.l[r][c] = c <= r ? row[c] : 0.0;
  }
  if (lane == 0) shared.sound = sound ? 1 : 0;
}

/// The rows of the panel below its corner times the corner's inverse transposed.
__device__ void solve_rows(const FactorShared& shared, double* panel, int pitch, int rows) {
  for (int r = kPanel + static_cast<int>(threadIdx.x); r < rows; r += kFactorThreads) {
    double x[kPanel];
#pragma unroll
    for (int c = 0; c < kPanel; ++c) x[c] = panel[c * pitch + r];
#pragma unroll
    for (int c = 0; c < kPanel; ++c) {
      double sum = x[c];
#pragma unroll
      for (int k = 0; k < c; ++k) sum -= x[k] * shared.corner.l[c][k];
      x[c] = sum * shared.corner.inverse[c];
      panel[c * pitch + r] = x[c];
    }
  }
}

/// l[r][c] -= the product of the panel's rows r and c, over the lower triangle below the panel.
__device__ void subtract_products(const double* panel, int pitch, int rows, int room, double* l) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  constexpr int kEach = 4;      // rows and columns of a thread: 32 lanes make the tile of 16 x 32
  int down = 0, across = warp;  // the warp's tile, in row order over the lower triangle
  while (true) {
    while (across > down * kTileRows / kTileColumns) {
      across -= down * kTileRows / kTileColumns + 1;
      ++down;
    }
    if (kPanel + down * kTileRows >= rows) return;
    int row[kEach], column[kEach];
    for (int e = 0; e < kEach; ++e) {
      row[e] = kPanel + down * kTileRows + lane / 8 + 4 * e;
      column[e] = kPanel + across * kTileColumns + lane % 8 + 8 * e;
    }
    double sum[kEach][kEach] = {};
    for (int k = 0; k < kPanel; ++k) {
      double a[kEach], b[kEach];
      for (int e = 0; e < kEach; ++e) {
        a[e] = panel[k * pitch + min(row[e], rows - 1)];
        b[e] = panel[k * pitch + min(column[e], rows - 1)];
      }
      for (int e = 0; e < kEach; ++e) {
        for (int f = 0; f < kEach; ++f) sum[e][f] += a[e] * b[f];
      }
    }
    for (int e = 0; e < kEach; ++e) {
      for (int f = 0; f < kEach; ++f) {
        if (row[e] < rows && column[f] <= row[e]) {
          l[static_cast<std::int64_t>(row[e]) * room + column[f]] -= sum[e][f];
        }
      }
    }
    across += kFactorThreads / kWarp;
  }
}

/// In place; false where a pivot is rounding error. `source`: the diagonal without its jitter.
__device__ bool factorise_item(FactorShared& shared, const double* source, int n, int room,
                               double jitter, double* l) {
  const int thread = static_cast<int>(threadIdx.x);
  double* panel = shared.panel();
  const int pitch = panel_pitch(room);
  for (int first = 0; first < n; first += kPanel) {
    const int rows = n - first, width = min(rows, kPanel);
    const std::int64_t diagonal = static_cast<std::int64_t>(first) * room + first;
    double* part = l + diagonal;
    for (int e = thread; e < rows * kPanel; e += kFactorThreads) {
      const int r = e / kPanel, c = e % kPanel;
      if (c < width) panel[c * pitch + r] = part[static_cast<std::int64_t>(r) * room + c];
    }
    __syncthreads();
    if (thread < kWarp) {
      const int r = min(thread % kPanel, width - 1);
      const double floor = bayes::kLeastPivot *
                           (source[diagonal + static_cast<std::int64_t>(r) * (room + 1)] + jitter);
      // Padding has pivots of 1.
      factorise_corner(shared, panel, pitch, width, thread % kPanel < width ? floor : 0.0);
    }
    __syncthreads();
    if (shared.sound == 0) return false;
    solve_rows(shared, panel, pitch, rows);
    __syncthreads();
    for (int e = thread; e < rows * kPanel; e += kFactorThreads) {
      const int r = e / kPanel, c = e % kPanel;
      if (c > r || c >= width) continue;
      part[static_cast<std::int64_t>(r) * room + c] =
          r < kPanel ? shared.corner.l[r][c] : panel[c * pitch + r];
    }
    subtract_products(panel, pitch, rows, room, part);
    __syncthreads();
  }
  return true;
}

/// A block a matrix. source, l: [items, room, room], of which the first `used` rows and columns
/// count; jitter: [items].
__global__ void __launch_bounds__(kFactorThreads)
    factorise_kernel(SquareBatch batch, const double* source, double* l, double* jitter) {
  auto& shared = shared_memory<FactorShared>();
  const int item = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int n = batch.used(item), room = batch.room;
  source += batch.offset(item);
  l += batch.offset(item);
  double diagonal = 0;
  for (int i = thread; i < n; i += kFactorThreads) {
    diagonal += source[static_cast<std::int64_t>(i) * (room + 1)];
  }
  const double mean = block_sum(diagonal, shared.partial) / n;
  for (int step = 0; step < bayes::kJitterSteps; ++step) {
    const double factor = bayes::jitter_factor(step);
    const double added = step == 0 ? 0.0 : factor * mean;
    copy_lower(source, n, room, added, l);
    __syncthreads();
    const bool sound = factorise_item(shared, source, n, room, added, l);
    __syncthreads();  // before the next one writes what this one reads
    if (!sound) continue;
    if (thread == 0) jitter[item] = factor;
    return;
  }
  if (thread == 0) jitter[item] = kNaN;
  for (std::int64_t e = thread; e < static_cast<std::int64_t>(n) * n; e += kFactorThreads) {
    if (e % n <= e / n) l[e / n * room + e % n] = kNaN;
  }
}

void cholesky(Stream& stream, View a, View jitter) {
  Arena::Scope scratch(stream.scratch());
  void* source = scratch.take(a.bytes());
  stream.copy(source, a.data, a.bytes());
  factorise(stream, "cholesky", {a.shape.n, static_cast<int>(a.shape.w)},
            static_cast<const double*>(source), a.as<double>(), jitter.as<double>());
}

const Twin twin(bayes::twins::cholesky, DeviceKind::cuda, cholesky);

}  // namespace

void check_room(Stream& stream, const char* name, std::size_t bytes, int room) {
  const std::size_t limit = shared_memory_limit(stream);
  if (bytes > limit) {
    throw UsageError(std::string(name) + ": matrices of " + std::to_string(room) + " rows need " +
                     std::to_string(bytes) + " bytes of shared memory, the device has " +
                     std::to_string(limit));
  }
}

void factorise(Stream& stream, const char* name, const SquareBatch& batch, const double* source,
               double* l, double* jitter) {
  const std::size_t bytes =
      sizeof(FactorShared) + sizeof(double) * kPanel * panel_pitch(batch.room);
  check_room(stream, name, bytes, batch.room);
  launch(stream, name, factorise_kernel,
         {dim3(static_cast<unsigned>(batch.items)), dim3(kFactorThreads), bytes}, batch, source, l,
         jitter);
}

}  // namespace paretiny::cuda

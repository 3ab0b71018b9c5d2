// Triangular inverse: a block for 16 columns of an item, which lie in shared memory: forward
// substitution by corners of 16 rows, each followed by its share in all rows below, four threads a
// row. Bound by the chain of corners, n / 16 of them.
#include "kernels/bayes/cuda/triangular.h"
#include "kernels/bayes/linalg.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {
namespace {

constexpr int kInvertThreads = kBlockThreads;
constexpr int kSharing = 4;    // threads of a row
constexpr int kRowPitch = 20;  // of rows of 16 columns: no conflicts between the rows of a warp

/// The columns of the inverse follow, row by row.
struct InvertShared {
  Corner corner;

  __device__ double* rows() { return reinterpret_cast<double*>(this + 1); }
};

__device__ void load_corner(Corner& corner, const double* l, int room, int width) {
  for (int e = static_cast<int>(threadIdx.x); e < kPanel * kPanel; e += kInvertThreads) {
    const int r = e / kPanel, c = e % kPanel;
    const double value = r < width && c <= r ? l[static_cast<std::int64_t>(r) * room + c]
                         : r == c            ? 1.0
                                             : 0.0;
    corner.l[r][c] = value;
    if (r == c) corner.inverse[r] = 1 / value;
  }
}

/// x = corner^-1 x for 16 rows, of which `width` are there; a column a thread.
__device__ void solve_columns(const Corner& corner, double* x, int width) {
  const int c = static_cast<int>(threadIdx.x);
  if (c >= kPanel) return;
  double value[kPanel];
#pragma unroll
  for (int r = 0; r < kPanel; ++r) value[r] = r < width ? x[r * kRowPitch + c] : 0.0;
#pragma unroll
  for (int r = 0; r < kPanel; ++r) {
    value[r] *= corner.inverse[r];
    if (r < width) x[r * kRowPitch + c] = value[r];
#pragma unroll
    for (int s = r + 1; s < kPanel; ++s) value[s] -= corner.l[s][r] * value[r];
  }
}

/// A block kPanel columns of a matrix. l, inverse: [items, room, room], lower triangles.
__global__ void __launch_bounds__(kInvertThreads, 2)
    invert_kernel(SquareBatch batch, const double* l, double* inverse) {
  auto& shared = shared_memory<InvertShared>();
  const int item = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int n = batch.used(item), room = batch.room;
  const int begin = static_cast<int>(blockIdx.x) * kPanel;  // the first column, and row
  l += batch.offset(item);
  inverse += batch.offset(item);
  double* x = shared.rows();  // row r is row begin + r of the inverse
  for (int e = thread; e < (n - begin) * kPanel; e += kInvertThreads) {
    x[e / kPanel * kRowPitch + e % kPanel] = e / kPanel == e % kPanel ? 1.0 : 0.0;
  }
  for (int first = begin; first < n; first += kPanel) {
    const int width = min(n - first, kPanel);
    double* top = x + (first - begin) * kRowPitch;
    load_corner(shared.corner, l + static_cast<std::int64_t>(first) * (room + 1), room, width);
    __syncthreads();
    solve_columns(shared.corner, top, width);
    __syncthreads();
    for (int e = thread; e < (n - first - kPanel) * kSharing; e += kInvertThreads) {
      const int r = kPanel + e / kSharing, c = e % kSharing;
      const double* row = l + static_cast<std::int64_t>(first + r) * room + first;
      double sum[kSharing] = {};
#pragma unroll
      for (int k = 0; k < kPanel; ++k) {
        const double factor = row[k];
        for (int s = 0; s < kSharing; ++s) {
          sum[s] += factor * top[k * kRowPitch + c + kSharing * s];
        }
      }
      for (int s = 0; s < kSharing; ++s) top[r * kRowPitch + c + kSharing * s] -= sum[s];
    }
    __syncthreads();
  }
  const int width = min(room - begin, kPanel);
  for (int e = thread; e < room * kPanel; e += kInvertThreads) {
    const int i = e / kPanel, c = e % kPanel, j = begin + c;
    if (c >= width) continue;
    double value = i == j ? 1.0 : 0.0;
    if (i < n && j <= i) value = x[(i - begin) * kRowPitch + c];
    inverse[static_cast<std::int64_t>(i) * room + j] = value;
  }
}

void triangular_inverse(Stream& stream, ConstView l, View inverse) {
  invert(stream, "triangular_inverse", {l.shape.n, static_cast<int>(l.shape.w)}, l.as<double>(),
         inverse.as<double>());
}

const Twin twin(bayes::twins::triangular_inverse, DeviceKind::cuda, triangular_inverse);

}  // namespace

void invert(Stream& stream, const char* name, const SquareBatch& batch, const double* l,
            double* inverse) {
  const std::size_t bytes = sizeof(InvertShared) + sizeof(double) * kRowPitch * batch.room;
  check_room(stream, name, bytes, batch.room);
  const dim3 blocks(static_cast<unsigned>(ceil_div(batch.room, kPanel)),
                    static_cast<unsigned>(batch.items));
  launch(stream, name, invert_kernel, {blocks, dim3(kInvertThreads), bytes}, batch, l, inverse);
}

}  // namespace paretiny::cuda

// Posterior of Gaussian processes: a block for eight queries of a set. Their covariances with the
// points lie in shared memory, 72 bytes a point; then a warp takes four rows of the inverse root at
// a time, its lanes along the row, and the 32 sums that it has in the end are exchanged so that a
// lane adds up one of them. Every row is read once for eight queries: bound by shared memory and
// the second-level cache, by latency for a few hundred queries.
#include "kernels/bayes/cuda/gp_training.h"
#include "kernels/bayes/gp_posterior.h"
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;
constexpr int kWarps = kThreads / kWarp;
constexpr int kQueries = 8;           // with four rows, a sum for each lane of a warp
constexpr int kPitch = kQueries + 1;  // of a point's covariances: no bank conflicts
constexpr int kRows = 4;              // of the inverse root, that a warp takes at a time
static_assert(kQueries * kRows == kWarp, "a lane adds up one sum");

/// The scaled queries follow, then the covariances of each point.
struct PosteriorShared {
  double means[kThreads / kQueries][kQueries];
  double squares[kWarps * kRows][kQueries];

  __device__ double* queries() { return reinterpret_cast<double*>(this + 1); }
};

struct PosteriorJob {
  bayes::Covariance covariance;
  int points, dimensions;
  const double* scaled;
  const double* inverse_root;
  const double* weights;
  const double* parameters;
  const double* queries;  ///< [count, d]
  std::int64_t count;
  double* mean;      ///< [sets, count]
  double* variance;  ///< [sets, count]
};

/// sums[0] becomes the sum over all lanes of sums[lane].
template <int kHalf = kWarp / 2>
__device__ void exchange(double (&sums)[kWarp]) {
  const bool upper = (threadIdx.x & kHalf) != 0;
#pragma unroll
  for (int i = 0; i < kHalf; ++i) {
    const double given = upper ? sums[i] : sums[i + kHalf];
    const double kept = upper ? sums[i + kHalf] : sums[i];
    sums[i] = kept + __shfl_xor_sync(kAllLanes, given, kHalf);
  }
  if constexpr (kHalf > 1) exchange<kHalf / 2>(sums);
}

/// A block kQueries queries of one set. queries: [count, d]; results: [sets, count].
__global__ void __launch_bounds__(kThreads)
    posterior_kernel(GridDependency earlier, PosteriorJob job) {
  earlier.wait();
  auto& shared = shared_memory<PosteriorShared>();
  const int set = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;
  const int n = job.points, d = job.dimensions;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kQueries;
  const double* parameters = job.parameters + static_cast<std::int64_t>(set) * (d + 3);
  const double scale = parameters[1];
  double *z = shared.queries(), *cross = z + kQueries * d;
  for (int e = thread; e < kQueries * d; e += kThreads) {
    const std::int64_t query = min(first + e / d, job.count - 1);
    z[e] = job.queries[query * d + e % d] * parameters[3 + e % d];
  }
  __syncthreads();

  const int q = thread % kQueries;
  const double* points = job.scaled + static_cast<std::int64_t>(set) * n * d;
  const double* weights = job.weights + static_cast<std::int64_t>(set) * n;
  double sum = 0;
  for (int i = thread / kQueries; i < n; i += kThreads / kQueries) {
    const double* point = points + static_cast<std::int64_t>(i) * d;
    double squared = 0;
    for (int k = 0; k < d; ++k) {
      const double difference = z[q * d + k] - point[k];
      squared += difference * difference;
    }
    double value, slope;
    bayes::correlate<DeviceMath>(job.covariance, squared, value, slope);
    value *= scale;
    cross[i * kPitch + q] = value;
    sum += weights[i] * value;
  }
  shared.means[thread / kQueries][q] = sum;
  __syncthreads();

  const double* root = job.inverse_root + static_cast<std::int64_t>(set) * n * n;
  double square = 0;  // of the lane's query, over the rows lane / 8 of the warp's groups
  for (int begin = warp * kRows; begin < n; begin += kWarps * kRows) {
    double sums[kWarp] = {};
    const int end = min(begin + kRows, n);
    for (int j = lane; j < end; j += kWarp) {
      double element[kRows];
      for (int r = 0; r < kRows; ++r) {
        // Zero above the diagonal.
        element[r] = begin + r < n ? root[static_cast<std::int64_t>(begin + r) * n + j] : 0.0;
      }
#pragma unroll
      for (int c = 0; c < kQueries; ++c) {
        const double value = cross[j * kPitch + c];
        for (int r = 0; r < kRows; ++r) sums[r * kQueries + c] += element[r] * value;
      }
    }
    exchange(sums);
    square += sums[0] * sums[0];
  }
  shared.squares[warp * kRows + lane / kQueries][lane % kQueries] = square;
  __syncthreads();
  if (thread >= kQueries || first + thread >= job.count) return;
  double mean = 0, explained = 0;
  for (int p = 0; p < kThreads / kQueries; ++p) mean += shared.means[p][thread];
  for (int p = 0; p < kWarps * kRows; ++p) explained += shared.squares[p][thread];
  const std::int64_t at = set * job.count + first + thread;
  const double left = scale - explained;
  job.mean[at] = parameters[0] + mean;
  job.variance[at] = left < bayes::kVarianceFloor ? bayes::kVarianceFloor : left;
}

void gp_posterior(Stream& stream, const bayes::GpShape& shape, const bayes::GpState& state,
                  const bayes::GpPrediction& t) {
  const std::int64_t count = t.queries.shape.w;
  const PosteriorJob job{shape.covariance,
                         static_cast<int>(shape.points),
                         static_cast<int>(shape.dimensions),
                         state.scaled.as<double>(),
                         state.inverse_root.as<double>(),
                         state.weights.as<double>(),
                         state.parameters.as<double>(),
                         t.queries.as<double>(),
                         count,
                         t.mean.as<double>(),
                         t.variance.as<double>()};
  const std::size_t bytes = sizeof(PosteriorShared) +
                            sizeof(double) * static_cast<std::size_t>(kQueries * shape.dimensions +
                                                                      kPitch * shape.points);
  const dim3 blocks(static_cast<unsigned>(ceil_div(count, kQueries)),
                    static_cast<unsigned>(shape.sets));
  launch_dependent(stream, "gp_posterior", posterior_kernel, {blocks, dim3(kThreads), bytes}, job);
}

const Twin posterior(bayes::twins::gp_posterior, DeviceKind::cuda, gp_posterior);

}  // namespace
}  // namespace paretiny::cuda

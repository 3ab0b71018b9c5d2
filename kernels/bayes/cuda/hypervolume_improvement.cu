// Expected hypervolume improvement: a block a point. Its threads fill the table of the point's gaps
// in shared memory, an entry each, then stride over the boxes, which all blocks read from L2. What
// bounds it is the latency of one exponential and a few reads; the sum over boxes has a fixed
// order. Only a point whose sum is next to nothing goes on to the table of logarithms.
#include <algorithm>

#include "kernels/bayes/box_gain.h"
#include "kernels/bayes/hypervolume_improvement.h"
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;

struct Problem {
  std::int64_t objectives, levels, boxes, points;
  const double* level;            ///< [objectives, levels]
  const std::int32_t* box;        ///< [boxes, 2, objectives]
  const double *mean, *variance;  ///< [sets, points]
  double* tables;  ///< [blocks, objectives, levels], null where shared memory holds one
};

struct BlockShared {
  double partial[kWarp];
  double table[1];  ///< [objectives, levels] where it fits
};

/// Every thread gets the largest over the block; `partial` as in block_sum.
__device__ double block_max(double x, double* partial) {
  const auto warp_max = [](double y) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
      y = fmax(y, __shfl_xor_sync(kAllLanes, y, distance));
    }
    return y;
  };
  x = warp_max(x);
  if (threadIdx.x % kWarp == 0) partial[threadIdx.x / kWarp] = x;
  __syncthreads();
  x = warp_max(partial[threadIdx.x % (kThreads / kWarp)]);
  __syncthreads();
  return x;
}

/// Improvement over exp(-offset).
__device__ double gain(const Problem& p, std::int64_t point, double* table, double* partial,
                       double& offset) {
  const std::int64_t entries = p.objectives * p.levels;
  for (std::int64_t e = threadIdx.x; e < entries; e += kThreads) {
    const std::int64_t k = e / p.levels;
    const double mean = p.mean[k * p.points + point];
    const double sigma = sqrt(p.variance[k * p.points + point]);
    const double tail = bayes::tail_distance(p.level[(k + 1) * p.levels - 1], mean, sigma);
    const double below = p.level[e] - mean;
    const double t = bayes::distance(below, bayes::inverse_sigma(sigma));
    table[e] = bayes::gap(below, sigma, t, exp(bayes::exponent(t, tail)));
  }
  offset = 0;
  for (std::int64_t k = 0; k < p.objectives; ++k) {
    const double sigma = sqrt(p.variance[k * p.points + point]);
    offset -= bayes::exponent(
        bayes::tail_distance(p.level[(k + 1) * p.levels - 1], p.mean[k * p.points + point], sigma),
        0);
  }
  __syncthreads();
  double sum = 0;
  for (std::int64_t b = threadIdx.x; b < p.boxes; b += kThreads) {
    const std::int32_t* box = p.box + b * 2 * p.objectives;
    double product = 1;
    for (std::int64_t k = 0; k < p.objectives; ++k) {
      const double* row = table + k * p.levels;
      product *= row[box[p.objectives + k]] - row[box[k]];
    }
    sum += product;
  }
  return block_sum(sum, partial);
}

__device__ double log_gain(const Problem& p, std::int64_t point, double* table, double* partial) {
  const std::int64_t entries = p.objectives * p.levels;
  for (std::int64_t e = threadIdx.x; e < entries; e += kThreads) {
    const std::int64_t at = e / p.levels * p.points + point;
    table[e] = bayes::log_gap(p.level[e], p.mean[at], p.variance[at]);
  }
  __syncthreads();
  const std::int64_t stride = 2 * p.objectives;
  double shift = bayes::kLeastLog;
  for (std::int64_t b = threadIdx.x; b < p.boxes; b += kThreads) {
    shift = fmax(shift, bayes::log_upper(table, p.levels, p.box + b * stride, p.objectives));
  }
  shift = block_max(shift, partial);
  if (!(shift > bayes::kLeastLog)) return bayes::kLeastLog;
  double sum = 0;
  for (std::int64_t b = threadIdx.x; b < p.boxes; b += kThreads) {
    sum += bayes::shifted_gain(table, p.levels, p.box + b * stride, p.objectives, shift);
  }
  return fmax(bayes::kLeastLog, shift + log(block_sum(sum, partial)));
}

/// A block a point, its threads over the boxes. results: [points]; the logarithm is added, the
/// improvement written.
template <bool kLog>
__global__ void improvement_kernel(GridDependency earlier, Problem p, double* results) {
  earlier.wait();
  auto& shared = shared_memory<BlockShared>();
  double* table =
      p.tables == nullptr ? shared.table : p.tables + blockIdx.x * p.objectives * p.levels;
  for (std::int64_t point = blockIdx.x; point < p.points; point += gridDim.x) {
    double offset;
    const double sum = gain(p, point, table, shared.partial, offset);
    double result;
    if constexpr (kLog) {
      result = sum > bayes::kLeastSum ? fmax(bayes::kLeastLog, log(sum) - offset)
                                      : log_gain(p, point, table, shared.partial);
    } else {
      result = fmax(0.0, sum * exp(-offset));
    }
    if (threadIdx.x == 0) results[point] = kLog ? results[point] + result : result;
    __syncthreads();
  }
}

template <bool kLog>
void improve(Stream& stream, const char* name, const bayes::BoxCover& cover,
             const bayes::Beliefs& beliefs, View results) {
  Problem problem{
      cover.levels.shape.w,      cover.levels.shape.c,          cover.boxes.shape.n,
      beliefs.mean.shape.c,      cover.levels.as<double>(),     cover.boxes.as<std::int32_t>(),
      beliefs.mean.as<double>(), beliefs.variance.as<double>(), nullptr};
  const auto table_bytes =
      static_cast<std::size_t>(problem.objectives * problem.levels) * sizeof(double);
  // As many blocks as there are points unless the tables would need a memory of their own.
  std::int64_t blocks = std::min<std::int64_t>(problem.points, 1 << 20);
  std::size_t shared_bytes = sizeof(BlockShared) + table_bytes;
  Arena::Scope scratch(stream.scratch());
  if (shared_bytes > shared_memory_limit(stream)) {
    shared_bytes = sizeof(BlockShared);
    blocks = std::min<std::int64_t>(problem.points, std::int64_t{multiprocessors(stream)} * 4);
    problem.tables =
        static_cast<double*>(scratch.take(static_cast<std::size_t>(blocks) * table_bytes));
  }
  launch_dependent(stream, name, improvement_kernel<kLog>,
                   {dim3(static_cast<unsigned>(blocks)), dim3(kThreads), shared_bytes}, problem,
                   results.as<double>());
}

void hypervolume_improvement(Stream& stream, const bayes::BoxCover& cover,
                             const bayes::Beliefs& beliefs, View improvement) {
  improve<false>(stream, "hypervolume_improvement", cover, beliefs, improvement);
}

void add_log_hypervolume_improvement(Stream& stream, const bayes::BoxCover& cover,
                                     const bayes::Beliefs& beliefs, View reward) {
  improve<true>(stream, "add_log_hypervolume_improvement", cover, beliefs, reward);
}

const Twin improvement(bayes::twins::hypervolume_improvement, DeviceKind::cuda,
                       hypervolume_improvement);
const Twin log_improvement(bayes::twins::add_log_hypervolume_improvement, DeviceKind::cuda,
                           add_log_hypervolume_improvement);

}  // namespace
}  // namespace paretiny::cuda

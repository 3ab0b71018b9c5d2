// How promising points are: a warp a point whose lanes share the base samples, four
// lanes a point where there are only a few sets to share. Bound by the latency of double-precision
// elementary functions; every sum has a fixed order.
#include <limits>

#include "kernels/bayes/acquisition.h"
#include "kernels/bayes/normal.h"
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = 64;  // small blocks, so that a hundred points reach many multiprocessors
constexpr int kPoints = kThreads / kWarp;  // of a block, where a warp takes one
constexpr int kSetLanes = 4;               // of a point, which share its few sets
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Blocks for q points of which each takes `each`.
dim3 blocks_for(std::int64_t q, int each) {
  return dim3(static_cast<unsigned>(ceil_div(q, each)));
}

/// The warp's point; may be beyond the last.
__device__ std::int64_t point_of_warp() {
  return std::int64_t{blockIdx.x} * kPoints + threadIdx.x / kWarp;
}

__device__ double warp_max(double x) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    x = fmax(x, __shfl_xor_sync(kAllLanes, x, distance));
  }
  return x;
}

struct ImprovementShape {
  std::int64_t points;
  int objectives, samples;
  double best, softness;
};

/// (best - s(Y)) / softness of a base sample. belief: centres and spreads of the terms.
__device__ double improvement(const ImprovementShape& shape, const double* belief,
                              const double* normal) {
  const double* spread = belief + shape.objectives;
  double sum = fma(normal[0], spread[0], belief[0]);
  double largest = sum;
  for (int k = 1; k < shape.objectives; ++k) {
    const double term = fma(normal[k], spread[k], belief[k]);
    largest = fmax(largest, term);
    sum += term;
  }
  return (shape.best - largest - bayes::kAugmentation * sum) * (1 / shape.softness);
}

/// A warp a point, its lanes over the base samples. low, factor: [objectives]; normals: [samples,
/// objectives]; mean, variance: [sets, points]; reward: [points].
__global__ void improvement_kernel(GridDependency earlier, ImprovementShape shape,
                                   const double* low, const double* factor, const double* normals,
                                   const double* mean, const double* variance, double* reward) {
  earlier.wait();
  const std::int64_t point = point_of_warp();
  if (point >= shape.points) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, m = shape.objectives;
  double* belief = &shared_memory<double>() + threadIdx.x / kWarp * 2 * m;
  for (int k = lane; k < m; k += kWarp) {
    belief[k] = (mean[k * shape.points + point] - low[k]) * factor[k];
    belief[m + k] = sqrt(variance[k * shape.points + point]) * factor[k];
  }
  __syncwarp();
  double top = -kInfinity;
  for (int i = lane; i < shape.samples; i += kWarp) {
    top = fmax(top, improvement(shape, belief, normals + std::int64_t{i} * m));
  }
  top = warp_max(top);
  // Far below, where softplus(z) is exp(z) to rounding, the largest power is taken out.
  const bool far = top < bayes::kFarBelow;
  const double taken = far ? top : 0;
  double sum = 0;
  for (int i = lane; i < shape.samples; i += kWarp) {
    const double z = improvement(shape, belief, normals + std::int64_t{i} * m);
    const double power = exp(-fabs(z) - taken);
    sum += far ? power : fmax(z, 0.0) + log1p(power);
  }
  sum = warp_sum(sum);
  if (lane == 0) reward[point] += taken + log(sum / shape.samples) + log(shape.softness);
}

void add_log_scalarised_improvement(Stream& stream, const bayes::Scalarisation& s,
                                    const bayes::Beliefs& beliefs, View reward) {
  const ImprovementShape shape{reward.shape.c, static_cast<int>(s.low.shape.c),
                               static_cast<int>(s.normals.shape.w), s.best, s.softness};
  const auto shared = static_cast<std::size_t>(2 * kPoints * s.low.shape.c) * sizeof(double);
  launch_dependent(stream, "add_log_scalarised_improvement", improvement_kernel,
                   {blocks_for(shape.points, kPoints), dim3(kThreads), shared}, shape,
                   s.low.as<double>(), s.factor.as<double>(), s.normals.as<double>(),
                   beliefs.mean.as<double>(), beliefs.variance.as<double>(), reward.as<double>());
}

/// kSetLanes threads a point. limits: [sets]; mean, variance: [sets, points]; reward: [points].
__global__ void within_kernel(GridDependency earlier, std::int64_t points, int sets,
                              const double* limits, const double* mean, const double* variance,
                              double* reward) {
  earlier.wait();
  const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t point = thread / kSetLanes;
  const int lane = static_cast<int>(thread % kSetLanes);
  double sum = 0;
  if (point < points) {
    for (int k = lane; k < sets; k += kSetLanes) {
      const std::int64_t at = k * points + point;
      if (limits[k] != kInfinity)
        sum += bayes::log_normal_cdf((limits[k] - mean[at]) / sqrt(variance[at]));
    }
  }
  for (int distance = kSetLanes / 2; distance > 0; distance /= 2) {
    sum += __shfl_xor_sync(kAllLanes, sum, distance);
  }
  if (point < points && lane == 0) reward[point] += sum;
}

void add_log_within(Stream& stream, ConstView limits, const bayes::Beliefs& beliefs, View reward) {
  const std::int64_t q = reward.shape.c;
  launch_dependent(stream, "add_log_within", within_kernel,
                   {blocks_for(q, kThreads / kSetLanes), dim3(kThreads)}, q,
                   static_cast<int>(beliefs.mean.shape.w), limits.as<double>(),
                   beliefs.mean.as<double>(), beliefs.variance.as<double>(), reward.as<double>());
}

const Twin improvement_twin(bayes::twins::add_log_scalarised_improvement, DeviceKind::cuda,
                            add_log_scalarised_improvement);
const Twin within(bayes::twins::add_log_within, DeviceKind::cuda, add_log_within);

}  // namespace
}  // namespace paretiny::cuda

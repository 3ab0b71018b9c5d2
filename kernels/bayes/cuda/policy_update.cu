// What an update learns from the rollouts. One launch, bound by latency: of each policy's blocks
// the first takes its states into the statistics, the others each update some of its weights, after
// all of them have ranked the directions for themselves, which is cheaper than waiting for one.
//
// Ranking counts, for each direction, those before it, in shared memory: a policy may try up to
// about 9000. Sums have a fixed order: over kept rewards by warps, over states by columns of
// threads.
#include <algorithm>

#include "kernels/bayes/policy_rollout.h"
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;

struct UpdateShape {
  std::int64_t policies, dimensions, weights;
  std::int64_t horizon;
  int directions, kept;
  double step_size;
};

/// Adds the states [horizon, policies, 2 n, d] of `policy` to its statistics.
__device__ void take_in(const UpdateShape& shape, std::int64_t policy, const double* states,
                        double* statistics) {
  // Neighbouring threads take neighbouring coordinates; `columns` of rows are summed side by side.
  const std::int64_t d = shape.dimensions, rollouts = 2 * std::int64_t{shape.directions};
  const int thread = static_cast<int>(threadIdx.x);
  const int across = d < kThreads ? static_cast<int>(d) : kThreads;
  const int columns = kThreads / across, column = thread / across;
  double* sums = &shared_memory<double>();  // [kThreads]
  double* squares = sums + kThreads;        // [kThreads]
  double* known = statistics + policy * (1 + 2 * d);
  const std::int64_t rows = shape.horizon * rollouts;
  for (std::int64_t first = 0; first < d; first += across) {
    const std::int64_t k = first + thread % across;
    double sum = 0, square = 0;
    if (column < columns && k < d) {
      for (std::int64_t row = column; row < rows; row += columns) {
        const std::int64_t block = row / rollouts * shape.policies + policy;
        const double x = states[(block * rollouts + row % rollouts) * d + k];
        sum += x;
        square += x * x;
      }
    }
    sums[thread] = sum;
    squares[thread] = square;
    __syncthreads();
    if (column == 0 && k < d) {
      for (int c = 1; c < columns; ++c) {
        sum += sums[c * across + thread];
        square += squares[c * across + thread];
      }
      known[1 + k] += sum;
      known[1 + d + k] += square;
    }
    __syncthreads();
  }
  if (thread == 0) known[0] += static_cast<double>(rows);
}

__device__ double larger(double a, double b) {
  return a > b ? a : b;
}

/// order[i] = the kept direction of rank i. best: [2 n], the rewards of the rollouts.
__device__ void rank(const UpdateShape& shape, const double* best, int* order) {
  const auto better = [best](int j) { return larger(best[2 * j], best[2 * j + 1]); };
  for (int j = static_cast<int>(threadIdx.x); j < shape.directions; j += kThreads) {
    const double mine = better(j);
    int before = 0;
    for (int i = 0; i < shape.directions; ++i) {
      const double other = better(i);
      before += other > mine || (other == mine && i < j) ? 1 : 0;
    }
    if (before < shape.kept) order[before] = j;
  }
}

/// Every lane gets the sum over the kept directions of term(direction).
template <class F>
__device__ double sum_of_kept(const UpdateShape& shape, const int* order, F term) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x) % kWarp; i < shape.kept; i += kWarp) {
    sum += term(order[i]);
  }
  return warp_sum(sum);
}

/// Updates the weights that block `part` of `parts` has of `policy`.
__device__ void change(const UpdateShape& shape, std::int64_t policy, const double* rewards,
                       const double* directions, double* weights, std::int64_t part,
                       std::int64_t parts) {
  const int rollouts = 2 * shape.directions;
  double* best = &shared_memory<double>();                  // [2 n]
  double* share = best + rollouts;                          // [kept]
  int* order = reinterpret_cast<int*>(share + shape.kept);  // [kept]
  for (int i = static_cast<int>(threadIdx.x); i < rollouts; i += kThreads) {
    const double* reward = rewards + policy * rollouts + i;
    double largest = reward[0];
    for (std::int64_t h = 1; h < shape.horizon; ++h) {
      largest = larger(largest, reward[h * shape.policies * rollouts]);
    }
    best[i] = largest;
    if (i < shape.kept)
      order[i] = i;  // a rank that nobody has, should a reward be NaN, is in range
  }
  __syncthreads();
  rank(shape, best, order);
  __syncthreads();
  const double count = 2 * static_cast<double>(shape.kept);
  const double mean =
      sum_of_kept(shape, order, [best](int j) { return best[2 * j] + best[2 * j + 1]; }) / count;
  const double squares = sum_of_kept(shape, order, [best, mean](int j) {
    const double plus = best[2 * j] - mean, minus = best[2 * j + 1] - mean;
    return plus * plus + minus * minus;
  });
  const double sigma = sqrt(squares / count);
  if (!(sigma >= bayes::kLeastRewardSpread)) return;
  const double rate = shape.step_size / (shape.kept * sigma);
  for (int i = static_cast<int>(threadIdx.x); i < shape.kept; i += kThreads) {
    share[i] = rate * (best[2 * order[i]] - best[2 * order[i] + 1]);
  }
  __syncthreads();
  const double* tried = directions + policy * shape.directions * shape.weights;
  double* weight = weights + policy * shape.weights;
  for (std::int64_t i = part * kThreads + threadIdx.x; i < shape.weights; i += parts * kThreads) {
    double sum = weight[i];
#pragma unroll 8
    for (int k = 0; k < shape.kept; ++k) {
      sum = fma(share[k], tried[order[k] * shape.weights + i], sum);
    }
    weight[i] = sum;
  }
}

/// Of every policy the first block takes in the states, the others change parts of the weights.
/// rewards: [policies, rollouts]; directions: [policies, n, w]; weights: [policies, w].
__global__ void update_kernel(GridDependency earlier, UpdateShape shape, const double* rewards,
                              const double* states, const double* directions, double* weights,
                              double* statistics, std::int32_t* update) {
  earlier.wait();
  const std::int64_t policy = blockIdx.y;
  if (blockIdx.x == 0) {
    take_in(shape, policy, states, statistics);
    if (policy == 0 && threadIdx.x == 0) ++*update;
  } else {
    change(shape, policy, rewards, directions, weights, blockIdx.x - 1, gridDim.x - 1);
  }
}

void policy_update(Stream& stream, const bayes::PolicyShape& policy, std::int64_t kept,
                   double step_size, const bayes::PolicyUpdate& t) {
  const std::int64_t n = t.directions.shape.w;
  const UpdateShape shape{policy.policies,   policy.dimensions,   policy.weights(),
                          t.rewards.shape.n, static_cast<int>(n), static_cast<int>(kept),
                          step_size};
  const auto ranking = static_cast<std::size_t>(2 * n + kept) * sizeof(double) +
                       static_cast<std::size_t>(kept) * sizeof(int);
  const std::size_t shared = std::max(ranking, 2 * kThreads * sizeof(double));
  const std::int64_t parts = std::min<std::int64_t>(ceil_div(policy.weights(), kThreads), 64);
  launch_dependent(stream, "policy_update", update_kernel,
                   {dim3(static_cast<unsigned>(1 + parts), static_cast<unsigned>(policy.policies)),
                    dim3(kThreads), shared},
                   shape, t.rewards.as<double>(), t.states.as<double>(), t.directions.as<double>(),
                   t.weights.as<double>(), t.statistics.as<double>(), t.update.as<std::int32_t>());
}

const Twin update(bayes::twins::policy_update, DeviceKind::cuda, policy_update);

}  // namespace
}  // namespace paretiny::cuda

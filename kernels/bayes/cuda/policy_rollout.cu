// Trying policies: their directions, and the moves of all rollouts in lock-step. Both are short and
// bound by latency; all reads and writes of weights are coalesced.
//
// policy_perturb: a block a direction, a thread a pair of normal numbers, from half a Philox block.
// policy_move: a warp a rollout, alone in its block. Lanes hold hidden units, then coordinates: the
// matrices lie by columns, so that neighbouring lanes read neighbouring weights and sum alone, in
// the order of the CPU. What lanes tell each other goes through shared memory.
#include "kernels/bayes/policy_noise.h"
#include "kernels/bayes/policy_rollout.h"
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = kBlockThreads;

/// A block a direction of a policy. weights: [policies, w]; directions: [policies, n, w]; rollouts:
/// [policies, n, 2, w], the weights plus and minus the direction.
__global__ void perturb_kernel(GridDependency earlier, std::int64_t w, std::int64_t n, double noise,
                               std::uint64_t key, const std::int32_t* update, const double* weights,
                               double* directions, double* rollouts) {
  earlier.wait();
  const std::int64_t row = blockIdx.x;
  const std::int64_t policy = row / n;
  const std::int32_t number = *update;
  const double* weight = weights + policy * w;
  double* direction = directions + row * w;
  double* plus = rollouts + 2 * row * w;
  double* minus = plus + w;
  for (std::int64_t pair = threadIdx.x; 2 * pair < w; pair += kThreads) {
    const PhiloxBlock block = bayes::policy_noise(key, number, policy, row % n, pair / 2);
    const bool second = pair % 2 != 0;
    const double uniform = bayes::open_unit(second ? block.word[2] : block.word[0]);
    const bayes::OnCircle point = bayes::unit_circle(second ? block.word[3] : block.word[1]);
    const double radius = sqrt(-2 * log(uniform));
    for (std::int64_t i = 2 * pair; i < 2 * pair + 2 && i < w; ++i) {
      const double normal = radius * (i % 2 == 0 ? point.cosine : point.sine);
      const double centre = weight[i];
      direction[i] = normal;
      plus[i] = centre + noise * normal;
      minus[i] = centre - noise * normal;
    }
  }
}

void policy_perturb(Stream& stream, const bayes::PolicyShape& policy, double noise,
                    std::uint64_t key, const bayes::PolicyPerturb& t) {
  const std::int64_t n = t.directions.shape.w;
  launch_dependent(stream, "policy_perturb", perturb_kernel,
                   {dim3(static_cast<unsigned>(policy.policies * n)), dim3(kThreads)},
                   policy.weights(), n, noise, key, t.update.as<std::int32_t>(),
                   t.weights.as<double>(), t.directions.as<double>(), t.rollouts.as<double>());
}

struct MoveShape {
  std::int64_t rollouts;  ///< of a policy
  int dimensions, hidden, parameters;
  double reach;
};

/// bias[j] + sum_k in[k] matrix[k, j], matrix: [inputs, outputs].
__device__ double unit_input(const double* matrix, const double* bias, const double* in, int inputs,
                             int outputs, int j) {
  double sum = bias[j];
#pragma unroll 8
  for (int k = 0; k < inputs; ++k) sum = fma(in[k], matrix[std::int64_t{k} * outputs + j], sum);
  return sum;
}

/// A block a rollout, a thread an input. states, next, snapped: [rollouts, d]; rollouts: [rollouts,
/// w]; statistics: [policies, 1 + 2 d].
__global__ void move_kernel(GridDependency earlier, MoveShape shape,
                            const bayes::CubeParameter* cube, const double* statistics,
                            const double* rollouts, const double* states, double* next,
                            double* snapped) {
  earlier.wait();
  const int d = shape.dimensions, hidden = shape.hidden, lane = static_cast<int>(threadIdx.x);
  const std::int64_t rollout = blockIdx.x;
  const double* known = statistics + rollout / shape.rollouts * (1 + 2 * d);
  const double* state = states + rollout * d;
  const double* w1 =
      rollouts + rollout * (std::int64_t{hidden} * (d + 1) + std::int64_t{d} * (hidden + 1));
  const double* b1 = w1 + std::int64_t{d} * hidden;
  const double* w2 = b1 + hidden;
  const double* b2 = w2 + std::int64_t{hidden} * d;
  double* point = &shared_memory<double>();  // [d]: what is observed, then where it leads
  double* units = point + d;                 // [hidden]

  const double count = known[0];
  for (int k = lane; k < d; k += kWarp) {
    const double mean = count < 2 ? 0 : known[1 + k] / count;
    const double variance = count < 2 ? 1 : known[1 + d + k] / count - mean * mean;
    const double scale =
        1 / sqrt(variance > bayes::kLeastStateVariance ? variance : bayes::kLeastStateVariance);
    point[k] = (state[k] - mean) * scale;
  }
  __syncwarp();
  for (int j = lane; j < hidden; j += kWarp) {
    units[j] = tanh(unit_input(w1, b1, point, d, hidden, j));
  }
  __syncwarp();
  for (int k = lane; k < d; k += kWarp) {
    const double move = shape.reach * tanh(unit_input(w2, b2, units, hidden, d, k));
    point[k] = bayes::clamped(state[k] + move, 0, 1);
    next[rollout * d + k] = point[k];
  }
  __syncwarp();
  for (int i = lane; i < shape.parameters; i += kWarp) bayes::snap(cube[i], point);
  __syncwarp();
  for (int k = lane; k < d; k += kWarp) snapped[rollout * d + k] = point[k];
}

void policy_move(Stream& stream, const bayes::PolicyShape& policy, const bayes::PolicyMove& t) {
  const std::int64_t r = t.states.shape.w;
  const auto each = static_cast<std::int64_t>(sizeof(bayes::CubeParameter));
  const MoveShape shape{r, static_cast<int>(policy.dimensions), static_cast<int>(policy.hidden),
                        static_cast<int>(t.cube.shape.c / each), policy.reach};
  const auto shared = static_cast<std::size_t>(policy.dimensions + policy.hidden) * sizeof(double);
  launch_dependent(stream, "policy_move", move_kernel,
                   {dim3(static_cast<unsigned>(policy.policies * r)), dim3(kWarp), shared}, shape,
                   t.cube.as<bayes::CubeParameter>(), t.statistics.as<double>(),
                   t.rollouts.as<double>(), t.states.as<double>(), t.next.as<double>(),
                   t.snapped.as<double>());
}

const Twin perturb(bayes::twins::policy_perturb, DeviceKind::cuda, policy_perturb);
const Twin move(bayes::twins::policy_move, DeviceKind::cuda, policy_move);

}  // namespace
}  // namespace paretiny::cuda

// A move of a rollout takes 2 d x hidden multiply-adds and one tanh a hidden unit, from weights in
// the first-level cache. A perturbation writes 3 w doubles a direction, from w / 4 Philox blocks.
#include "kernels/bayes/policy_rollout.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/bayes/policy_noise.h"
#include "kernels/core/cpu/f64x8_math.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

/// Rollouts that a thread takes at a time.
constexpr std::int64_t kRollouts = 16;

/// Numbers of a direction that are drawn at a time, and the Philox blocks and pairs they take.
constexpr std::int64_t kDraw = 64;
constexpr std::int64_t kBlocks = kDraw / bayes::kNoisePerBlock;
constexpr std::int64_t kPairs = kDraw / 2;

/// Numbers `first` .. `first` + kDraw - 1 of a direction.
void draw(std::uint64_t key, std::int32_t update, std::int64_t policy, std::int64_t direction,
          std::int64_t first, double* normal) {
  // Loops that become vector code: pair i belongs to block i mod kBlocks.
  std::uint32_t length[kPairs], turn[kPairs];
  for (std::int64_t b = 0; b < kBlocks; ++b) {
    const PhiloxBlock block =
        bayes::policy_noise(key, update, policy, direction, first / bayes::kNoisePerBlock + b);
    length[b] = block.word[0];
    turn[b] = block.word[1];
    length[kBlocks + b] = block.word[2];
    turn[kBlocks + b] = block.word[3];
  }
  double radius[kPairs], cosine[kPairs], sine[kPairs];
  for (std::int64_t i = 0; i < kPairs; ++i) radius[i] = bayes::open_unit(length[i]);
  for (std::int64_t i = 0; i < kPairs; i += kWide) {
    F64x8 log;
    load(log, radius + i);
    logarithm(log, log);
    store(radius + i, -2.0 * log);
  }
  for (std::int64_t i = 0; i < kPairs; ++i) {
    const bayes::OnCircle point = bayes::unit_circle(turn[i]);
    const double length_of_pair = std::sqrt(radius[i]);
    cosine[i] = length_of_pair * point.cosine;
    sine[i] = length_of_pair * point.sine;
  }
  for (std::int64_t b = 0; b < kBlocks; ++b) {
    normal[4 * b] = cosine[b];
    normal[4 * b + 1] = sine[b];
    normal[4 * b + 2] = cosine[kBlocks + b];
    normal[4 * b + 3] = sine[kBlocks + b];
  }
}

void policy_perturb(Stream&, const bayes::PolicyShape& policy, double noise, std::uint64_t key,
                    const bayes::PolicyPerturb& t) {
  const std::int32_t number = *t.update.as<std::int32_t>();
  const std::int64_t w = policy.weights(), n = t.directions.shape.w;
  parallel_for(policy.policies * n, true, [&](std::int64_t row) {
    const double* weight = t.weights.as<double>() + row / n * w;
    double* direction = t.directions.as<double>() + row * w;
    double* plus = t.rollouts.as<double>() + 2 * row * w;
    double* minus = plus + w;
    for (std::int64_t first = 0; first < w; first += kDraw) {
      double normal[kDraw];
      draw(key, number, row / n, row % n, first, normal);
      const std::int64_t count = std::min(kDraw, w - first);
      std::copy_n(normal, count, direction + first);
      for (std::int64_t i = 0; i < count; ++i) {
        plus[first + i] = weight[first + i] + noise * normal[i];
        minus[first + i] = weight[first + i] - noise * normal[i];
      }
    }
  });
}

/// What makes a state an observation: (state - mean) * scale.
void normaliser(const double* statistics, std::int64_t d, double* mean, double* scale) {
  const double count = statistics[0];
  const double* sums = statistics + 1;
  const double* squares = sums + d;
  for (std::int64_t k = 0; k < d; ++k) {
    mean[k] = count < 2 ? 0 : sums[k] / count;
    const double variance = count < 2 ? 1 : squares[k] / count - mean[k] * mean[k];
    scale[k] = 1 / std::sqrt(std::max(variance, bayes::kLeastStateVariance));
  }
}

/// out[j] = bias[j] + sum_k in[k] matrix[k, j], matrix: [inputs, outputs].
void layer(const double* matrix, const double* bias, const double* in, std::int64_t inputs,
           std::int64_t outputs, double* out) {
  if (outputs < kWide) {
    for (std::int64_t j = 0; j < outputs; ++j) {
      double sum = bias[j];
      for (std::int64_t k = 0; k < inputs; ++k) sum = std::fma(in[k], matrix[k * outputs + j], sum);
      out[j] = sum;
    }
    return;
  }
  for (std::int64_t next = 0; next < outputs; next += kWide) {
    // The last vector may take some outputs of the one before again.
    const std::int64_t j = std::min(next, outputs - kWide);
    F64x8 sum, row;
    load(sum, bias + j);
    for (std::int64_t k = 0; k < inputs; ++k) {
      load(row, matrix + k * outputs + j);
      sum = in[k] * row + sum;
    }
    store(out + j, sum);
  }
}

void tanh_of(double* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kWide) {
    F64x8 lanes;
    load_some(lanes, x + i, count - i);
    hyperbolic_tangent(lanes, lanes);
    store_some(x + i, lanes, count - i);
  }
}

void policy_move(Stream& stream, const bayes::PolicyShape& policy, const bayes::PolicyMove& t) {
  const std::int64_t d = policy.dimensions, hidden = policy.hidden, w = policy.weights();
  const std::int64_t r = t.states.shape.w;
  const std::int64_t parameters =
      t.cube.shape.c / static_cast<std::int64_t>(sizeof(bayes::CubeParameter));
  Arena::Scope scratch(stream.scratch());
  double* means = scratch.take(DType::f64, {policy.policies, 1, 2, d}).as<double>();
  double* all_units = scratch.take(DType::f64, {policy.policies, 1, r, hidden}).as<double>();
  double* all_observations = t.next.as<double>();  // until the moves are known
  for (std::int64_t p = 0; p < policy.policies; ++p) {
    normaliser(t.statistics.as<double>() + p * policy.statistics(), d, means + 2 * p * d,
               means + (2 * p + 1) * d);
  }
  const std::int64_t chunks = ceil_div(r, kRollouts);
  parallel_for(policy.policies * chunks, true, [&](std::int64_t task) {
    const std::int64_t p = task / chunks, begin = task % chunks * kRollouts;
    const std::int64_t first = p * r + begin, count = std::min(kRollouts, r - begin);
    const double* mean = means + 2 * p * d;
    const double* scale = mean + d;
    const double* state = t.states.as<double>() + first * d;
    const double* weights = t.rollouts.as<double>() + first * w;
    double* units = all_units + first * hidden;
    double* moves = all_observations + first * d;
    double* positions = t.snapped.as<double>() + first * d;
    for (std::int64_t i = 0; i < count; ++i) {
      double* observation = moves + i * d;
      for (std::int64_t k = 0; k < d; ++k) {
        observation[k] = (state[i * d + k] - mean[k]) * scale[k];
      }
      const double* w1 = weights + i * w;
      layer(w1, w1 + d * hidden, observation, d, hidden, units + i * hidden);
    }
    tanh_of(units, count * hidden);
    for (std::int64_t i = 0; i < count; ++i) {
      const double* w2 = weights + i * w + (d + 1) * hidden;
      layer(w2, w2 + hidden * d, units + i * hidden, hidden, d, moves + i * d);
    }
    tanh_of(moves, count * d);
    for (std::int64_t i = 0; i < count * d; ++i) {
      moves[i] = bayes::clamped(std::fma(policy.reach, moves[i], state[i]), 0, 1);
      positions[i] = moves[i];
    }
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t k = 0; k < parameters; ++k) {
        bayes::snap(t.cube.as<bayes::CubeParameter>()[k], positions + i * d);
      }
    }
  });
}

/// Moves the weights of one policy. rewards: [2 n], directions: [n, w].
void update_weights(std::int64_t kept, double step_size, std::int64_t n, const double* rewards,
                    std::int64_t w, const double* directions, std::int64_t* order,
                    double* weights) {
  const auto better = [rewards](std::int64_t j) {
    return std::max(rewards[2 * j], rewards[2 * j + 1]);
  };
  std::iota(order, order + n, std::int64_t{0});
  std::partial_sort(order, order + kept, order + n, [&](std::int64_t i, std::int64_t j) {
    return better(i) > better(j) || (better(i) == better(j) && i < j);
  });
  double sum = 0, squares = 0;
  for (std::int64_t k = 0; k < kept; ++k) {
    sum += rewards[2 * order[k]] + rewards[2 * order[k] + 1];
  }
  const double count = 2 * static_cast<double>(kept), mean = sum / count;
  for (std::int64_t k = 0; k < kept; ++k) {
    const double plus = rewards[2 * order[k]] - mean, minus = rewards[2 * order[k] + 1] - mean;
    squares += plus * plus + minus * minus;
  }
  const double sigma = std::sqrt(squares / count);
  if (!(sigma >= bayes::kLeastRewardSpread)) return;
  const double rate = step_size / (static_cast<double>(kept) * sigma);
  for (std::int64_t k = 0; k < kept; ++k) {
    const std::int64_t j = order[k];
    const double share = rate * (rewards[2 * j] - rewards[2 * j + 1]);
    const double* direction = directions + j * w;
    for (std::int64_t i = 0; i < w; ++i) weights[i] = std::fma(share, direction[i], weights[i]);
  }
}

void policy_update(Stream& stream, const bayes::PolicyShape& policy, std::int64_t kept,
                   double step_size, const bayes::PolicyUpdate& t) {
  const std::int64_t d = policy.dimensions, w = policy.weights(), n = t.directions.shape.w;
  const std::int64_t horizon = t.rewards.shape.n, policies = policy.policies;
  Arena::Scope scratch(stream.scratch());
  double* all_best = scratch.take(DType::f64, {policies, 1, 1, 2 * n}).as<double>();
  auto* orders = static_cast<std::int64_t*>(
      scratch.take(static_cast<std::size_t>(policies * n) * sizeof(std::int64_t)));
  parallel_for(policies, true, [&](std::int64_t p) {
    double* best = all_best + p * 2 * n;
    std::fill_n(best, 2 * n, -std::numeric_limits<double>::infinity());
    double* sums = t.statistics.as<double>() + p * policy.statistics() + 1;
    double* squares = sums + d;
    for (std::int64_t h = 0; h < horizon; ++h) {
      const double* reward = t.rewards.as<double>() + (h * policies + p) * 2 * n;
      for (std::int64_t i = 0; i < 2 * n; ++i) best[i] = std::max(best[i], reward[i]);
      const double* state = t.states.as<double>() + (h * policies + p) * 2 * n * d;
      for (std::int64_t i = 0; i < 2 * n; ++i) {
        for (std::int64_t k = 0; k < d; ++k) {
          const double x = state[i * d + k];
          sums[k] += x;
          squares[k] += x * x;
        }
      }
    }
    sums[-1] += static_cast<double>(horizon * 2 * n);
    update_weights(kept, step_size, n, best, w, t.directions.as<double>() + p * n * w,
                   orders + p * n, t.weights.as<double>() + p * w);
  });
  ++*t.update.as<std::int32_t>();
}

const Twin perturb(bayes::twins::policy_perturb, DeviceKind::cpu, policy_perturb);
const Twin move(bayes::twins::policy_move, DeviceKind::cpu, policy_move);
const Twin change(bayes::twins::policy_update, DeviceKind::cpu, policy_update);

}  // namespace
}  // namespace paretiny::cpu

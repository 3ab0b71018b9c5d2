// Augmented Random Search (Mania, Guy and Recht, "Simple random search of static policies is
// competitive for reinforcement learning", 2018, version V2) of policies that walk through the unit
// cube, all policies, directions and signs in lock-step. Double precision.
//
// One update of all policies is policy_perturb; then, for each move of the horizon, policy_move and
// whatever rewards the points it reached; then policy_update. None of it depends on the host, so
// that it can be recorded once and run for every update.
#pragma once

#include "kernels/bayes/unit_cube.h"
#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::bayes {

/// Floor of the variance of states: a coordinate that never moved is not blown up.
inline constexpr double kLeastStateVariance = 1e-6;
/// Rewards closer together than this say nothing about a direction.
inline constexpr double kLeastRewardSpread = 1e-12;

/// A policy answers a state s, normalised by the statistics of the states it has met, with a move:
/// reach * tanh(w2 tanh(w1 s + b1) + b2). Its weights are one vector: w1 by columns, [d, hidden],
/// b1 [hidden], w2 by columns, [hidden, d], b2 [d].
struct PolicyShape {
  std::int64_t policies = 0;
  std::int64_t dimensions = 0;  ///< d
  std::int64_t hidden = 0;
  double reach = 0;  ///< largest move along one coordinate

  std::int64_t weights() const { return hidden * (dimensions + 1) + dimensions * (hidden + 1); }
  /// Numbers of a policy's statistics: count, sums and sums of squares of its states.
  std::int64_t statistics() const { return 1 + 2 * dimensions; }
};

struct PolicyPerturb {
  ConstView update{};   ///< [1, 1, 1, 1] i32: the number of updates made so far
  ConstView weights{};  ///< [policies, 1, 1, w] f64
  View directions{};    ///< [policies, 1, n, w] f64
  View rollouts{};      ///< [policies, 1, 2 n, w] f64
};

/// directions[p, j] = standard normal numbers, keyed by (key, update number, p, j) as
/// `policy_noise` of policy_noise.h says; of policy p, rollout 2j gets
/// weights[p] + noise * directions[p, j] and rollout 2j + 1 weights[p] - noise * directions[p, j].
void policy_perturb(Stream&, const PolicyShape&, double noise, std::uint64_t key,
                    const PolicyPerturb&);

struct PolicyMove {
  ConstView cube{};        ///< [1, 1, 1, bytes] u8: an array of CubeParameter
  ConstView statistics{};  ///< [policies, 1, 1, 1 + 2 d] f64
  ConstView rollouts{};    ///< [policies, 1, r, w] f64
  ConstView states{};      ///< [policies, 1, r, d] f64
  View next{}, snapped{};  ///< as states, none an alias
};

/// next = states + move, clamped to the unit cube; snapped = next moved to the positions of what it
/// decodes to. The walk goes on from `next`, `snapped` is what a candidate there would be.
/// States are taken as they are while the statistics' count is below 2, else less their mean and
/// over their standard deviation, whose square is at least kLeastStateVariance.
void policy_move(Stream&, const PolicyShape&, const PolicyMove&);

struct PolicyUpdate {
  ConstView rewards{};     ///< [horizon, 1, policies, 2 n] f64, finite
  ConstView states{};      ///< [horizon, policies, 2 n, d] f64: those the moves started from
  ConstView directions{};  ///< [policies, 1, n, w] f64
  View weights{};          ///< [policies, 1, 1, w] f64
  View statistics{};       ///< [policies, 1, 1, 1 + 2 d] f64
  View update{};           ///< [1, 1, 1, 1] i32
};

/// The reward of a rollout is the largest along it. Of each policy's n directions the `kept` ones
/// with the largest max(r+, r-) count (of equals the first): weights += step_size / (kept * sigma)
/// sum (r+ - r-) direction, sigma the standard deviation of the 2 kept rewards; left as they are
/// where sigma is below kLeastRewardSpread. Then the statistics take in the states: count, sums and
/// sums of squares; update += 1.
void policy_update(Stream&, const PolicyShape&, std::int64_t kept, double step_size,
                   const PolicyUpdate&);

namespace twins {
extern Op<decltype(policy_perturb)> policy_perturb;
extern Op<decltype(policy_move)> policy_move;
extern Op<decltype(policy_update)> policy_update;
}  // namespace twins

}  // namespace paretiny::bayes

// Augmented Random Search of policies that walk through the unit cube towards promising points, as
// ARS-MOBOpt trains them (Deutel, Kontes, Mutschler and Teich, "Combining multi-objective Bayesian
// optimization with reinforcement learning for TinyML", 2025). kernels/bayes/policy_rollout.h
// computes it.
#pragma once

#include <stop_token>

#include "nas/samplers/acquisition/reward.h"
#include "nas/samplers/proposal/visits.h"

namespace paretiny::samplers {

struct RandomSearchOptions {
  std::size_t directions = 32;  ///< N: random directions an update, each tried both ways
  std::size_t kept = 16;        ///< K: directions an update uses
  std::size_t steps = 20;       ///< I: updates of each policy
  std::size_t horizon = 8;      ///< H: moves of a rollout
  std::size_t hidden = 16;      ///< tanh units of the policies' one hidden layer
  double noise = 0.2;           ///< nu: size of a trial step along a direction
  double step_size = 0.2;       ///< alpha
  double reach = 0.3;           ///< length of the longest move
};

struct Walks {
  Visits trained;   ///< what the trained policies visit
  Visits training;  ///< what they visited before, by update, move, policy and rollout
};

/// Trains one policy from each row of `starts` [l, d]; the reward of a rollout is the best of its
/// points. On a GPU one update is a captured graph that is replayed. The same for any number of
/// threads. Throws Interrupted.
Walks augmented_random_search(const Reward& reward, const space::Space& space,
                              const surrogate::RowMatrix& starts,
                              const RandomSearchOptions& options, std::uint64_t seed,
                              std::uint64_t trial, const std::stop_token& stop = {});

}  // namespace paretiny::samplers

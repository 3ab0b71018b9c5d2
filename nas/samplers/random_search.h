// Augmented Random Search (Mania, Guy and Recht, "Simple random search of static policies is
// competitive for reinforcement learning", 2018, version V2) of policies that walk through the unit
// cube towards promising points, as ARS-MOBOpt trains them (Deutel, Kontes, Mutschler and Teich,
// "Combining multi-objective Bayesian optimization with reinforcement learning for TinyML", 2025).
#pragma once

#include "nas/samplers/acquisition.h"

namespace paretiny {

struct ArsOptions {
  std::size_t policies = 5;     ///< L: clusters of the Pareto set, each the start of one policy
  std::size_t directions = 32;  ///< N: random directions a step, each tried both ways
  std::size_t kept = 16;        ///< K: directions an update uses
  std::size_t steps = 20;       ///< I: updates of each policy
  std::size_t horizon = 8;      ///< H: moves of a rollout
  std::size_t hidden = 16;      ///< tanh units of the policies' one hidden layer
  std::size_t samples = 64;     ///< base samples of the expected improvement
  double noise = 0.2;           ///< nu: size of a trial step along a direction
  double step_size = 0.2;       ///< alpha
  double reach = 0.3;           ///< length of the longest move
};

/// Trains one policy from each row of `starts` [l, d] and returns the snapped points to suggest,
/// most wanted first: what the trained policies visit, by reward, then what they visited while
/// training, by reward; equal rewards in order of policy and time. The reward of a rollout is the
/// best of its points. The same for any number of threads.
std::vector<std::vector<double>> augmented_random_search(const Acquisition& acquisition,
                                                         const Space& space,
                                                         const Eigen::MatrixXd& starts,
                                                         const ArsOptions& options,
                                                         std::uint64_t seed, std::uint64_t trial);

}  // namespace paretiny

// The maximum of a smooth acquisition function, as BoTorch looks for it (Balandat et al., "BoTorch:
// a framework for efficient Monte-Carlo Bayesian optimization", 2020).
#pragma once

#include <functional>
#include <vector>

#include "kernels/core/random.h"
#include "nas/samplers/proposal/visits.h"
#include "nas/space/space.h"

namespace paretiny::samplers {

/// Points as Space::snap moves each: [p, d].
surrogate::RowMatrix snapped(const space::Space& space, surrogate::RowMatrix points);

/// Values at points [p, d] of the unit cube, finite: [p]; with the gradients [p, d] unless null.
using SmoothAcquisition =
    std::function<Eigen::VectorXd(const surrogate::RowMatrix&, surrogate::RowMatrix*)>;

struct SmoothSearchOptions {
  std::size_t raw = 512;      ///< scrambled Sobol points to start from
  std::size_t restarts = 10;  ///< of which so many are drawn, by Boltzmann weights, the best always
  std::size_t iterations = 100;  ///< evaluations of each L-BFGS run
};

/// Snapped points, most wanted first: the ends of the runs by their value once snapped, then the
/// raw points by theirs. A function of (seed, trial).
std::vector<std::vector<double>> smooth_search(const SmoothAcquisition& acquisition,
                                               const space::Space& space,
                                               const SmoothSearchOptions& options,
                                               std::uint64_t seed, std::uint64_t trial);

/// The maxima that L-BFGS climbs to from each row of `starts` [s, d], snapped: [s, d].
surrogate::RowMatrix climb(const SmoothAcquisition& acquisition, const space::Space& space,
                           const surrogate::RowMatrix& starts, std::size_t iterations);

/// `count` of the points with these values: the best, and draws by Boltzmann weights of the others,
/// exp(value) of standardised values.
std::vector<Eigen::Index> boltzmann(const Eigen::VectorXd& values, std::size_t count,
                                    Random& random);

}  // namespace paretiny::samplers

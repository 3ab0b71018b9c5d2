// Joint draws from a Gaussian process as whole functions (Wilson et al., "Efficiently sampling
// functions from Gaussian process posteriors", 2020): a draw of the prior by random Fourier
// features (Rahimi and Recht, 2007) plus the update that makes it agree with the data. Evaluating a
// path at q points costs O(q), so draws over 10^5 points are as joint as over two.
#pragma once

#include "kernels/bayes/gp_posterior.h"

namespace paretiny::bayes {

/// Path p of set s is, with z = x over the lengthscales of the set,
///   mean_s + sum_f weights[s, p, f] cos(frequencies[f] . z + phases[f])
///          + sum_i weights[s, p, features + i] k_s(x, x_i), i over the set's points.
struct GpPaths {
  ConstView frequencies;  ///< [1, 1, features, d] f64, for unit lengthscales
  ConstView phases;       ///< [1, 1, 1, features] f64
  ConstView weights;      ///< [sets, 1, paths, features + points] f64
};

/// Values of every path at q points, in bounded scratch. queries: [1, 1, q, d] f64; values: [sets,
/// 1, q, paths] f64.
void gp_paths(Stream&, const GpShape&, const GpState& state, const GpPaths& paths,
              ConstView queries, View values);

/// d_queries[i] = sum over sets s and paths p of d_values[s, i, p] times the gradient of path (s,
/// p) at query i. d_values: [sets, 1, q, paths] f64; d_queries: [1, 1, q, d] f64.
void gp_paths_backward(Stream&, const GpShape&, const GpState& state, const GpPaths& paths,
                       ConstView queries, ConstView d_values, View d_queries);

namespace twins {
extern Op<decltype(gp_paths)> gp_paths;
extern Op<decltype(gp_paths_backward)> gp_paths_backward;
}  // namespace twins

}  // namespace paretiny::bayes

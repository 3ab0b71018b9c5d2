// Weights of a scalarisation.
#pragma once

#include <vector>

#include "kernels/core/random.h"

namespace paretiny::samplers {

/// Weights that are uniform on the simplex of m objectives: exponential variables over their sum.
std::vector<double> simplex_weights(std::size_t m, Random& random);

}  // namespace paretiny::samplers

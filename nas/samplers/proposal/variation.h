// How evolutionary samplers vary points: simulated binary crossover (Deb and Agrawal, 1995) and
// polynomial mutation (Deb and Goyal, 1996), in the forms that respect the bounds 0 and 1.
#pragma once

#include <utility>
#include <vector>

#include "kernels/core/random.h"
#include "nas/space/space.h"

namespace paretiny::samplers {

/// Two values about those of the parents, as far from them as a large `eta` keeps them near; which
/// child gets which is drawn. Equal parents stay.
std::pair<double, double> simulated_binary(double a, double b, double eta, Random& random);

/// A value about `x`, the nearer the larger `eta`.
double polynomial_mutation(double x, double eta, Random& random);

struct Variation {
  double crossover = 0.9;      ///< chance that two parents are crossed at all
  double exchange = 0.5;       ///< chance of each parameter then
  double crossover_eta = 15;   ///< of simulated_binary
  double mutation_eta = 20;    ///< of polynomial_mutation
  double most_mutation = 0.5;  ///< a parameter mutates with the chance min(this, 1 / parameters)
};

/// Two children of snapped points, snapped. Real and integer parameters vary by their coordinate;
/// of a categorical one the children swap choices, and a mutation draws one anew.
std::pair<std::vector<double>, std::vector<double>> vary(const space::Space& space,
                                                         const Variation& variation,
                                                         std::vector<double> a,
                                                         std::vector<double> b, Random& random);

}  // namespace paretiny::samplers

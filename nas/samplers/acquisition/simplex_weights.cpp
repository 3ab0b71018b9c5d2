#include "nas/samplers/acquisition/simplex_weights.h"

#include <cmath>

namespace paretiny::samplers {

std::vector<double> simplex_weights(std::size_t m, Random& random) {
  std::vector<double> weights(m);
  double sum = 0;
  for (double& weight : weights) {
    weight = -std::log(1 - random.uniform());
    sum += weight;
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

}  // namespace paretiny::samplers

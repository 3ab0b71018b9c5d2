#include "nas/surrogate/surrogate.h"

#include <algorithm>
#include <cmath>

namespace paretiny {
namespace {

constexpr double kLeastDeviation = 1e-8;  // relative to the values' size, at least 1

/// Sample standard deviation, 1 where it says nothing.
double deviation_of(const Eigen::VectorXd& y) {
  if (y.size() < 2) return 1;
  const double variance = (y.array() - y.mean()).square().sum() / static_cast<double>(y.size() - 1);
  const double deviation = std::sqrt(variance);
  return deviation < kLeastDeviation * std::max(1.0, y.cwiseAbs().maxCoeff()) ? 1 : deviation;
}

}  // namespace

Surrogate::Surrogate(const Eigen::MatrixXd& x, const Eigen::VectorXd& y)
    : centre_(y.mean()),
      scale_(deviation_of(y)),
      process_(fit_gaussian_process(KernelKind::matern52, x, (y.array() - centre_) / scale_,
                                    {prior_mode(x.cols())})) {}

Surrogate::Belief Surrogate::predict(const Eigen::MatrixXd& queries) const {
  const GpPosterior posterior = process_.predict(queries);
  return {centre_ + scale_ * posterior.mean.array(), scale_ * posterior.variance.array().sqrt()};
}

}  // namespace paretiny

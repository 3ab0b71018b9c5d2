#include "nas/report/fit/importance.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace paretiny::report {

using study::Trial;

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Kernel width, as a fraction of the range of ranks: smooth, but free to bend once or twice.
constexpr double kWidth = 0.3;

/// Ranks of values, 0 to 1; equal values share the mean of their ranks.
VectorXd ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  VectorXd result(static_cast<Index>(values.size()));
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = 0.5 * static_cast<double>(begin + end - 1) /
                        static_cast<double>(std::max<std::size_t>(1, values.size() - 1));
    for (; begin < end; ++begin) result[static_cast<Index>(order[begin])] = rank;
  }
  return result;
}

/// Kernel matrix of one parameter over the trials, centred so that its functions have mean 0.
MatrixXd centred_kernel(const std::string& parameter, const std::vector<const Trial*>& trials) {
  const auto n = static_cast<Index>(trials.size());
  std::vector<std::string> names;
  std::vector<double> numbers;
  for (const Trial* trial : trials) {
    const auto found = trial->values.find(parameter);
    const space::Value value =
        found == trial->values.end() ? space::Value{std::string{}} : found->second;
    names.push_back(space::to_string(value));
    if (const auto* real = std::get_if<double>(&value)) numbers.push_back(*real);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      numbers.push_back(static_cast<double>(*whole));
    }
  }
  MatrixXd kernel(n, n);
  if (numbers.size() == trials.size()) {
    const VectorXd position = ranks(numbers);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        const double distance = (position[i] - position[j]) / kWidth;
        kernel(i, j) = std::exp(-0.5 * distance * distance);
      }
    }
  } else {
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        kernel(i, j) =
            names[static_cast<std::size_t>(i)] == names[static_cast<std::size_t>(j)] ? 1.0 : 0.0;
      }
    }
  }
  const VectorXd mean = kernel.rowwise().mean();
  const double grand = mean.mean();
  kernel.colwise() -= mean;
  kernel.rowwise() -= mean.transpose();
  kernel.array() += grand;
  return kernel;
}

Importance analyse(const std::vector<std::string>& parameters,
                   const std::vector<const Trial*>& trials, std::size_t objective) {
  Importance result;
  result.trials = trials.size();
  result.shares.assign(parameters.size(), 0.0);
  if (trials.size() < kImportanceLeast || parameters.empty()) return result;
  const auto n = static_cast<Index>(trials.size());

  std::vector<double> raw;
  for (const Trial* trial : trials) raw.push_back(trial->objectives[objective]);
  VectorXd y = ranks(raw);
  y.array() -= y.mean();
  const double variance = y.squaredNorm();
  if (variance < 1e-12) return result;

  std::vector<MatrixXd> kernels;
  MatrixXd sum = MatrixXd::Zero(n, n);
  for (const std::string& parameter : parameters) {
    kernels.push_back(centred_kernel(parameter, trials));
    sum += kernels.back();
  }
  const double scale = sum.trace() / static_cast<double>(n);
  if (scale < 1e-12) return result;  // no parameter varies
  // With K = V diag(e) V', the smoother is V diag(e / (e + ridge)) V' (and the mean, 1/n).
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(sum);
  const VectorXd values = eigen.eigenvalues().cwiseMax(0.0);
  const MatrixXd& vectors = eigen.eigenvectors();
  const VectorXd projected = vectors.transpose() * y;

  double best_error = INFINITY;
  VectorXd weights;
  for (int step = -8; step <= 8; ++step) {
    const double ridge = scale * std::pow(2.0, step);
    const VectorXd shrink = values.array() / (values.array() + ridge);
    const VectorXd residual = y - vectors * shrink.cwiseProduct(projected);
    const VectorXd leverage =
        (vectors.array().square().matrix() * shrink).array() + 1.0 / static_cast<double>(n);
    const double error =
        (residual.array() / (1.0 - leverage.array()).max(1e-6)).matrix().squaredNorm();
    if (error < best_error) {
      best_error = error;
      weights = vectors * (projected.array() / (values.array() + ridge)).matrix();
    }
  }
  // The mean of the others predicts a left-out trial with n / (n - 1) times its distance.
  const double inflate = static_cast<double>(n) / static_cast<double>(n - 1);
  result.fit = 1.0 - best_error / (variance * inflate * inflate);
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    result.shares[p] = (kernels[p] * weights).squaredNorm() / variance;
  }
  return result;
}

}  // namespace

std::vector<Importance> parameter_importance(std::size_t objectives,
                                             const std::vector<std::string>& parameters,
                                             const std::vector<Trial>& trials) {
  std::vector<Importance> result;
  for (std::size_t m = 0; m < objectives; ++m) {
    std::vector<const Trial*> known;
    for (const Trial& trial : trials) {
      if (std::isfinite(trial.objectives[m])) known.push_back(&trial);
    }
    std::vector<const Trial*> used;
    const std::size_t count = std::min(known.size(), kImportanceMost);
    for (std::size_t i = 0; i < count; ++i) used.push_back(known[i * known.size() / count]);
    result.push_back(analyse(parameters, used, m));
  }
  return result;
}

std::vector<std::string> parameter_names(const std::vector<Trial>& trials) {
  std::set<std::string> names;
  for (const Trial& trial : trials) {
    for (const auto& [name, value] : trial.values) names.insert(name);
  }
  return {names.begin(), names.end()};
}

}  // namespace paretiny::report

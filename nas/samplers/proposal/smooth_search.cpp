#include "nas/samplers/proposal/smooth_search.h"

#include <algorithm>
#include <cmath>

#include "kernels/core/random.h"
#include "nas/surrogate/bounded_lbfgs.h"

namespace paretiny::samplers {

using surrogate::RowMatrix;

namespace {

void append(const RowMatrix& points, const std::vector<Eigen::Index>& order,
            std::vector<std::vector<double>>& list) {
  for (const Eigen::Index i : order) list.emplace_back(points.row(i).begin(), points.row(i).end());
}

}  // namespace

RowMatrix snapped(const space::Space& space, RowMatrix points) {
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    const std::vector<double> x =
        space.snap(std::vector<double>(points.row(i).begin(), points.row(i).end()));
    points.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), points.cols());
  }
  return points;
}

std::vector<Eigen::Index> boltzmann(const Eigen::VectorXd& values, std::size_t count,
                                    Random& random) {
  const double mean = values.mean();
  const double deviation = std::sqrt((values.array() - mean).square().mean());
  // The largest of log weight + Gumbel noise are such draws (Efraimidis and Spirakis, 2006).
  Eigen::VectorXd keys(values.size());
  for (Eigen::Index i = 0; i < values.size(); ++i) {
    const double gumbel = -std::log(-std::log(1 - random.uniform() * (1 - 1e-16)));
    keys(i) = (deviation > 0 ? (values(i) - mean) / deviation : 0) + gumbel;
  }
  std::vector<Eigen::Index> chosen = descending(keys);
  chosen.resize(std::min(chosen.size(), count));
  Eigen::Index best = 0;
  values.maxCoeff(&best);
  if (std::find(chosen.begin(), chosen.end(), best) == chosen.end()) chosen.back() = best;
  return chosen;
}

RowMatrix climb(const SmoothAcquisition& acquisition, const space::Space& space,
                const RowMatrix& starts, std::size_t iterations) {
  const Eigen::Index d = starts.cols();
  std::vector<surrogate::BoundedLbfgs> runs;
  for (Eigen::Index i = 0; i < starts.rows(); ++i) {
    runs.emplace_back(starts.row(i).transpose(), Eigen::VectorXd::Zero(d), Eigen::VectorXd::Ones(d),
                      surrogate::BoundedLbfgs::Options{.evaluations = static_cast<int>(iterations),
                                                       .value_tolerance = 1e-6,
                                                       .gradient_tolerance = 1e-6});
  }
  surrogate::minimise_together(
      runs, [&](const std::vector<Eigen::Index>& /*which*/, const RowMatrix& points,
                Eigen::VectorXd& at, RowMatrix& gradients) {
        at = -acquisition(points, &gradients);
        gradients = -gradients;
      });
  RowMatrix ends(starts.rows(), d);
  for (Eigen::Index i = 0; i < ends.rows(); ++i) {
    ends.row(i) = runs[static_cast<std::size_t>(i)].best().transpose();
  }
  return snapped(space, std::move(ends));
}

std::vector<std::vector<double>> smooth_search(const SmoothAcquisition& acquisition,
                                               const space::Space& space,
                                               const SmoothSearchOptions& options,
                                               std::uint64_t seed, std::uint64_t trial) {
  Random random(seed, "smooth search", trial);
  const std::uint64_t key = random.key();
  const RowMatrix raw = sobol_points(space, static_cast<Eigen::Index>(options.raw), key);
  const Eigen::VectorXd values = acquisition(raw, nullptr);

  const RowMatrix ends =
      climb(acquisition, space, raw(boltzmann(values, options.restarts, random), Eigen::all),
            options.iterations);
  std::vector<std::vector<double>> list;
  append(ends, descending(acquisition(ends, nullptr)), list);
  append(raw, descending(values), list);
  return list;
}

}  // namespace paretiny::samplers

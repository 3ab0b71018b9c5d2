#include "nas/surrogate/posterior_paths.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numbers>

#include "kernels/core/random.h"
#include "nas/space/sobol.h"

namespace paretiny::surrogate {
namespace {

/// Random features of the prior, a cosine and a sine a frequency, so that the variance is exact;
/// the error of their correlations falls with the root of this.
constexpr std::int64_t kFeatures = 1024;
/// Matern-5/2 is the characteristic function of Student's t of 5 degrees of freedom.
constexpr int kDegrees = 5;
/// Quantiles are taken this far from 0 and 1.
constexpr double kLeastShare = 0x1p-54;

}  // namespace

PosteriorPaths::PosteriorPaths(const Surrogates& surrogates, std::int64_t paths, std::uint64_t key)
    : surrogates_(surrogates), paths_(paths) {
  Stream& stream = surrogates.stream();
  const bayes::GpShape& shape = surrogates.shape();
  const Eigen::Index n = shape.points, d = shape.dimensions;
  RowMatrix frequencies(kFeatures, d);
  RowMatrix phases(1, kFeatures);
  const space::SobolSequence spectrum(static_cast<std::size_t>(d) + 1,
                                      random_key(key, "path spectrum"));
  std::vector<double> u(spectrum.dimensions());
  for (Eigen::Index f = 0; f < kFeatures; f += 2) {
    spectrum.point(static_cast<std::uint64_t>(f / 2), u.data());
    for (double& share : u) share = std::clamp(share, kLeastShare, 1 - kLeastShare);
    const double scale =
        std::sqrt(kDegrees / quantile(boost::math::chi_squared(kDegrees), u.back()));
    for (Eigen::Index k = 0; k < d; ++k) {
      frequencies(f, k) = scale * quantile(boost::math::normal(), u[static_cast<std::size_t>(k)]);
    }
    frequencies.row(f + 1) = frequencies.row(f);
    phases(0, f) = 0;
    phases(0, f + 1) = -std::numbers::pi / 2;
  }

  const RowMatrix parameters =
      DeviceArray::download(stream, surrogates.state().parameters, shape.sets);
  const RowMatrix roots =
      DeviceArray::download(stream, surrogates.state().inverse_root, shape.sets * n);
  RowMatrix weights = RowMatrix::Zero(shape.sets * paths, kFeatures + n);
  for (Eigen::Index s = 0; s < shape.sets; ++s) {
    const TrainingSet& set = surrogates.training(static_cast<std::size_t>(s));
    const Eigen::Index count = set.y.size();
    const double mean = parameters(s, 0);
    Eigen::RowVectorXd noise = Eigen::RowVectorXd::Constant(count, parameters(s, 2));
    if (set.deviation.size() != 0) noise.array() += set.deviation.array().square().transpose();
    noise = noise.cwiseSqrt();
    auto mine = weights.middleRows(s * paths, paths);
    Random random(key, "path weights", static_cast<std::uint64_t>(s));
    const double amplitude = std::sqrt(2 * parameters(s, 1) / static_cast<double>(kFeatures));
    for (Eigen::Index p = 0; p < paths; ++p) {
      for (Eigen::Index f = 0; f < kFeatures; ++f) mine(p, f) = amplitude * random.normal();
    }
    // What the drawn function plus noise misses of each observation is made good by the update.
    const RowMatrix z = set.x * parameters.row(s).tail(d).asDiagonal();
    RowMatrix basis = z * frequencies.transpose();
    basis.rowwise() += phases.row(0);
    basis = basis.array().cos();
    RowMatrix missed = -(mine.leftCols(kFeatures) * basis.transpose());
    missed.array() -= mean;
    missed.rowwise() += set.y.transpose();
    for (Eigen::Index p = 0; p < paths; ++p) {
      for (Eigen::Index i = 0; i < count; ++i) missed(p, i) -= noise(i) * random.normal();
    }
    const auto root = roots.middleRows(s * n, count).leftCols(count).triangularView<Eigen::Lower>();
    const RowMatrix half = missed * root.transpose();
    mine.middleCols(kFeatures, count) = half * root;
  }
  frequencies_ = DeviceArray(stream, frequencies);
  phases_ = DeviceArray(stream, DType::f64, {1, 1, 1, kFeatures}, phases.data());
  weights_ = DeviceArray(stream, DType::f64, {shape.sets, 1, paths, kFeatures + n}, weights.data());
  views_ = {frequencies_, phases_, weights_};
}

RowMatrix PosteriorPaths::values(const RowMatrix& queries) const {
  Stream& stream = surrogates_.stream();
  const std::int64_t sets = surrogates_.shape().sets;
  const DeviceArray at(stream, queries);
  const DeviceArray values(stream, DType::f64, {sets, 1, queries.rows(), paths_});
  bayes::gp_paths(stream, surrogates_.shape(), surrogates_.state(), views_, at, values);
  return values.download(stream, sets * queries.rows());
}

RowMatrix PosteriorPaths::gradient(const RowMatrix& queries, const RowMatrix& slopes) const {
  Stream& stream = surrogates_.stream();
  const std::int64_t sets = surrogates_.shape().sets;
  const DeviceArray at(stream, queries);
  const DeviceArray by(stream, DType::f64, {sets, 1, queries.rows(), paths_}, slopes.data());
  const DeviceArray gradient(stream, DType::f64, {1, 1, queries.rows(), queries.cols()});
  bayes::gp_paths_backward(stream, surrogates_.shape(), surrogates_.state(), views_, at, by,
                           gradient);
  return gradient.download(stream, queries.rows());
}

}  // namespace paretiny::surrogate

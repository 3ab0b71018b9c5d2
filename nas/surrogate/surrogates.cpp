#include "nas/surrogate/surrogates.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace paretiny::surrogate {
namespace {

/// Relative to the values' size; less is no variation.
constexpr double kLeastDeviation = 1e-8;

/// Of a standardised value: it tells nothing then, and its square is a number.
constexpr double kMostDeviation = 1e6;

/// In units of the largest value, whose square may be no number.
Standard standard_of(const Eigen::VectorXd& y) {
  const double largest = y.cwiseAbs().maxCoeff();
  const double unit = largest > 0 ? largest : 1;
  const Eigen::ArrayXd values = y.array() / unit;
  Standard standard{unit * values.mean(), 1};
  if (y.size() < 2) return standard;
  const double deviation =
      std::sqrt((values - values.mean()).square().sum() / static_cast<double>(y.size() - 1));
  if (deviation >= kLeastDeviation) standard.scale = unit * deviation;
  return standard;
}

void check(const std::vector<TrainingSet>& sets) {
  if (sets.empty()) throw UsageError("surrogates were given nothing to learn from");
  for (const TrainingSet& set : sets) {
    if (set.x.rows() < 1 || set.x.rows() != set.y.size() || set.x.cols() != sets[0].x.cols()) {
      throw UsageError(
          fmt::format("a surrogate was given {} points of {} coordinates and {} values",
                      set.x.rows(), set.x.cols(), set.y.size()));
    }
    if (!set.x.allFinite() || !set.y.allFinite()) {
      throw UsageError("a surrogate was given points or values that are not finite");
    }
    const Eigen::VectorXd& deviation = set.deviation;
    if (deviation.size() != 0 &&
        (deviation.size() != set.y.size() || !deviation.allFinite() || deviation.minCoeff() < 0)) {
      throw UsageError("a surrogate was given deviations that are none of its values");
    }
  }
}

}  // namespace

Surrogates::Surrogates(Stream& stream, const std::vector<TrainingSet>& sets,
                       const RowMatrix& pending, const std::stop_token& stop)
    : stream_(stream), training_(sets) {
  check(sets);
  for (TrainingSet& set : training_) {
    standards_.push_back(standard_of(set.y));
    set.y = (set.y.array() - standards_.back().centre) / standards_.back().scale;
    set.deviation = (set.deviation / standards_.back().scale).cwiseMin(kMostDeviation);
  }
  shape_.sets = static_cast<std::int64_t>(sets.size());
  shape_.dimensions = sets[0].x.cols();
  Uploaded arrays;
  const bayes::GpData data = upload(arrays);
  hyperparameters_ =
      fit_hyperparameters(stream, shape_, data, prior_mode(shape_.dimensions).transpose(), stop);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    if (sets[s].hyperparameters.size() == 0) continue;
    hyperparameters_.row(static_cast<Eigen::Index>(s)) = sets[s].hyperparameters.transpose();
  }
  condition(data);
  if (pending.rows() == 0) return;

  const Belief belief = predict(pending);
  for (std::size_t s = 0; s < training_.size(); ++s) {
    TrainingSet& set = training_[s];
    const Eigen::Index n = set.y.size();
    set.x.conservativeResize(n + pending.rows(), Eigen::NoChange);
    set.x.bottomRows(pending.rows()) = pending;
    set.y.conservativeResize(n + pending.rows());
    if (set.deviation.size() != 0) {
      set.deviation.conservativeResize(n + pending.rows());
      set.deviation.tail(pending.rows()).setZero();
    }
    for (Eigen::Index i = 0; i < pending.rows(); ++i) {
      set.y(n + i) = standards_[s].of(belief.mean(static_cast<Eigen::Index>(s), i));
    }
  }
  condition(upload(arrays));
}

bayes::GpData Surrogates::upload(Uploaded& to) {
  const auto larger = [](const TrainingSet& a, const TrainingSet& b) {
    return a.y.size() < b.y.size();
  };
  shape_.points = std::max_element(training_.begin(), training_.end(), larger)->y.size();
  const Eigen::Index sets = shape_.sets;
  RowMatrix all_x = RowMatrix::Zero(sets * shape_.points, shape_.dimensions);
  RowMatrix all_y = RowMatrix::Zero(sets, shape_.points);
  RowMatrix all_noise = all_y;
  bool believed = false;
  std::vector<std::int32_t> used;
  for (Eigen::Index s = 0; s < sets; ++s) {
    const TrainingSet& set = training_[static_cast<std::size_t>(s)];
    all_x.middleRows(s * shape_.points, set.x.rows()) = set.x;
    all_y.row(s).head(set.y.size()) = set.y.transpose();
    if (set.deviation.size() != 0) {
      all_noise.row(s).head(set.y.size()) = set.deviation.array().square().transpose();
      believed = true;
    }
    used.push_back(static_cast<std::int32_t>(set.y.size()));
  }
  to.x =
      DeviceArray(stream_, DType::f64, {sets, 1, shape_.points, shape_.dimensions}, all_x.data());
  to.y = DeviceArray(stream_, DType::f64, {sets, 1, 1, shape_.points}, all_y.data());
  to.counts = DeviceArray(stream_, DType::i32, {1, 1, 1, sets}, used.data());
  if (!believed) return {to.x, to.y, to.counts};
  to.noise = DeviceArray(stream_, DType::f64, {sets, 1, 1, shape_.points}, all_noise.data());
  return {to.x, to.y, to.counts, to.noise};
}

void Surrogates::condition(const bayes::GpData& data) {
  const std::int64_t sets = shape_.sets, n = shape_.points, d = shape_.dimensions;
  scaled_ = DeviceArray(stream_, DType::f64, {sets, 1, n, d});
  inverse_root_ = DeviceArray(stream_, DType::f64, {sets, 1, n, n});
  weights_ = DeviceArray(stream_, DType::f64, {sets, 1, 1, n});
  parameters_ = DeviceArray(stream_, DType::f64, {sets, 1, 1, d + 3});
  state_ = {scaled_, inverse_root_, weights_, parameters_};
  const DeviceArray theta(stream_, DType::f64, {sets, 1, 1, d + 2}, hyperparameters_.data());
  const DeviceArray jitter(stream_, DType::f64, {1, 1, 1, sets});
  bayes::gp_condition(stream_, shape_, data, theta, state_, jitter);
  if (!jitter.download(stream_, 1).allFinite()) {
    throw Error(
        fmt::format("the covariance of {} trials is not positive definite, even with a "
                    "jitter on its diagonal",
                    n));
  }
}

Surrogates::Belief Surrogates::predict(const RowMatrix& queries) const {
  if (queries.cols() != shape_.dimensions) {
    throw UsageError(fmt::format("surrogates of {} coordinates were asked about points of {}",
                                 shape_.dimensions, queries.cols()));
  }
  const Shape beliefs{1, 1, shape_.sets, queries.rows()};
  const DeviceArray at(stream_, queries);
  const DeviceArray mean(stream_, DType::f64, beliefs);
  const DeviceArray variance(stream_, DType::f64, beliefs);
  bayes::gp_posterior(stream_, shape_, state_, {.queries = at, .mean = mean, .variance = variance});
  Belief belief{mean.download(stream_, shape_.sets), variance.download(stream_, shape_.sets)};
  for (Eigen::Index s = 0; s < shape_.sets; ++s) {
    const Standard& standard = standards_[static_cast<std::size_t>(s)];
    belief.mean.row(s).array() = standard.centre + standard.scale * belief.mean.row(s).array();
    belief.deviation.row(s).array() = standard.scale * belief.deviation.row(s).array().sqrt();
  }
  return belief;
}

}  // namespace paretiny::surrogate

#include "nas/samplers/path_acquisition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nas/samplers/parallel_for.h"

namespace paretiny {
namespace {

/// Width of the chance of meeting a limit in one draw, in deviations of what was measured.
constexpr double kLimitWidth = 1e-3;

/// log of a sigmoid with the tail of a power, squareplus' slope, and its derivative.
double log_fat_sigmoid(double t, double width, double& slope) {
  const double root = std::sqrt(t * t + 4 * width * width);
  const double value = squareplus_slope(t, width);
  slope = 2 * width * width / (root * root * root * value);
  return std::log(value);
}

}  // namespace

PathAcquisition::PathAcquisition(const Knowledge& knowledge, const PosteriorPaths& paths,
                                 const Surrogates& surrogates, std::unique_ptr<PathGain> gain)
    : paths_(paths),
      surrogates_(surrogates),
      gain_(std::move(gain)),
      quantities_(knowledge.quantities) {
  const std::size_t objectives = knowledge.objectives;
  for (std::size_t s = 0; s < knowledge.quantities.size(); ++s) {
    limits_.push_back(surrogates.standard(s).of(knowledge.quantities[s].limit));
    objectives_ += knowledge.quantities[s].number < objectives ? 1 : 0;
  }
}

double PathAcquisition::average(const RowMatrix& values, Eigen::Index point, Eigen::Index points,
                                RowMatrix* slopes) const {
  const auto sets = static_cast<Eigen::Index>(limits_.size());
  const Eigen::Index draws = values.cols();
  RowMatrix by(draws, sets);  // derivatives of each draw's log
  Eigen::ArrayXd logs = Eigen::ArrayXd::Zero(draws);
  Eigen::VectorXd objectives(objectives_);
  for (Eigen::Index p = 0; p < draws; ++p) {
    by.row(p).setZero();
    if (gain_) {
      for (Eigen::Index s = 0; s < objectives_; ++s) objectives(s) = values(s * points + point, p);
      logs(p) = (*gain_)(static_cast<std::size_t>(p), objectives.data(), by.row(p).data());
    }
    for (Eigen::Index s = 0; s < sets; ++s) {
      const double limit = limits_[static_cast<std::size_t>(s)];
      if (!std::isfinite(limit)) continue;
      double slope = 0;
      logs(p) += log_fat_sigmoid(limit - values(s * points + point, p), kLimitWidth, slope);
      by(p, s) -= slope;
    }
  }
  const double top = logs.maxCoeff();
  const Eigen::ArrayXd shares = (logs - top).exp();
  const double sum = shares.sum();
  if (slopes != nullptr) {
    for (Eigen::Index s = 0; s < sets; ++s) {
      slopes->row(s * points + point) = (shares / sum * by.col(s).array()).matrix().transpose();
    }
  }
  return top + std::log(sum / static_cast<double>(draws));
}

Eigen::VectorXd PathAcquisition::operator()(const RowMatrix& points, RowMatrix* gradients,
                                            const RowMatrix* certain) const {
  const Eigen::Index q = points.rows();
  RowMatrix values = paths_.values(points);
  for (std::size_t s = 0; s < quantities_.size() && certain != nullptr; ++s) {
    const auto objective = static_cast<Eigen::Index>(quantities_[s].number);
    for (Eigen::Index i = 0; i < q && objective < certain->rows(); ++i) {
      const double value = (*certain)(objective, i);
      if (std::isnan(value)) continue;
      values.row(static_cast<Eigen::Index>(s) * q + i)
          .setConstant(surrogates_.standard(s).of(tempered(value, quantities_[s].limit)));
    }
  }
  RowMatrix slopes;
  if (gradients != nullptr) slopes.resize(values.rows(), values.cols());
  Eigen::VectorXd result(q);
  parallel_for(static_cast<std::size_t>(q), [&](std::size_t i) {
    const auto at = static_cast<Eigen::Index>(i);
    result(at) = average(values, at, q, gradients == nullptr ? nullptr : &slopes);
  });
  if (gradients != nullptr) *gradients = paths_.gradient(points, slopes);
  return result;
}

RowMatrix baseline(const Knowledge& knowledge) {
  const auto feasible = [](const Knowledge::Trial& t) { return t.complete && t.violation == 0; };
  std::vector<Eigen::Index> rows;
  for (std::size_t i = 0; i < knowledge.trials.size(); ++i) {
    if (feasible(knowledge.trials[i])) rows.push_back(static_cast<Eigen::Index>(i));
  }
  RowMatrix points(static_cast<Eigen::Index>(rows.size()) + knowledge.pending.rows(),
                   knowledge.measured.cols());
  points << knowledge.measured(rows, Eigen::all), knowledge.pending;
  return points;
}

}  // namespace paretiny

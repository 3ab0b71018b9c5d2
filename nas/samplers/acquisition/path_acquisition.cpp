#include "nas/samplers/acquisition/path_acquisition.h"

#include <cmath>

#include "kernels/core/threads.h"

namespace paretiny::samplers {

using surrogate::RowMatrix;

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

PathAcquisition::PathAcquisition(const Knowledge& knowledge, const surrogate::PosteriorPaths& paths,
                                 const surrogate::Surrogates& surrogates,
                                 std::unique_ptr<PathGain> gain)
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

RowMatrix PathAcquisition::logs_of(const RowMatrix& values, Eigen::Index q,
                                   RowMatrix* slopes) const {
  RowMatrix logs = RowMatrix::Zero(q, values.cols());
  if (slopes != nullptr) slopes->setZero(values.rows(), values.cols());
  // One by one: the calls differ in cost, and each writes to its own column.
  parallel_each(values.cols(), true, [&](std::int64_t path) {
    const auto p = static_cast<Eigen::Index>(path);
    if (gain_) {
      const RowMatrix objectives =
          values.col(p).head(objectives_ * q).reshaped<Eigen::RowMajor>(objectives_, q);
      RowMatrix by;
      logs.col(p) =
          (*gain_)(static_cast<std::size_t>(path), objectives, slopes == nullptr ? nullptr : &by);
      if (slopes != nullptr) slopes->col(p).head(by.size()) = by.reshaped<Eigen::RowMajor>();
    }
    for (std::size_t s = 0; s < limits_.size(); ++s) {
      if (!std::isfinite(limits_[s])) continue;
      for (Eigen::Index i = 0; i < q; ++i) {
        const Eigen::Index row = static_cast<Eigen::Index>(s) * q + i;
        double slope = 0;
        logs(i, p) += log_fat_sigmoid(limits_[s] - values(row, p), kLimitWidth, slope);
        if (slopes != nullptr) (*slopes)(row, p) -= slope;
      }
    }
  });
  return logs;
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
          .setConstant(surrogates_.standard(s).of(value));
    }
  }
  RowMatrix slopes;
  RowMatrix shares = logs_of(values, q, gradients == nullptr ? nullptr : &slopes);
  Eigen::VectorXd result(q);
  for (Eigen::Index i = 0; i < q; ++i) {
    const double top = shares.row(i).maxCoeff();
    shares.row(i) = (shares.row(i).array() - top).exp();
    const double sum = shares.row(i).sum();
    shares.row(i) /= sum;
    result(i) = top + std::log(sum / static_cast<double>(shares.cols()));
  }
  if (gradients != nullptr) {
    for (Eigen::Index row = 0; row < slopes.rows(); ++row) {
      slopes.row(row).array() *= shares.row(row % q).array();
    }
    *gradients = paths_.gradient(points, slopes);
  }
  return result;
}

RowMatrix baseline(const Knowledge& knowledge) {
  const auto feasible = [](const Knowledge::MeasuredTrial& t) {
    return t.complete && t.violation == 0;
  };
  std::vector<Eigen::Index> rows;
  for (const std::size_t i : knowledge.learnt) {
    if (feasible(knowledge.trials[i])) rows.push_back(static_cast<Eigen::Index>(i));
  }
  RowMatrix points(static_cast<Eigen::Index>(rows.size()) + knowledge.pending.rows(),
                   knowledge.measured.cols());
  points << knowledge.measured(rows, Eigen::all), knowledge.pending;
  return points;
}

}  // namespace paretiny::samplers

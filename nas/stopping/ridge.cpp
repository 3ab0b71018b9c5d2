#include "nas/stopping/ridge.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace paretiny::stopping {
namespace {

/// A row: how many times the variance of a standardised column counts as noise. From the simplest.
constexpr double kPenalties[] = {3, 1, 0.3, 0.1, 0.03};
/// Standard deviations are at least this share of the targets' size: rounding errors teach nothing.
constexpr double kSmallest = 1e-9;

}  // namespace

Ridge::Ridge(const Features& rows, const std::vector<double>& targets, std::size_t leading)
    : error_(std::numeric_limits<double>::infinity()) {
  const std::size_t all = rows.front().size();
  fit(rows, targets, 0, 1);
  for (const std::size_t columns : {std::min(leading, all), all}) {
    for (const double penalty : kPenalties) {
      if (columns > 0) fit(rows, targets, columns, penalty);
    }
  }
}

void Ridge::fit(const Features& rows, const std::vector<double>& targets, std::size_t count,
                double penalty) {
  const Eigen::VectorXd y =
      Eigen::Map<const Eigen::VectorXd>(targets.data(), static_cast<Eigen::Index>(targets.size()));
  const Eigen::Index n = y.size();
  std::vector<Column> columns;
  Eigen::MatrixXd z(n, static_cast<Eigen::Index>(count));
  for (std::size_t c = 0; c < count; ++c) {
    Eigen::VectorXd values(n);
    for (Eigen::Index i = 0; i < n; ++i) values[i] = rows[static_cast<std::size_t>(i)][c];
    if (!values.allFinite()) continue;
    const double centre = values.mean();
    const double scale =
        std::sqrt((values.array() - centre).square().sum() / static_cast<double>(n));
    if (!(scale > kSmallest * (1 + std::abs(centre)))) continue;
    z.col(static_cast<Eigen::Index>(columns.size())) = (values.array() - centre) / scale;
    columns.push_back({c, centre, scale, values.minCoeff(), values.maxCoeff()});
  }
  const auto width = static_cast<Eigen::Index>(columns.size());
  if (count > 0 && width == 0) return;
  z.conservativeResize(n, width);

  // Residuals on an example left out follow from the hat matrix: r_i / (1 - h_ii).
  const double mean = y.mean();
  const Eigen::VectorXd centred = y.array() - mean;
  const Eigen::MatrixXd gram = z.transpose() * z + penalty * static_cast<double>(n) *
                                                       Eigen::MatrixXd::Identity(width, width);
  const Eigen::LLT<Eigen::MatrixXd> solver(gram);
  const Eigen::VectorXd weights = solver.solve(z.transpose() * centred);
  const Eigen::MatrixXd inner = solver.solve(z.transpose());
  double absolute = 0, square = 0;
  for (Eigen::Index i = 0; i < n; ++i) {
    const double hat = 1 / static_cast<double>(n) + z.row(i).dot(inner.col(i));
    const double residual = (centred[i] - z.row(i).dot(weights)) / (1 - hat);
    absolute += std::abs(residual) / static_cast<double>(n);
    square += residual * residual / static_cast<double>(n);
  }
  if (!(absolute < error_)) return;
  error_ = absolute;
  columns_ = std::move(columns);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].weight = weights[static_cast<Eigen::Index>(i)];
  }
  mean_ = mean;
  deviation_ = std::max(std::sqrt(square), kSmallest * (1 + y.cwiseAbs().maxCoeff()));
}

double Ridge::predict(const std::vector<double>& row) const {
  double sum = mean_;
  for (const Column& column : columns_) {
    const double value = row[column.index];
    if (!std::isfinite(value)) return std::numeric_limits<double>::quiet_NaN();
    const double seen = std::clamp(value, column.low, column.high);
    sum += column.weight * (seen - column.centre) / column.scale;
  }
  return sum;
}

}  // namespace paretiny::stopping

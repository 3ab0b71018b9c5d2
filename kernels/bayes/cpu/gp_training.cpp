// A likelihood of n points in d dimensions takes about d n^2 / 2 multiplications for the
// covariance, n^3 / 6 for its root and n^3 / 6 for the inverse of that; the gradient d n^2 / 2 and
// n^3 / 6 more.
#include "kernels/bayes/cpu/gp_training.h"

#include <cmath>
#include <numbers>

namespace paretiny::cpu {

std::int64_t Training::doubles(const bayes::GpShape& shape) {
  const std::int64_t room = panels_of(shape.points) * kWide;
  return 3 * Panels::doubles(shape.points) + (shape.dimensions + 4) * room + shape.dimensions;
}

bool Training::condition(const bayes::GpData& data, std::int64_t set,
                         const double* hyperparameters) {
  const std::int64_t d = shape_.dimensions;
  count_ = data.counts.as<std::int32_t>()[set];
  double* next = scratch_;
  for (Panels* panels : {&covariance_, &slope_, &inverse_root_}) {
    *panels = Panels(count_, next);
    next += Panels::doubles(count_);
  }
  for (double** vector : {&weights_, &targets_, &whitened_, &row_sums_}) {
    *vector = next;
    next += room();
  }
  z_ = next;
  inverse_lengthscales_ = next + d * room();

  scale_ = std::exp(hyperparameters[0]);
  for (std::int64_t k = 0; k < d; ++k) {
    inverse_lengthscales_[k] = std::exp(-hyperparameters[1 + k]);
  }
  noise_ = std::exp(hyperparameters[d + 1]);
  own_noise_ = data.noise.data == nullptr ? nullptr : data.noise.as<double>() + set * shape_.points;
  mean_own_noise_ = 0;
  for (std::int64_t i = 0; own_noise_ != nullptr && i < count_; ++i) {
    mean_own_noise_ += own_noise_[i] / static_cast<double>(count_);
  }
  lay_out(data.x.as<double>() + set * shape_.points * d);
  jitter_ = factorise_with_jitter(covariance_, [this](double jitter) { fill_covariance(jitter); });
  if (std::isnan(jitter_)) return false;
  invert_transposed(covariance_, inverse_root_);
  solve(data.y.as<double>() + set * shape_.points);
  return true;
}

void Training::lay_out(const double* x) {
  const std::int64_t d = shape_.dimensions;
  for (std::int64_t k = 0; k < d; ++k) {
    double* row = z_ + k * room();
    for (std::int64_t i = 0; i < count_; ++i) row[i] = x[i * d + k] * inverse_lengthscales_[k];
    std::fill(row + count_, row + room(), 0.0);
  }
}

void Training::fill_covariance(double jitter) {
  const double diagonal = scale_ + noise_ + jitter * (scale_ + noise_ + mean_own_noise_);
  for (std::int64_t block = 0; block < covariance_.count; ++block) {
    for (std::int64_t panel = block; panel < covariance_.count; ++panel) {
      fill_block(block, panel, diagonal);
    }
  }
}

void Training::fill_block(std::int64_t block, std::int64_t panel, double diagonal) {
  const std::int64_t row = block * kWide;
  F64x8 squared[kWide] = {};
  for (std::int64_t k = 0; k < shape_.dimensions; ++k) {
    const double* z = z_ + k * room();
    F64x8 columns;
    load(columns, z + panel * kWide);
    for (int r = 0; r < kWide; ++r) {
      const F64x8 difference = columns - z[row + r];
      squared[r] += difference * difference;
    }
  }
  for (int r = 0; r < kWide; ++r) {
    F64x8 value, slope;
    bayes::correlate<VectorMath>(shape_.covariance, squared[r], value, slope);
    store(covariance_.at(row + r, panel), scale_ * value);
    store(slope_.at(row + r, panel), scale_ * slope);
  }
  const auto used = std::min<std::int64_t>(count_ - panel * kWide, kWide);
  for (int r = 0; r < kWide; ++r) {
    double* values = covariance_.at(row + r, panel);
    double* slopes = slope_.at(row + r, panel);
    for (std::int64_t j = used; j < kWide; ++j) values[j] = slopes[j] = 0;
    if (block != panel) continue;
    for (std::int64_t j = 0; j <= r; ++j) slopes[j] = 0;
    values[r] = r < used ? diagonal : 1.0;
    if (r < used && own_noise_ != nullptr) values[r] += own_noise_[row + r];
  }
}

void Training::solve(const double* y) {
  std::copy_n(y, count_, targets_);
  std::fill(targets_ + count_, targets_ + room(), 0.0);
  double along = 0, square = 0;
  for (std::int64_t i = 0; i < count_; ++i) {
    F64x8 product{}, sum{};
    for (std::int64_t panel = 0; panel <= i / kWide; ++panel) {
      F64x8 root, target;
      load(root, inverse_root_.at(i, panel));
      load(target, targets_ + panel * kWide);
      product += root * target;
      sum += root;
    }
    whitened_[i] = sum_of(product);
    row_sums_[i] = sum_of(sum);
    along += row_sums_[i] * whitened_[i];
    square += row_sums_[i] * row_sums_[i];
  }
  mean_ = shape_.mean == bayes::PriorMean::likeliest ? along / square : 0.0;
  squared_residual_ = 0;
  for (std::int64_t i = 0; i < count_; ++i) {
    whitened_[i] -= mean_ * row_sums_[i];
    squared_residual_ += whitened_[i] * whitened_[i];
  }
  for (std::int64_t panel = 0; panel < inverse_root_.count; ++panel) {
    F64x8 sum{};
    for (std::int64_t i = panel * kWide; i < count_; ++i) {
      F64x8 root;
      load(root, inverse_root_.at(i, panel));
      sum += root * whitened_[i];
    }
    store(weights_ + panel * kWide, sum);
  }
}

double Training::log_likelihood() const {
  double half_log_determinant = 0;
  for (std::int64_t i = 0; i < count_; ++i) {
    half_log_determinant += std::log(covariance_.element(i, i));
  }
  return -0.5 * squared_residual_ - half_log_determinant -
         0.5 * static_cast<double>(count_) * std::log(2 * std::numbers::pi);
}

void Training::gradient(double* gradient) const {
  // The derivative by t is the sum over all pairs of weight x dK/dt with
  // weight = (alpha alpha^T - K^-1) / 2 and K^-1 = L^-T L^-1: of the pairs above the diagonal,
  // twice.
  const std::int64_t d = shape_.dimensions;
  const Panels& root = inverse_root_;
  std::fill_n(gradient, d + 2, 0.0);
  double trace = 0;      // of alpha alpha^T - K^-1
  double own_trace = 0;  // the same, each element times its point's own noise
  for (std::int64_t block = 0; block < root.count; ++block) {
    const std::int64_t row = block * kWide;
    for_tiles(block, root.count, [&](std::int64_t panel, auto width) {
      const std::int64_t first = panel * kWide;
      F64x8 pair[kWide][width];
      multiply(transposed(root, first, block), root.at(first, panel), root.pitch(),
               root.rows() - first, pair);
      for (int r = 0; r < kWide; ++r) {
        const double alpha = weights_[row + r];
        if (panel == block && row + r < count_) {
          const double element = alpha * alpha - pair[r][0][r];
          trace += element;
          if (own_noise_ != nullptr) own_trace += own_noise_[row + r] * element;
        }
        for (int p = 0; p < width; ++p) {
          F64x8 other, slope;
          load(other, weights_ + first + p * kWide);
          load(slope, slope_.at(row + r, panel + p));
          pair[r][p] = (alpha * other - pair[r][p]) * slope;
        }
      }
      for (std::int64_t k = 0; k < d; ++k) {
        const double* z = z_ + k * room();
        F64x8 columns[width], sum[width] = {};
        for (int p = 0; p < width; ++p) load(columns[p], z + first + p * kWide);
        for (int r = 0; r < kWide; ++r) {
          for (int p = 0; p < width; ++p) {
            const F64x8 difference = columns[p] - z[row + r];
            sum[p] += pair[r][p] * difference * difference;
          }
        }
        for (int p = 1; p < width; ++p) sum[0] += sum[p];
        gradient[1 + k] += sum_of(sum[0]);
      }
    });
  }
  own_trace += jitter_ * mean_own_noise_ * trace;
  // Output scale and noise together scale the whole covariance, jitter included, but for what is
  // a point's own.
  gradient[d + 1] = 0.5 * noise_ * (1 + jitter_) * trace;
  gradient[0] =
      0.5 * (squared_residual_ - static_cast<double>(count_) - own_trace) - gradient[d + 1];
}

}  // namespace paretiny::cpu

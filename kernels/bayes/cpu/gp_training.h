// What gp_likelihood and gp_condition share: a training set under given hyperparameters, in one
// thread's scratch.
#pragma once

#include "kernels/bayes/covariance.h"
#include "kernels/bayes/cpu/triangular.h"

namespace paretiny::cpu {

class Training {
 public:
  /// Doubles of scratch for a set of up to `points` points.
  static std::int64_t doubles(const bayes::GpShape& shape);
  /// About the multiplications of a `condition`.
  static std::int64_t products(const bayes::GpShape& shape) {
    return shape.points * shape.points * (shape.dimensions + shape.points / 2);
  }

  Training(const bayes::GpShape& shape, double* scratch) : shape_(shape), scratch_(scratch) {}

  /// Set `set` under a row of d + 2 hyperparameters: its covariance, factor, mean and weights.
  /// False where no jitter helped.
  [[nodiscard]] bool condition(const bayes::GpData& data, std::int64_t set,
                               const double* hyperparameters);

  /// After a `condition` that succeeded.
  double log_likelihood() const;
  void gradient(double* gradient) const;  ///< [d + 2]

  std::int64_t count() const { return count_; }
  double scale() const { return scale_; }
  double noise() const { return noise_; }
  double jitter() const { return jitter_; }
  double mean() const { return mean_; }
  const double* inverse_lengthscales() const { return inverse_lengthscales_; }  ///< [d]
  const double* weights() const { return weights_; }                            ///< [count]
  double scaled(std::int64_t point, std::int64_t k) const { return z_[k * room() + point]; }
  const Panels& inverse_root() const { return inverse_root_; }

 private:
  std::int64_t room() const { return covariance_.rows(); }
  void lay_out(const double* x);
  void fill_covariance(double jitter);
  void fill_block(std::int64_t block, std::int64_t panel, double diagonal);
  void solve(const double* y);

  const bayes::GpShape& shape_;
  double* scratch_;
  const double* own_noise_ = nullptr;  ///< of each point beside noise_, or null
  double mean_own_noise_ = 0;
  std::int64_t count_ = 0;
  double scale_ = 0, noise_ = 0, jitter_ = 0, mean_ = 0;
  double squared_residual_ = 0;  ///< (y - mean)^T covariance^-1 (y - mean)
  double* inverse_lengthscales_ = nullptr;
  double* z_ = nullptr;        ///< [d, room], x over the lengthscales, padded with 0
  double* weights_ = nullptr;  ///< [room], covariance^-1 (y - mean), padded with 0
  double* targets_ = nullptr;  ///< [room] each
  double* whitened_ = nullptr;
  double* row_sums_ = nullptr;
  Panels covariance_{0, nullptr};  ///< upper triangle, then its factor
  Panels slope_{0, nullptr};       ///< output scale times slope, above the diagonal
  Panels inverse_root_{0, nullptr};
};

}  // namespace paretiny::cpu

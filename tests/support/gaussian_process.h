// For the tests of Gaussian processes: training sets on a device, and a plain judge in double
// precision.
#pragma once

#include <algorithm>
#include <numbers>

#include "kernels/bayes/gp_posterior.h"
#include "tests/support/kernels.h"

namespace paretiny::test {

using Values = std::vector<double>;

inline constexpr bayes::Covariance kCovariances[] = {bayes::Covariance::matern52,
                                                     bayes::Covariance::rbf};
inline constexpr bayes::PriorMean kMeans[] = {bayes::PriorMean::zero, bayes::PriorMean::likeliest};

/// What one training set is and asks for, on the host.
struct GpProblem {
  bayes::Covariance covariance = bayes::Covariance::matern52;
  bayes::PriorMean mean = bayes::PriorMean::likeliest;
  std::int64_t points = 0, dimensions = 0;
  Values x;                ///< [points, d]
  Values y;                ///< [points]
  Values hyperparameters;  ///< [d + 2], logarithms
  Values own_noise{};      ///< [points], or empty for none

  /// A function with noise about it at random points of the unit cube.
  static GpProblem random(bayes::Covariance covariance, bayes::PriorMean mean, std::int64_t points,
                          std::int64_t dimensions, std::uint64_t seed) {
    Random random(seed, "gaussian process test");
    GpProblem problem{covariance, mean, points, dimensions, {}, {}, {}};
    for (std::int64_t i = 0; i < points; ++i) {
      double sum = 2;
      for (std::int64_t k = 0; k < dimensions; ++k) {
        problem.x.push_back(random.uniform());
        sum += std::sin(6 * problem.x.back()) / static_cast<double>(1 + k);
      }
      problem.y.push_back(sum + 0.05 * random.normal());
    }
    problem.hyperparameters.push_back(0.3);
    for (std::int64_t k = 0; k < dimensions; ++k) {
      problem.hyperparameters.push_back(-0.5 + 0.4 * random.normal());
    }
    problem.hyperparameters.push_back(-4);
    return problem;
  }

  /// The same, some points of which have noise of their own: none, or up to 0.5.
  static GpProblem noisy(bayes::Covariance covariance, bayes::PriorMean mean, std::int64_t points,
                         std::int64_t dimensions, std::uint64_t seed) {
    GpProblem problem = random(covariance, mean, points, dimensions, seed);
    Random random(seed, "noise of points");
    for (std::int64_t i = 0; i < points; ++i) {
      problem.own_noise.push_back(i % 3 == 0 ? 0.5 * random.uniform() : 0.0);
    }
    return problem;
  }

  double scale() const { return std::exp(hyperparameters.front()); }
  double noise() const { return std::exp(hyperparameters.back()); }

  /// Without noise, of two points [d].
  double covariance_of(const double* a, const double* b) const {
    double squared = 0;
    for (std::int64_t k = 0; k < dimensions; ++k) {
      squared += std::pow((a[k] - b[k]) / std::exp(hyperparameters[1 + k]), 2);
    }
    if (covariance == bayes::Covariance::rbf) return scale() * std::exp(-squared / 2);
    const double root = std::sqrt(5 * squared);
    return scale() * (1 + root + root * root / 3) * std::exp(-root);
  }
};

/// Two equal points and hardly any noise: singular in double precision.
inline GpProblem singular(std::int64_t n, std::int64_t d) {
  GpProblem problem =
      GpProblem::random(bayes::Covariance::rbf, bayes::PriorMean::likeliest, n, d, 9);
  std::copy_n(problem.x.begin(), d, problem.x.end() - d);
  problem.y.back() = problem.y.front();
  problem.hyperparameters.back() = -60;
  return problem;
}

/// The lower triangular root of a positive definite matrix, by rows.
inline Values root_of(Values a, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      if (j > i) {
        a[i * n + j] = 0;
        continue;
      }
      double sum = a[i * n + j];
      for (std::int64_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
    }
  }
  return a;
}

/// l^-1 b.
inline Values solve_lower(const Values& l, Values b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= l[i * n + k] * b[k];
    b[i] /= l[i * n + i];
  }
  return b;
}

/// A process conditioned on its data by forward substitution alone.
class GpJudge {
 public:
  explicit GpJudge(const GpProblem& problem) : problem_(problem) {
    const std::int64_t n = problem.points;
    Values covariance(static_cast<std::size_t>(n * n));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        covariance[i * n + j] = problem.covariance_of(point(i), point(j));
      }
      covariance[i * n + i] += problem.noise();
      if (!problem.own_noise.empty()) covariance[i * n + i] += problem.own_noise[i];
    }
    root_ = root_of(covariance, n);
    const Values ones = solve_lower(root_, Values(n, 1.0));
    whitened_ = solve_lower(root_, problem.y);
    if (problem.mean == bayes::PriorMean::likeliest) mean_ = dot(ones, whitened_) / dot(ones, ones);
    for (std::int64_t i = 0; i < n; ++i) whitened_[i] -= mean_ * ones[i];
  }

  double mean() const { return mean_; }

  double log_likelihood() const {
    double value = -0.5 * dot(whitened_, whitened_);
    for (std::int64_t i = 0; i < problem_.points; ++i) {
      value -= std::log(root_[i * problem_.points + i]) + 0.5 * std::log(2 * std::numbers::pi);
    }
    return value;
  }

  struct Prediction {
    double mean, variance;
  };
  Prediction predict(const double* query) const {
    const Values cross = whitened(query);
    return {mean_ + dot(cross, whitened_), problem_.scale() - dot(cross, cross)};
  }
  /// Of the function at two points.
  double covariance(const double* a, const double* b) const {
    return problem_.covariance_of(a, b) - dot(whitened(a), whitened(b));
  }

 private:
  const double* point(std::int64_t i) const { return &problem_.x[i * problem_.dimensions]; }
  Values whitened(const double* query) const {
    Values cross;
    for (std::int64_t i = 0; i < problem_.points; ++i) {
      cross.push_back(problem_.covariance_of(point(i), query));
    }
    return solve_lower(root_, cross);
  }

  const GpProblem& problem_;
  Values root_, whitened_;
  double mean_ = 0;
};

/// Training sets of one covariance and dimension on a device, and the state that gp_condition makes
/// of them. What a set has not, of `room` points, is NaN.
class GpSets {
 public:
  GpSets(Stream& stream, const std::vector<GpProblem>& problems, std::int64_t room)
      : shape_(shape_of(problems, room)),
        x_(stream, DType::f64, {shape_.sets, 1, room, shape_.dimensions},
           gather(problems, &GpProblem::x, room * shape_.dimensions)),
        y_(stream, DType::f64, {shape_.sets, 1, 1, room}, gather(problems, &GpProblem::y, room)),
        noise_(stream, DType::f64, y_.shape(), own_noise_of(problems, room)),
        has_noise_(std::ranges::any_of(
            problems, [](const GpProblem& problem) { return !problem.own_noise.empty(); })),
        counts_(stream, DType::i32, {1, 1, 1, shape_.sets}, counts_of(problems)),
        hyperparameters_(stream, DType::f64, {shape_.sets, 1, 1, shape_.dimensions + 2},
                         gather(problems, &GpProblem::hyperparameters, shape_.dimensions + 2)),
        scaled_(stream, DType::f64, x_.shape()),
        inverse_root_(stream, DType::f64, {shape_.sets, 1, room, room}),
        weights_(stream, DType::f64, y_.shape()),
        parameters_(stream, DType::f64, {shape_.sets, 1, 1, shape_.dimensions + 3}),
        jitter_(stream, DType::f64, {1, 1, 1, shape_.sets}) {}

  const bayes::GpShape& shape() const { return shape_; }
  bayes::GpData data() const {
    return {x_, y_, counts_, has_noise_ ? ConstView(noise_) : ConstView{}};
  }
  Tensor& hyperparameters() { return hyperparameters_; }
  bayes::GpState state() const { return {scaled_, inverse_root_, weights_, parameters_}; }
  const Tensor& scaled() const { return scaled_; }
  const Tensor& inverse_root() const { return inverse_root_; }
  const Tensor& weights() const { return weights_; }
  const Tensor& parameters() const { return parameters_; }
  const Tensor& jitter() const { return jitter_; }

  void condition(Stream& stream) const {
    bayes::gp_condition(stream, shape_, data(), hyperparameters_, state(), jitter_);
  }

 private:
  static bayes::GpShape shape_of(const std::vector<GpProblem>& problems, std::int64_t room) {
    return {problems[0].covariance, problems[0].mean, static_cast<std::int64_t>(problems.size()),
            room, problems[0].dimensions};
  }
  static Values gather(const std::vector<GpProblem>& problems, Values GpProblem::*field,
                       std::int64_t each) {
    Values all;
    for (const GpProblem& problem : problems) {
      Values part = problem.*field;
      part.resize(static_cast<std::size_t>(each), std::nan(""));
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }
  static Values own_noise_of(std::vector<GpProblem> problems, std::int64_t room) {
    for (GpProblem& problem : problems) {
      if (problem.own_noise.empty()) problem.own_noise.assign(problem.y.size(), 0.0);
    }
    return gather(problems, &GpProblem::own_noise, room);
  }
  static Values counts_of(const std::vector<GpProblem>& problems) {
    Values counts;
    for (const GpProblem& problem : problems) {
      counts.push_back(static_cast<double>(problem.points));
    }
    return counts;
  }

  bayes::GpShape shape_;
  Tensor x_, y_, noise_;
  bool has_noise_;
  Tensor counts_, hyperparameters_;
  Tensor scaled_, inverse_root_, weights_, parameters_, jitter_;
};

/// q points of the unit cube, [1, 1, q, d].
inline Tensor random_queries(Stream& stream, std::int64_t q, std::int64_t d, std::uint64_t seed) {
  Random random(seed, "queries");
  Values values(static_cast<std::size_t>(q * d));
  for (double& value : values) value = random.uniform();
  return {stream, DType::f64, {1, 1, q, d}, values};
}

struct Likelihood {
  Tensor value, gradient;
};

/// Of items x (d + 2) hyperparameters.
inline Likelihood likelihood(Stream& stream, const GpSets& sets, const Tensor& hyperparameters) {
  const std::int64_t items = hyperparameters.shape().n;
  Likelihood result{{stream, DType::f64, {1, 1, 1, items}},
                    {stream, DType::f64, hyperparameters.shape()}};
  bayes::gp_likelihood(
      stream, sets.shape(), sets.data(),
      {.hyperparameters = hyperparameters, .value = result.value, .gradient = result.gradient});
  return result;
}

/// What sets predict at queries [q, d]: mean and variance, [sets, q] each.
struct Posterior {
  Tensor mean, variance;
};

inline Posterior posterior(Stream& stream, const GpSets& sets, const Tensor& queries) {
  const Shape shape{1, 1, sets.shape().sets, queries.shape().w};
  Posterior result{{stream, DType::f64, shape}, {stream, DType::f64, shape}};
  bayes::gp_posterior(stream, sets.shape(), sets.state(),
                      {.queries = queries, .mean = result.mean, .variance = result.variance});
  return result;
}

}  // namespace paretiny::test

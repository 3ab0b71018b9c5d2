#include "kernels/bayes/linalg.h"

#include "tests/support/kernels.h"
#include "tests/support/threads.h"

namespace paretiny::test {
namespace {

using Values = std::vector<double>;

/// b b^T / n + `ridge` I of a random b, n x `rank`.
Values random_square(std::int64_t n, std::int64_t rank, double ridge, std::uint64_t seed) {
  Random random(seed, "matrix");
  Values b(static_cast<std::size_t>(n * rank)), a(static_cast<std::size_t>(n * n));
  for (double& value : b) value = random.normal();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = i == j ? ridge : 0;
      for (std::int64_t k = 0; k < rank; ++k) sum += b[i * rank + k] * b[j * rank + k];
      a[i * n + j] = sum / static_cast<double>(n);
    }
  }
  return a;
}

/// NaN above the diagonal, which nobody reads.
Values lower_part(Values a, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) a[i * n + j] = std::nan("");
  }
  return a;
}

Values joined(const std::vector<Values>& parts) {
  Values all;
  for (const Values& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

struct Factor {
  Values l, jitter;
};

Factor factor(Stream& stream, const std::vector<Values>& matrices, std::int64_t n) {
  const auto items = static_cast<std::int64_t>(matrices.size());
  const Tensor a(stream, DType::f64, {items, 1, n, n}, joined(matrices));
  const Tensor jitter(stream, DType::f64, {1, 1, 1, items});
  bayes::cholesky(stream, a, jitter);
  return {a.values(), jitter.values()};
}

/// l l^T of one item, and zeros above the diagonal.
void expect_factor(const double* l, const Values& a, std::int64_t n, double tolerance) {
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k <= j; ++k) sum += l[i * n + k] * l[j * n + k];
      ASSERT_NEAR(sum, a[i * n + j], tolerance) << n << ": " << i << ", " << j;
    }
    for (std::int64_t j = i + 1; j < n; ++j) ASSERT_EQ(l[i * n + j], 0);
  }
}

std::vector<std::int64_t> sizes() {
  std::vector<std::int64_t> sizes{1, 2, 7, 8, 9, 24, 33, 70};
  if (!slow_device()) sizes.insert(sizes.end(), {150, 500});
  return sizes;
}

TEST(Linalg, FactorTimesItsTransposeIsTheMatrix) {
  const auto stream = test_stream();
  for (const std::int64_t n : sizes()) {
    const Values a = random_square(n, n, 0.1, n), b = random_square(n, n, 1, n + 1000);
    const Factor result = factor(*stream, {lower_part(a, n), lower_part(b, n)}, n);
    EXPECT_EQ(result.jitter, (Values{0, 0}));
    expect_factor(result.l.data(), a, n, 1e-13);
    expect_factor(result.l.data() + n * n, b, n, 1e-13);
  }
}

TEST(Linalg, InverseTimesFactorIsTheIdentity) {
  const auto stream = test_stream();
  for (const std::int64_t n : sizes()) {
    const Values a = random_square(n, n, 0.5, n), b = random_square(n, n, 1, n + 2000);
    const Factor roots = factor(*stream, {a, b}, n);
    const Shape shape{2, 1, n, n};
    const Tensor l(*stream, DType::f64, shape,
                   joined({lower_part({roots.l.begin(), roots.l.begin() + n * n}, n),
                           lower_part({roots.l.begin() + n * n, roots.l.end()}, n)}));
    const Tensor inverse(*stream, DType::f64, shape);
    bayes::triangular_inverse(*stream, l, inverse);
    const Values result = inverse.values();
    for (std::int64_t item = 0; item < 2; ++item) {
      const double* root = &roots.l[item * n * n];
      const double* back = &result[item * n * n];
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j <= i; ++j) {
          double sum = 0;
          for (std::int64_t k = j; k <= i; ++k) sum += root[i * n + k] * back[k * n + j];
          ASSERT_NEAR(sum, i == j ? 1 : 0, 1e-12) << n << ": " << i << ", " << j;
        }
        for (std::int64_t j = i + 1; j < n; ++j) ASSERT_EQ(back[i * n + j], 0);
      }
    }
  }
}

TEST(Linalg, OnlyFailingItemsAreJittered) {
  const auto stream = test_stream();
  for (const std::int64_t n : {5, 20, 41}) {
    const Values sound = random_square(n, n, 0.1, 1);
    const Values flat = random_square(n, n / 2, 0, 2);  // of half rank
    // A negative eigenvalue: 1e-5 times the mean diagonal (1) is not enough, ten times that is.
    Values negative(n * n);
    for (std::int64_t i = 0; i < n; ++i) negative[i * n + i] = 1;
    negative[n * (n - 1)] = 1 + 5e-5;
    const Factor alone = factor(*stream, {sound}, n);
    const Factor result = factor(*stream, {sound, flat, negative, sound}, n);
    EXPECT_EQ(result.jitter, (Values{0, 1e-8, 1e-4, 0}));
    for (std::int64_t i = 0; i < n * n; ++i) {
      ASSERT_EQ(result.l[i], alone.l[i]);
      ASSERT_EQ(result.l[3 * n * n + i], alone.l[i]);
    }
    Values jittered = flat;
    double mean = 0;
    for (std::int64_t i = 0; i < n; ++i) mean += flat[i * n + i] / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) jittered[i * n + i] += 1e-8 * mean;
    expect_factor(&result.l[n * n], jittered, n, 1e-14 * static_cast<double>(n));
  }
}

TEST(Linalg, WhatNoJitterHelpsIsNaN) {
  const auto stream = test_stream();
  const std::int64_t n = 12;
  const Values sound = random_square(n, n, 0.1, 3);
  Values negative = sound, nan = sound, infinite = sound;
  negative[4 * n + 4] = -10;
  nan[9 * n + 2] = std::nan("");
  infinite[n + 1] = std::numeric_limits<double>::infinity();
  const Values none(n * n, 0.0);
  const Factor result = factor(*stream, {negative, sound, nan, infinite, none}, n);
  for (const std::size_t item : {0, 2, 3, 4}) EXPECT_TRUE(std::isnan(result.jitter[item])) << item;
  EXPECT_EQ(result.jitter[1], 0);
  expect_factor(&result.l[n * n], sound, n, 1e-13);
}

TEST(Linalg, ThreadsDoNotMatter) {
  const auto stream = cpu_stream();
  const std::int64_t n = 61, items = 4;
  std::vector<Values> matrices;
  for (std::uint64_t seed = 0; seed < items; ++seed) {
    matrices.push_back(random_square(n, seed == 2 ? 7 : n, seed == 2 ? 0 : 0.1, seed));
  }
  const Tensor given(*stream, DType::f64, {items, 1, n, n}, joined(matrices));
  const Tensor a(*stream, DType::f64, given.shape()), inverse(*stream, DType::f64, given.shape());
  const Tensor jitter(*stream, DType::f64, {1, 1, 1, items});
  expect_same_for_any_threads(
      [&] {
        stream->copy(a.view().data, given.view().data, given.view().bytes());
        bayes::cholesky(*stream, a, jitter);
        bayes::triangular_inverse(*stream, a, inverse);
      },
      {&a, &jitter, &inverse});
}

TEST(Linalg, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor a(*stream, DType::f64, {2, 1, 3, 3}), other(*stream, DType::f64, {2, 1, 3, 3});
  const Tensor wide(*stream, DType::f64, {2, 1, 3, 4}), single(*stream, DType::f32, {2, 1, 3, 3});
  const Tensor none(*stream, DType::f64, {0, 1, 3, 3});
  const Tensor jitter(*stream, DType::f64, {1, 1, 1, 2}), one(*stream, DType::f64, {1, 1, 1, 1});
  EXPECT_THROW(bayes::cholesky(*stream, wide, jitter), UsageError);
  EXPECT_THROW(bayes::cholesky(*stream, single, jitter), UsageError);
  EXPECT_THROW(bayes::cholesky(*stream, none, jitter), UsageError);
  EXPECT_THROW(bayes::cholesky(*stream, a, one), UsageError);
  EXPECT_THROW(bayes::cholesky(*stream, View{}, jitter), UsageError);
  EXPECT_THROW(bayes::triangular_inverse(*stream, a, wide), UsageError);
  EXPECT_THROW(bayes::triangular_inverse(*stream, wide, wide), UsageError);
  EXPECT_THROW(bayes::triangular_inverse(*stream, a, single), UsageError);
  EXPECT_THROW(bayes::triangular_inverse(*stream, a, a), UsageError);
  EXPECT_NO_THROW(bayes::triangular_inverse(*stream, a, other));
}

}  // namespace
}  // namespace paretiny::test

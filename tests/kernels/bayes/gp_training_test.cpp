// What gp_condition leaves in a state, in singular and hopeless sets too. Named as its .cu file, so
// that it runs on the SIMT machine.
#include "kernels/bayes/gp_posterior.h"
#include "tests/support/gaussian_process.h"

namespace paretiny::test {

using bayes::Covariance;
using bayes::PriorMean;

namespace {

TEST(GpCondition, StateIsWhatTheHeaderSays) {
  const auto stream = test_stream();
  const std::int64_t n = 19, d = 2;
  const GpProblem problem = GpProblem::random(Covariance::rbf, PriorMean::likeliest, n, d, 5);
  GpSets sets(*stream, {problem}, n);
  sets.condition(*stream);
  const Values parameters = sets.parameters().values(), scaled = sets.scaled().values();
  EXPECT_NEAR(parameters[0], GpJudge(problem).mean(), 1e-11);
  EXPECT_NEAR(parameters[1], problem.scale(), 1e-14);
  EXPECT_NEAR(parameters[2], problem.noise(), 1e-14);
  for (std::int64_t k = 0; k < d; ++k) {
    EXPECT_NEAR(parameters[3 + k], std::exp(-problem.hyperparameters[1 + k]), 1e-14);
    for (std::int64_t i = 0; i < n; ++i) {
      EXPECT_NEAR(scaled[i * d + k], problem.x[i * d + k] * parameters[3 + k], 1e-14);
    }
  }
  // inverse_root (K + noise I) inverse_root^T = I, and (K + noise I) weights = y - mean.
  const Values root = sets.inverse_root().values(), weights = sets.weights().values();
  Values covariance(n * n);
  for (std::int64_t i = 0; i < n; ++i) {
    double product = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      covariance[i * n + j] = problem.covariance_of(&problem.x[i * d], &problem.x[j * d]) +
                              (i == j ? problem.noise() : 0);
      product += covariance[i * n + j] * weights[j];
    }
    EXPECT_NEAR(product, problem.y[i] - parameters[0], 1e-10);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t a = 0; a < n; ++a) {
        for (std::int64_t b = 0; b < n; ++b) {
          sum += root[i * n + a] * covariance[a * n + b] * root[j * n + b];
        }
      }
      EXPECT_NEAR(sum, i == j ? 1 : 0, 1e-10);
      if (j > i) {
        EXPECT_EQ(root[i * n + j], 0);
      }
    }
  }
}

TEST(GpCondition, OnlyWhatIsSingularIsJittered) {
  const auto stream = test_stream();
  const std::int64_t n = 12, d = 3;
  const GpProblem healthy = GpProblem::random(Covariance::rbf, PriorMean::likeliest, n, d, 10);
  GpSets mixed(*stream, {healthy, singular(n, d), healthy}, n);
  mixed.condition(*stream);
  const Values jitter = mixed.jitter().values();
  EXPECT_EQ(jitter[0], 0);
  EXPECT_EQ(jitter[1], 1e-8);
  EXPECT_EQ(jitter[2], 0);
  GpSets alone(*stream, {healthy}, n);
  alone.condition(*stream);
  const Values root = mixed.inverse_root().values(), expected = alone.inverse_root().values();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(root[i], expected[i]);
    EXPECT_EQ(root[2 * expected.size() + i], expected[i]);
  }
  const Values fits = likelihood(*stream, mixed, mixed.hyperparameters()).value.values();
  const Values fit = likelihood(*stream, alone, alone.hyperparameters()).value.values();
  EXPECT_EQ(fits[0], fit[0]);
  EXPECT_EQ(fits[2], fit[0]);
  EXPECT_TRUE(std::isfinite(fits[1]));
}

TEST(GpCondition, WhatNoJitterHelpsIsNaN) {
  const auto stream = test_stream();
  const std::int64_t n = 10, d = 2;
  const GpProblem healthy = GpProblem::random(Covariance::matern52, PriorMean::zero, n, d, 11);
  GpProblem hopeless = healthy;
  hopeless.x[5] = std::nan("");
  GpSets sets(*stream, {hopeless, healthy}, n);
  const Likelihood fit = likelihood(*stream, sets, sets.hyperparameters());
  const Values values = fit.value.values(), gradient = fit.gradient.values();
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_NEAR(values[1], GpJudge(healthy).log_likelihood(), 1e-10);
  for (std::int64_t i = 0; i < d + 2; ++i) {
    EXPECT_TRUE(std::isnan(gradient[i]));
    EXPECT_TRUE(std::isfinite(gradient[d + 2 + i]));
  }
  sets.condition(*stream);
  EXPECT_TRUE(std::isnan(sets.jitter().values()[0]));
  EXPECT_EQ(sets.jitter().values()[1], 0);
  const Posterior predicted = posterior(*stream, sets, random_queries(*stream, 1, d, 3));
  EXPECT_TRUE(std::isnan(predicted.mean.values()[0]));
  EXPECT_TRUE(std::isnan(predicted.variance.values()[0]));
  EXPECT_TRUE(std::isfinite(predicted.variance.values()[1]));
}

TEST(GpCondition, VarianceHasAFloorAndFarAwayThePriorHolds) {
  const auto stream = test_stream();
  GpProblem problem = GpProblem::random(Covariance::rbf, PriorMean::likeliest, 9, 1, 12);
  problem.hyperparameters = {0, -2, -30};
  GpSets sets(*stream, {problem}, 9);
  sets.condition(*stream);
  Values queries = problem.x;
  queries.push_back(1e6);
  const Posterior predicted =
      posterior(*stream, sets, Tensor(*stream, DType::f64, {1, 1, 10, 1}, queries));
  const Values mean = predicted.mean.values(), variance = predicted.variance.values();
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_NEAR(variance[i], 1e-10, 1e-8);
    EXPECT_GE(variance[i], 1e-10);
    EXPECT_NEAR(mean[i], problem.y[i], 1e-5);
  }
  EXPECT_EQ(variance[9], 1);
  EXPECT_EQ(mean[9], sets.parameters().values()[0]);
}

}  // namespace
}  // namespace paretiny::test

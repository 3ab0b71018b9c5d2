#include "kernels/bayes/gp_posterior.h"
#include "tests/support/gaussian_process.h"

namespace paretiny::test {
namespace {

TEST(GpLikelihood, GradientAgreesWithFiniteDifferences) {
  const auto stream = test_stream();
  for (const bayes::Covariance covariance : kCovariances) {
    for (const bayes::PriorMean mean : kMeans) {
      const std::int64_t d = 3;
      GpSets sets(*stream,
                  {GpProblem::random(covariance, mean, 26, d, 1),
                   GpProblem::random(covariance, mean, 11, d, 2)},
                  26);
      Tensor& hyperparameters = sets.hyperparameters();
      const Values gradient = likelihood(*stream, sets, hyperparameters).gradient.values();
      const auto total = [&] {
        const Values value = likelihood(*stream, sets, hyperparameters).value.values();
        return value[0] + value[1];
      };
      expect_gradient(total, hyperparameters, gradient, 1e-5, 1e-6, "gradient");
    }
  }
}

TEST(GpLikelihood, GradientKnowsTheNoiseOfPoints) {
  const auto stream = test_stream();
  for (const std::int64_t n : {11, 41}) {
    GpSets sets(
        *stream,
        {GpProblem::noisy(bayes::Covariance::matern52, bayes::PriorMean::likeliest, n, 3, 1),
         GpProblem::random(bayes::Covariance::matern52, bayes::PriorMean::likeliest, 9, 3, 2)},
        n);
    Tensor& hyperparameters = sets.hyperparameters();
    const Values gradient = likelihood(*stream, sets, hyperparameters).gradient.values();
    const auto total = [&] {
      const Values value = likelihood(*stream, sets, hyperparameters).value.values();
      return value[0] + value[1];
    };
    expect_gradient(total, hyperparameters, gradient, 1e-5, 1e-6, "gradient");
  }
}

TEST(GpLikelihood, LikeliestMeanIsTheLikeliest) {
  const auto stream = test_stream();
  GpProblem problem =
      GpProblem::random(bayes::Covariance::matern52, bayes::PriorMean::likeliest, 15, 2, 3);
  GpSets sets(*stream, {problem}, 15);
  sets.condition(*stream);
  const double best = likelihood(*stream, sets, sets.hyperparameters()).value.values()[0];
  const double mean = sets.parameters().values()[0];
  const auto with_mean = [&](double given) {
    GpProblem shifted = problem;
    shifted.mean = bayes::PriorMean::zero;
    for (double& y : shifted.y) y -= given;
    GpSets alone(*stream, {shifted}, 15);
    return likelihood(*stream, alone, alone.hyperparameters()).value.values()[0];
  };
  EXPECT_NEAR(with_mean(mean), best, 1e-10);
  EXPECT_LT(with_mean(mean + 0.1), best);
  EXPECT_LT(with_mean(mean - 0.1), best);
}

TEST(GpLikelihood, StartsShareTheirSet) {
  const auto stream = test_stream();
  const std::int64_t d = 2, starts = 3;
  const GpProblem a =
      GpProblem::random(bayes::Covariance::matern52, bayes::PriorMean::likeliest, 12, d, 6);
  const GpProblem b =
      GpProblem::random(bayes::Covariance::matern52, bayes::PriorMean::likeliest, 17, d, 7);
  const GpSets sets(*stream, {a, b}, 17);
  Random random(8, "starts");
  Values rows(2 * starts * (d + 2));
  for (double& value : rows) value = random.normal() - 0.5;
  const Tensor hyperparameters(*stream, DType::f64, {2 * starts, 1, 1, d + 2}, rows);
  const Likelihood fit = likelihood(*stream, sets, hyperparameters);
  Values expected;
  for (std::int64_t item = 0; item < 2 * starts; ++item) {
    GpProblem problem = item < starts ? a : b;
    problem.hyperparameters.assign(rows.begin() + item * (d + 2),
                                   rows.begin() + (item + 1) * (d + 2));
    expected.push_back(GpJudge(problem).log_likelihood());
  }
  expect_near(fit.value, expected, 1e-9, "likelihood");
}

TEST(GpLikelihood, WhatIsNotWantedDoesNotTouchTheRest) {
  const auto stream = test_stream();
  const std::int64_t d = 2;
  const auto problem = [&](int seed) {
    return GpProblem::random(bayes::Covariance::matern52, bayes::PriorMean::likeliest, 12, d, seed);
  };
  GpSets sets(*stream, {problem(6), problem(7), problem(8)}, 12);
  const Likelihood all = likelihood(*stream, sets, sets.hyperparameters());
  const Tensor value(*stream, DType::f64, {1, 1, 1, 3}, Values(3, 5.0));
  const Tensor gradient(*stream, DType::f64, {3, 1, 1, d + 2}, Values(3 * (d + 2), 5.0));
  const std::int32_t flags[] = {1, 0, 1};
  const Tensor wanted(*stream, DType::i32, {1, 1, 1, 3});
  stream->upload(wanted.view().data, flags, sizeof flags);
  bayes::gp_likelihood(*stream, sets.shape(), sets.data(),
                       {.hyperparameters = sets.hyperparameters(),
                        .wanted = wanted,
                        .value = value,
                        .gradient = gradient});
  const Values values = value.values(), slopes = gradient.values();
  const Values all_values = all.value.values(), all_slopes = all.gradient.values();
  for (const std::size_t item : {0u, 2u}) {
    EXPECT_EQ(values[item], all_values[item]);
    for (std::size_t k = item * (d + 2); k < (item + 1) * (d + 2); ++k) {
      EXPECT_EQ(slopes[k], all_slopes[k]);
    }
  }
  if (stream->device().kind == DeviceKind::cpu) {
    EXPECT_EQ(values[1], 5.0);
    EXPECT_EQ(slopes[d + 2], 5.0);
  }
}

class GpLikelihoodJitter : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(OwnNoise, GpLikelihoodJitter, testing::Bool());

TEST_P(GpLikelihoodJitter, GradientIsExact) {
  const auto stream = test_stream();
  GpProblem problem = singular(9, 2);
  if (GetParam()) {
    problem.own_noise.assign(9, 0.0);
    problem.own_noise[4] = 0.3;
  }
  GpSets sets(*stream, {problem}, 9);
  const Tensor& hyperparameters = sets.hyperparameters();
  const Values at = hyperparameters.values();
  const Values gradient = likelihood(*stream, sets, hyperparameters).gradient.values();
  for (std::size_t i = 0; i < at.size(); ++i) {
    const auto value = [&](double step) {
      Values moved = at;
      moved[i] += step;
      const Tensor there(*stream, DType::f64, hyperparameters.shape(), moved);
      return likelihood(*stream, sets, there).value.values()[0];
    };
    const double expected = (value(1e-4) - value(-1e-4)) / 2e-4;
    EXPECT_NEAR(gradient[i], expected, 1e-5 * std::max(1.0, max_abs(gradient))) << i;
  }
}

}  // namespace
}  // namespace paretiny::test

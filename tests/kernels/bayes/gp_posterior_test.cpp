#include "kernels/bayes/gp_posterior.h"

#include "tests/support/gaussian_process.h"
#include "tests/support/jsonl.h"
#include "tests/support/shared.h"
#include "tests/support/threads.h"

namespace paretiny::test {

using bayes::Covariance;
using bayes::PriorMean;

namespace {

Values flat(const nlohmann::json& rows) {
  Values values;
  for (const auto& row : rows) {
    const auto part = row.get<Values>();
    values.insert(values.end(), part.begin(), part.end());
  }
  return values;
}

TEST(GpPosterior, ReferenceVectors) {
  const auto file = test::shared("vectors/bo/gp_posterior.jsonl.gz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is absent";
  const auto stream = test_stream();
  for (const auto& row : read_jsonl_gz(file)) {
    const std::string id = row.at("id").get<std::string>();
    GpProblem problem{row.at("kernel") == "rbf" ? Covariance::rbf : Covariance::matern52,
                      PriorMean::zero,
                      row.at("n").get<std::int64_t>(),
                      row.at("d").get<std::int64_t>(),
                      flat(row.at("X")),
                      row.at("y").get<Values>(),
                      {}};
    const double scale = row.at("outputscale").get<double>();
    problem.hyperparameters.push_back(std::log(scale));
    for (const double length : row.at("lengthscales").get<Values>()) {
      problem.hyperparameters.push_back(std::log(length));
    }
    problem.hyperparameters.push_back(std::log(row.at("noise").get<double>()));
    const double tolerance = 10 * std::max(1e-12, 1e-16 * row.at("condition_number").get<double>());

    GpSets sets(*stream, {problem}, problem.points);
    sets.condition(*stream);
    EXPECT_EQ(sets.jitter().values()[0], 0) << id;
    const Values queries = flat(row.at("Xq"));
    const auto q = static_cast<std::int64_t>(row.at("Xq").size());
    const Posterior predicted = posterior(
        *stream, sets, Tensor(*stream, DType::f64, {1, 1, q, problem.dimensions}, queries));
    const auto mean = row.at("posterior_mean_hp").get<Values>();
    expect_near(predicted.mean, mean, tolerance * max_abs(mean), id + " mean");
    expect_near(predicted.variance, row.at("posterior_variance_hp").get<Values>(),
                tolerance * scale, id + " variance");

    const Likelihood fit = likelihood(*stream, sets, sets.hyperparameters());
    const double value = row.at("log_marginal_likelihood_hp").get<double>();
    expect_near(fit.value, {value}, tolerance * std::max(1.0, std::abs(value)), id + " likelihood");
    const auto gradient = row.at("lml_gradient_hp").get<Values>();
    expect_near(fit.gradient, gradient, tolerance * std::max(1.0, max_abs(gradient)),
                id + " gradient");
  }
}

TEST(GpPosterior, IsWhatAPlainJudgeFinds) {
  const auto stream = test_stream();
  for (const Covariance covariance : kCovariances) {
    for (const PriorMean mean : kMeans) {
      for (const std::int64_t n : {1, 2, 7, 8, 9, 33}) {
        for (const std::int64_t d : {1, 5}) {
          const GpProblem a = GpProblem::random(covariance, mean, n, d, n + d);
          const GpProblem b = GpProblem::random(covariance, mean, n, d, n + d + 100);
          GpSets sets(*stream, {a, b}, n);
          sets.condition(*stream);
          const Tensor queries = random_queries(*stream, 27, d, 1);
          const Values x = queries.values();
          const Posterior predicted = posterior(*stream, sets, queries);
          const Likelihood fit = likelihood(*stream, sets, sets.hyperparameters());
          Values means, variances, values;
          for (const GpProblem* problem : {&a, &b}) {
            const GpJudge judge(*problem);
            for (std::int64_t i = 0; i < 27; ++i) {
              const auto expected = judge.predict(&x[i * d]);
              means.push_back(expected.mean);
              variances.push_back(expected.variance);
            }
            values.push_back(judge.log_likelihood());
          }
          const std::string what = std::to_string(n) + " points, d " + std::to_string(d);
          expect_near(predicted.mean, means, 1e-11, what + ", mean");
          expect_near(predicted.variance, variances, 1e-11, what + ", variance");
          expect_near(fit.value, values, 1e-10, what + ", likelihood");
        }
      }
    }
  }
}

TEST(GpPosterior, PointsMayHaveNoiseOfTheirOwn) {
  const auto stream = test_stream();
  for (const PriorMean mean : kMeans) {
    for (const std::int64_t n : {1, 8, 33, 40}) {
      const std::int64_t d = 3, room = n + 2;
      const GpProblem a = GpProblem::noisy(Covariance::matern52, mean, n, d, n);
      const GpProblem b = GpProblem::random(Covariance::matern52, mean, n, d, n + 100);
      GpSets sets(*stream, {a, b}, room);
      sets.condition(*stream);
      const Tensor queries = random_queries(*stream, 9, d, 1);
      const Values x = queries.values();
      Values means, variances, values;
      for (const GpProblem* problem : {&a, &b}) {
        const GpJudge judge(*problem);
        for (std::int64_t i = 0; i < 9; ++i) {
          const auto expected = judge.predict(&x[i * d]);
          means.push_back(expected.mean);
          variances.push_back(expected.variance);
        }
        values.push_back(judge.log_likelihood());
      }
      const Posterior predicted = posterior(*stream, sets, queries);
      const std::string what = std::to_string(n) + " points";
      expect_near(predicted.mean, means, 1e-11, what + ", mean");
      expect_near(predicted.variance, variances, 1e-11, what + ", variance");
      expect_near(likelihood(*stream, sets, sets.hyperparameters()).value, values, 1e-10,
                  what + ", likelihood");
    }
  }
}

TEST(GpPosterior, APointOfMuchNoiseSaysHardlyAnything) {
  const auto stream = test_stream();
  const std::int64_t n = 12, d = 2;
  const GpProblem without =
      GpProblem::random(Covariance::matern52, PriorMean::likeliest, n - 1, d, 3);
  GpProblem with = without;
  with.points = n;
  with.x.insert(with.x.end(), {0.5, 0.5});
  with.y.push_back(50);
  with.own_noise.assign(n, 0.0);
  with.own_noise.back() = 1e12;
  const Tensor queries = random_queries(*stream, 9, d, 1);
  GpSets few(*stream, {without}, n - 1), many(*stream, {with}, n);
  few.condition(*stream);
  many.condition(*stream);
  const Posterior expected = posterior(*stream, few, queries);
  expect_near(posterior(*stream, many, queries).mean, expected.mean.values(), 1e-8, "mean");
}

TEST(GpPosterior, UnusedPointsAreNotThere) {
  const auto stream = test_stream();
  for (const Covariance covariance : kCovariances) {
    const std::int64_t d = 4, room = 21;
    std::vector<GpProblem> problems;
    for (const std::int64_t n : {13, 1, 21}) {
      problems.push_back(GpProblem::random(covariance, PriorMean::likeliest, n, d, n));
    }
    GpSets together(*stream, problems, room);
    together.condition(*stream);
    const Tensor queries = random_queries(*stream, 10, d, 2);
    const Values means = posterior(*stream, together, queries).mean.values();
    const Values variances = posterior(*stream, together, queries).variance.values();
    const Likelihood fits = likelihood(*stream, together, together.hyperparameters());
    const Values values = fits.value.values(), gradients = fits.gradient.values();
    for (std::size_t s = 0; s < problems.size(); ++s) {
      GpSets alone(*stream, {problems[s]}, problems[s].points);
      alone.condition(*stream);
      const Posterior predicted = posterior(*stream, alone, queries);
      const auto part = [&](const Values& all, std::size_t each) {
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(s * each);
        return Values(begin, begin + static_cast<std::ptrdiff_t>(each));
      };
      expect_near(predicted.mean, part(means, 10), 1e-12, "mean");
      expect_near(predicted.variance, part(variances, 10), 1e-12, "variance");
      const Likelihood fit = likelihood(*stream, alone, alone.hyperparameters());
      expect_near(fit.value, part(values, 1), 1e-12, "likelihood");
      expect_near(fit.gradient, part(gradients, d + 2), 1e-11, "gradient");
    }
    // The layout that the header promises.
    const Values scaled = together.scaled().values(), root = together.inverse_root().values();
    const Values weights = together.weights().values();
    for (std::int64_t i = 13; i < room; ++i) {
      for (std::int64_t k = 0; k < d; ++k) EXPECT_EQ(scaled[i * d + k], 1e100);
      for (std::int64_t j = 0; j < room; ++j) {
        EXPECT_EQ(root[i * room + j], i == j ? 1 : 0);
        EXPECT_EQ(root[j * room + i], i == j ? 1 : 0);
      }
      EXPECT_EQ(weights[i], 0);
    }
  }
}

TEST(GpPosterior, AQueryDoesNotDependOnItsNeighbours) {
  const auto stream = test_stream();
  const std::int64_t n = 30, d = 3, q = slow_device() ? 70 : 1000;
  GpSets sets(*stream, {GpProblem::random(Covariance::matern52, PriorMean::zero, n, d, 13)}, n);
  sets.condition(*stream);
  const Tensor queries = random_queries(*stream, q, d, 4);
  const Values x = queries.values();
  const Posterior all = posterior(*stream, sets, queries);
  const Values means = all.mean.values(), variances = all.variance.values();
  for (const std::int64_t i : {std::int64_t{0}, std::int64_t{17}, q - 1}) {
    const Tensor one(*stream, DType::f64, {1, 1, 1, d},
                     Values(x.begin() + i * d, x.begin() + (i + 1) * d));
    const Posterior alone = posterior(*stream, sets, one);
    EXPECT_NEAR(alone.mean.values()[0], means[i], 1e-13);
    EXPECT_NEAR(alone.variance.values()[0], variances[i], 1e-13);
  }
}

TEST(GpPosterior, LargeSets) {
  const auto stream = test_stream();
  const std::int64_t n = slow_device() ? 70 : 700, d = slow_device() ? 9 : 60, q = 5;
  const GpProblem problem = GpProblem::random(Covariance::matern52, PriorMean::likeliest, n, d, 14);
  GpSets sets(*stream, {problem}, n);
  sets.condition(*stream);
  const Tensor queries = random_queries(*stream, q, d, 5);
  const Values x = queries.values();
  const Posterior predicted = posterior(*stream, sets, queries);
  const GpJudge judge(problem);
  Values means, variances;
  for (std::int64_t i = 0; i < q; ++i) {
    const auto expected = judge.predict(&x[i * d]);
    means.push_back(expected.mean);
    variances.push_back(expected.variance);
  }
  expect_near(predicted.mean, means, 1e-10, "mean");
  expect_near(predicted.variance, variances, 1e-10, "variance");
  expect_near(likelihood(*stream, sets, sets.hyperparameters()).value, {judge.log_likelihood()},
              1e-8, "likelihood");
}

TEST(GpPosterior, ThreadsDoNotMatter) {
  const auto stream = cpu_stream();
  const std::int64_t n = 60, d = 5, q = 100;
  std::vector<GpProblem> problems;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    problems.push_back(GpProblem::random(Covariance::matern52, PriorMean::likeliest, n, d, seed));
  }
  GpSets sets(*stream, problems, n);
  const Tensor queries = random_queries(*stream, q, d, 6);
  const Tensor value(*stream, DType::f64, {1, 1, 1, 3});
  const Tensor gradient(*stream, DType::f64, {3, 1, 1, d + 2});
  const Tensor mean(*stream, DType::f64, {1, 1, 3, q}), variance(*stream, DType::f64, {1, 1, 3, q});
  expect_same_for_any_threads(
      [&] {
        bayes::gp_likelihood(
            *stream, sets.shape(), sets.data(),
            {.hyperparameters = sets.hyperparameters(), .value = value, .gradient = gradient});
        sets.condition(*stream);
        bayes::gp_posterior(*stream, sets.shape(), sets.state(),
                            {.queries = queries, .mean = mean, .variance = variance});
      },
      {&value, &gradient, &sets.inverse_root(), &sets.weights(), &mean, &variance});
}

TEST(GpPosterior, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const std::int64_t n = 5, d = 2;
  const GpProblem problem = GpProblem::random(Covariance::rbf, PriorMean::zero, n, d, 15);
  GpSets sets(*stream, {problem, problem}, n);
  const bayes::GpShape shape = sets.shape();
  const Tensor value(*stream, DType::f64, {1, 1, 1, 3});
  const Tensor three(*stream, DType::f64, {3, 1, 1, d + 2});
  const Tensor singles(*stream, DType::f32, {2, 1, 1, d + 2});
  const Tensor pair(*stream, DType::f64, {1, 1, 1, 2});
  const auto& given = sets.hyperparameters();
  EXPECT_THROW(bayes::gp_likelihood(*stream, shape, sets.data(),
                                    {.hyperparameters = three, .value = value, .gradient = three}),
               UsageError);
  EXPECT_THROW(bayes::gp_likelihood(*stream, shape, sets.data(),
                                    {.hyperparameters = singles, .value = pair, .gradient = given}),
               UsageError);
  EXPECT_THROW(bayes::gp_likelihood(*stream, shape, sets.data(),
                                    {.hyperparameters = given, .value = value, .gradient = given}),
               UsageError);
  EXPECT_THROW(bayes::gp_condition(*stream, shape, sets.data(), three, sets.state(), pair),
               UsageError);
  EXPECT_THROW(bayes::gp_condition(*stream, shape, sets.data(), given, sets.state(), value),
               UsageError);
  bayes::GpData data = sets.data();
  data.counts = value;
  EXPECT_THROW(bayes::gp_condition(*stream, shape, data, given, sets.state(), pair), UsageError);
  data = sets.data();
  data.noise = value;
  EXPECT_THROW(bayes::gp_condition(*stream, shape, data, given, sets.state(), pair), UsageError);
  bayes::GpShape none = shape;
  none.points = 0;
  EXPECT_THROW(bayes::gp_likelihood(*stream, none, sets.data(),
                                    {.hyperparameters = given, .value = pair, .gradient = given}),
               UsageError);

  sets.condition(*stream);
  const Tensor queries = random_queries(*stream, 4, d, 7),
               narrow = random_queries(*stream, 4, 1, 7);
  const Tensor nothing = random_queries(*stream, 0, d, 7);
  const Tensor results(*stream, DType::f64, {1, 1, 2, 4}), more(*stream, DType::f64, {1, 1, 2, 5});
  const auto predict = [&](const Tensor& at, const Tensor& mean, const Tensor& variance) {
    bayes::gp_posterior(*stream, shape, sets.state(),
                        {.queries = at, .mean = mean, .variance = variance});
  };
  EXPECT_NO_THROW(predict(queries, results, results));
  EXPECT_THROW(predict(narrow, results, results), UsageError);
  EXPECT_THROW(predict(nothing, results, results), UsageError);
  EXPECT_THROW(predict(queries, more, results), UsageError);
  EXPECT_THROW(predict(queries, results, more), UsageError);
  bayes::GpState broken = sets.state();
  broken.inverse_root = View{};
  EXPECT_THROW(bayes::gp_posterior(*stream, shape, broken,
                                   {.queries = queries, .mean = results, .variance = results}),
               UsageError);
}

}  // namespace
}  // namespace paretiny::test

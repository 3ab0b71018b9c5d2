#include "kernels/bayes/gp_paths.h"

#include "tests/support/gaussian_process.h"
#include "tests/support/threads.h"

namespace paretiny::test {

using bayes::Covariance;

namespace {

/// Paths on the device of GpSets' points.
struct Paths {
  Tensor frequencies, phases, weights;

  operator bayes::GpPaths() const { return {frequencies, phases, weights}; }
};

Paths random_paths(Stream& stream, const bayes::GpShape& shape, std::int64_t features,
                   std::int64_t paths, std::uint64_t seed) {
  return {Tensor::random(stream, DType::f64, {1, 1, features, shape.dimensions}, seed),
          Tensor::random(stream, DType::f64, {1, 1, 1, features}, seed + 1),
          Tensor::random(stream, DType::f64, {shape.sets, 1, paths, features + shape.points},
                         seed + 2)};
}

std::vector<GpProblem> problems(Covariance covariance, const std::vector<std::int64_t>& points,
                                std::int64_t d) {
  std::vector<GpProblem> result;
  for (const std::int64_t n : points) {
    result.push_back(GpProblem::random(covariance, bayes::PriorMean::likeliest, n, d,
                                       static_cast<std::uint64_t>(n)));
  }
  return result;
}

Tensor evaluate(Stream& stream, const GpSets& sets, const Paths& paths, const Tensor& queries) {
  Tensor values(stream, DType::f64,
                {sets.shape().sets, 1, queries.shape().w, paths.weights.shape().w});
  bayes::gp_paths(stream, sets.shape(), sets.state(), paths, queries, values);
  return values;
}

/// The header's formula, term by term.
Values judged(const std::vector<GpProblem>& all, const GpSets& sets, const Paths& paths,
              const Values& x) {
  const Values frequencies = paths.frequencies.values(), phases = paths.phases.values();
  const Values weights = paths.weights.values(), parameters = sets.parameters().values();
  const std::int64_t d = sets.shape().dimensions, q = static_cast<std::int64_t>(x.size()) / d;
  const std::int64_t features = paths.phases.shape().c, basis = paths.weights.shape().c;
  Values values;
  for (std::int64_t s = 0; s < sets.shape().sets; ++s) {
    const GpProblem& problem = all[s];
    for (std::int64_t i = 0; i < q; ++i) {
      for (std::int64_t path = 0; path < paths.weights.shape().w; ++path) {
        const double* weight = &weights[(s * paths.weights.shape().w + path) * basis];
        double sum = parameters[s * (d + 3)];
        for (std::int64_t f = 0; f < features; ++f) {
          double angle = phases[f];
          for (std::int64_t k = 0; k < d; ++k) {
            angle +=
                frequencies[f * d + k] * x[i * d + k] * std::exp(-problem.hyperparameters[1 + k]);
          }
          sum += weight[f] * std::cos(angle);
        }
        for (std::int64_t j = 0; j < problem.points; ++j) {
          sum += weight[features + j] * problem.covariance_of(&x[i * d], &problem.x[j * d]);
        }
        values.push_back(sum);
      }
    }
  }
  return values;
}

TEST(GpPaths, IsWhatThePlainSumGives) {
  const auto stream = test_stream();
  struct Case {
    std::int64_t d, features, paths, queries;
  };
  for (const Covariance covariance : kCovariances) {
    for (const Case& c :
         {Case{1, 1, 1, 1}, Case{3, 10, 9, 25}, Case{7, 33, 5, 40}, Case{2, 5, 140, 17}}) {
      const auto all = problems(covariance, {12, 5, 17}, c.d);
      GpSets sets(*stream, all, 17);
      sets.condition(*stream);
      const Paths paths = random_paths(*stream, sets.shape(), c.features, c.paths, 1);
      const Tensor queries = random_queries(*stream, c.queries, c.d, 2);
      expect_near(evaluate(*stream, sets, paths, queries),
                  judged(all, sets, paths, queries.values()), 1e-12, "values");
    }
  }
}

TEST(GpPaths, WavesAreRightFarOut) {
  const auto stream = test_stream();
  const auto all = problems(Covariance::rbf, {1}, 1);
  GpSets sets(*stream, all, 1);
  sets.condition(*stream);
  const Values parameters = sets.parameters().values();
  const std::int64_t features = 97;
  Values frequencies, phases;
  for (std::int64_t f = 0; f < features; ++f) {
    frequencies.push_back(0);
    phases.push_back(std::pow(-1.17, f) / 3);  // up to 1.3e6
  }
  for (std::int64_t f = 0; f < features; ++f) {
    Values weights(features + 1, 0.0);
    weights[f] = 1;
    const Paths paths{{*stream, DType::f64, {1, 1, features, 1}, frequencies},
                      {*stream, DType::f64, {1, 1, 1, features}, phases},
                      {*stream, DType::f64, {1, 1, 1, features + 1}, weights}};
    const Tensor queries(*stream, DType::f64, {1, 1, 1, 1}, {0.5});
    const double value = evaluate(*stream, sets, paths, queries).values()[0] - parameters[0];
    EXPECT_NEAR(value, std::cos(phases[f]), 1e-15) << phases[f];
  }
}

/// Draws of the posterior as a caller makes them: prior weights of variance 2 scale / features, and
/// weights of the covariances from what the prior draw misses of the data.
Paths posterior_draws(Stream& stream, const GpProblem& problem, const GpSets& sets,
                      std::int64_t features, std::int64_t count) {
  Random random(5, "draws");
  const std::int64_t n = problem.points, d = problem.dimensions;
  Values frequencies, phases;
  for (std::int64_t f = 0; f < features; ++f) {
    // Of Matern-5/2 a multivariate t with 5 degrees of freedom.
    double scale = 1;
    if (problem.covariance == Covariance::matern52) {
      double square = 0;
      for (int i = 0; i < 5; ++i) square += std::pow(random.normal(), 2);
      scale = std::sqrt(5 / square);
    }
    for (std::int64_t k = 0; k < d; ++k) frequencies.push_back(random.normal() * scale);
    phases.push_back(2 * std::numbers::pi * random.uniform());
  }
  const Values root = sets.inverse_root().values(), parameters = sets.parameters().values();
  const std::int64_t basis = features + n;
  Values weights(static_cast<std::size_t>(count * basis));
  for (std::int64_t path = 0; path < count; ++path) {
    for (std::int64_t f = 0; f < features; ++f) {
      weights[path * basis + f] =
          random.normal() * std::sqrt(2 * problem.scale() / static_cast<double>(features));
    }
  }
  // The prior draws at the data are paths whose covariances have no weight.
  Paths prior{{stream, DType::f64, {1, 1, features, d}, frequencies},
              {stream, DType::f64, {1, 1, 1, features}, phases},
              {stream, DType::f64, {1, 1, count, basis}, weights}};
  const Values at_data =
      evaluate(stream, sets, prior, Tensor(stream, DType::f64, {1, 1, n, d}, problem.x)).values();
  for (std::int64_t path = 0; path < count; ++path) {
    Values whitened(n, 0.0);
    Values missing(n);
    for (std::int64_t i = 0; i < n; ++i) {
      missing[i] =
          problem.y[i] - at_data[i * count + path] - std::sqrt(problem.noise()) * random.normal();
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) whitened[i] += root[i * n + j] * missing[j];
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = i; j < n; ++j) {
        weights[path * basis + features + i] += root[j * n + i] * whitened[j];
      }
    }
  }
  prior.weights = Tensor(stream, DType::f64, {1, 1, count, basis}, weights);
  return prior;
}

TEST(GpPaths, DrawsHaveMeanAndCovarianceOfTheProcess) {
  if (slow_device()) GTEST_SKIP() << "thousands of draws";
  const auto stream = test_stream();
  const std::int64_t n = 12, d = 2, q = 6, count = 4000, features = 2000;
  for (const Covariance covariance : kCovariances) {
    GpProblem problem = GpProblem::random(covariance, bayes::PriorMean::likeliest, n, d, 21);
    problem.hyperparameters = {0, -0.7, -0.3, -3};
    GpSets sets(*stream, {problem}, n);
    sets.condition(*stream);
    const Paths paths = posterior_draws(*stream, problem, sets, features, count);
    const Tensor queries = random_queries(*stream, q, d, 3);
    const Values x = queries.values();
    const Values values = evaluate(*stream, sets, paths, queries).values();
    const GpJudge judge(problem);
    Values means;
    for (std::int64_t i = 0; i < q; ++i) {
      double sum = 0;
      for (std::int64_t path = 0; path < count; ++path) sum += values[i * count + path];
      means.push_back(sum / count);
      const auto expected = judge.predict(&x[i * d]);
      // Five standard errors, and what the features miss of the prior.
      EXPECT_NEAR(means.back(), expected.mean,
                  5 * std::sqrt(expected.variance / count) + 0.05 * std::sqrt(expected.variance));
    }
    for (std::int64_t i = 0; i < q; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        double sum = 0;
        for (std::int64_t path = 0; path < count; ++path) {
          sum += (values[i * count + path] - means[i]) * (values[j * count + path] - means[j]);
        }
        const double spread = std::sqrt(judge.covariance(&x[i * d], &x[i * d]) *
                                        judge.covariance(&x[j * d], &x[j * d]));
        EXPECT_NEAR(sum / count, judge.covariance(&x[i * d], &x[j * d]),
                    (5 * std::sqrt(2.0 / count) + 0.05) * spread)
            << i << ", " << j;
      }
    }
  }
}

TEST(GpPaths, GradientAgreesWithFiniteDifferences) {
  const auto stream = test_stream();
  for (const Covariance covariance : kCovariances) {
    for (const std::int64_t q : {1, 30}) {
      const std::int64_t d = 3, features = 11, count = q == 1 ? 150 : 10;
      const auto all = problems(covariance, {9, 4}, d);
      GpSets sets(*stream, all, 9);
      sets.condition(*stream);
      const Paths paths = random_paths(*stream, sets.shape(), features, count, 4);
      Tensor queries = random_queries(*stream, q, d, 5);
      const Tensor d_values = Tensor::random(*stream, DType::f64, {2, 1, q, count}, 6);
      const Tensor d_queries(*stream, DType::f64, queries.shape());
      bayes::gp_paths_backward(*stream, sets.shape(), sets.state(), paths, queries, d_values,
                               d_queries);
      const Values upstream = d_values.values();
      expect_gradient(
          [&] { return dot(upstream, evaluate(*stream, sets, paths, queries).values()); }, queries,
          d_queries.values(), 1e-5, 1e-5, "d_queries");
    }
  }
}

TEST(GpPaths, AtAPointOfTheDataTheGradientIsSmooth) {
  const auto stream = test_stream();
  const auto all = problems(Covariance::matern52, {6}, 2);
  GpSets sets(*stream, all, 6);
  sets.condition(*stream);
  const Paths paths = random_paths(*stream, sets.shape(), 3, 2, 7);
  Tensor queries(*stream, DType::f64, {1, 1, 6, 2}, all[0].x);
  const Tensor d_values = Tensor::random(*stream, DType::f64, {1, 1, 6, 2}, 8);
  const Tensor d_queries(*stream, DType::f64, queries.shape());
  bayes::gp_paths_backward(*stream, sets.shape(), sets.state(), paths, queries, d_values,
                           d_queries);
  const Values upstream = d_values.values();
  expect_gradient([&] { return dot(upstream, evaluate(*stream, sets, paths, queries).values()); },
                  queries, d_queries.values(), 1e-5, 1e-5, "d_queries");
}

TEST(GpPaths, AQueryDoesNotDependOnItsNeighbours) {
  const auto stream = test_stream();
  const std::int64_t d = 2, q = 4100, count = 3;
  const auto all = problems(Covariance::matern52, {10, 8}, d);
  GpSets sets(*stream, all, 10);
  sets.condition(*stream);
  const Paths paths = random_paths(*stream, sets.shape(), 20, count, 9);
  const Tensor queries = random_queries(*stream, q, d, 10);
  const Tensor d_values = Tensor::random(*stream, DType::f64, {2, 1, q, count}, 11);
  const Tensor d_queries(*stream, DType::f64, queries.shape());
  bayes::gp_paths_backward(*stream, sets.shape(), sets.state(), paths, queries, d_values,
                           d_queries);
  const Values x = queries.values(), values = evaluate(*stream, sets, paths, queries).values();
  const Values upstream = d_values.values(), gradient = d_queries.values();
  for (const std::int64_t i : {std::int64_t{0}, std::int64_t{33}, q - 1}) {
    const Tensor one(*stream, DType::f64, {1, 1, 1, d}, {x[i * d], x[i * d + 1]});
    const Values alone = evaluate(*stream, sets, paths, one).values();
    Values share;
    for (std::int64_t s = 0; s < 2; ++s) {
      for (std::int64_t path = 0; path < count; ++path) {
        EXPECT_NEAR(alone[s * count + path], values[(s * q + i) * count + path], 1e-12);
        share.push_back(upstream[(s * q + i) * count + path]);
      }
    }
    const Tensor d_one(*stream, DType::f64, {1, 1, 1, d});
    bayes::gp_paths_backward(*stream, sets.shape(), sets.state(), paths, one,
                             Tensor(*stream, DType::f64, {2, 1, 1, count}, share), d_one);
    expect_near(d_one, {gradient[i * d], gradient[i * d + 1]}, 1e-11, "d_queries");
  }
}

TEST(GpPaths, ThreadsDoNotMatter) {
  const auto stream = cpu_stream();
  const std::int64_t d = 4, q = 130, count = 11;
  GpSets sets(*stream, problems(Covariance::matern52, {20, 15, 9}, d), 20);
  sets.condition(*stream);
  const Paths paths = random_paths(*stream, sets.shape(), 40, count, 12);
  const Tensor queries = random_queries(*stream, q, d, 13);
  const Tensor d_values = Tensor::random(*stream, DType::f64, {3, 1, q, count}, 14);
  const Tensor values(*stream, DType::f64, d_values.shape());
  const Tensor d_queries(*stream, DType::f64, queries.shape());
  expect_same_for_any_threads(
      [&] {
        bayes::gp_paths(*stream, sets.shape(), sets.state(), paths, queries, values);
        bayes::gp_paths_backward(*stream, sets.shape(), sets.state(), paths, queries, d_values,
                                 d_queries);
      },
      {&values, &d_queries});
}

TEST(GpPaths, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const std::int64_t d = 2, q = 3;
  GpSets sets(*stream, problems(Covariance::rbf, {4, 3}, d), 4);
  sets.condition(*stream);
  const bayes::GpShape shape = sets.shape();
  const Paths paths = random_paths(*stream, shape, 6, 5, 15);
  const Tensor queries = random_queries(*stream, q, d, 16), none = random_queries(*stream, 0, d, 1);
  const Tensor values = Tensor::random(*stream, DType::f64, {2, 1, q, 5}, 1);
  const Tensor narrow(*stream, DType::f64, {2, 1, q, 4});
  const Tensor result(*stream, DType::f64, queries.shape());
  const auto forward = [&](const bayes::GpPaths& with, const Tensor& at, const Tensor& to) {
    bayes::gp_paths(*stream, shape, sets.state(), with, at, to);
  };
  EXPECT_NO_THROW(forward(paths, queries, values));
  EXPECT_THROW(forward(paths, queries, narrow), UsageError);
  EXPECT_THROW(forward(paths, none, values), UsageError);
  bayes::GpPaths other = paths;
  const Tensor phases(*stream, DType::f64, {1, 1, 1, 7});
  other.phases = phases;
  EXPECT_THROW(forward(other, queries, values), UsageError);
  other = paths;
  other.weights = values;
  EXPECT_THROW(forward(other, queries, values), UsageError);
  const auto backward = [&](const Tensor& from, const Tensor& to) {
    bayes::gp_paths_backward(*stream, shape, sets.state(), paths, queries, from, to);
  };
  EXPECT_NO_THROW(backward(values, result));
  EXPECT_THROW(backward(narrow, result), UsageError);
  EXPECT_THROW(backward(values, narrow), UsageError);
}

}  // namespace
}  // namespace paretiny::test

#include "nas/surrogate/surrogates.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kernels/core/random.h"
#include "nas/surrogate/leave_one_out.h"
#include "nas/surrogate/posterior_paths.h"

namespace paretiny::surrogate {
namespace {

using Vector = Eigen::VectorXd;

RowMatrix random_points(Eigen::Index n, Eigen::Index d, std::uint64_t seed) {
  Random random(seed, "surrogates test");
  return RowMatrix::NullaryExpr(n, d, [&] { return random.uniform(); });
}

/// A function whose first coordinate matters most and whose last does not.
Vector targets(const RowMatrix& x) {
  return (6 * x.col(0).array()).sin() + 0.5 * x.col(1).array().square();
}

class SurrogatesTest : public testing::Test {
 protected:
  std::unique_ptr<Stream> stream_ = Stream::create({});
};

TEST_F(SurrogatesTest, PriorModeIsTheMode) {
  Vector gradient = Vector::Zero(7);
  log_prior(prior_mode(5), &gradient);
  EXPECT_LT(gradient.cwiseAbs().maxCoeff(), 1e-12);
}

TEST_F(SurrogatesTest, PriorGradientAgreesWithFiniteDifferences) {
  const Vector at = (Vector(5) << 0.3, -0.5, 0.2, 0.7, -3.0).finished();
  Vector gradient = Vector::Zero(5);
  log_prior(at, &gradient);
  for (Eigen::Index i = 0; i < 5; ++i) {
    const Vector step = 1e-5 * Vector::Unit(5, i);
    EXPECT_NEAR(gradient(i), (log_prior(at + step) - log_prior(at - step)) / 2e-5, 1e-8) << i;
  }
}

TEST_F(SurrogatesTest, FitFindsWhatMatters) {
  const RowMatrix x = random_points(60, 4, 3);
  Random random(4, "surrogates test");
  Vector y = targets(x);
  for (double& value : y) value += 0.05 * random.normal();
  const Surrogates surrogates(*stream_, {{x, y}, {x, 100 + 1000 * y.array()}});
  const RowMatrix& h = surrogates.hyperparameters();
  EXPECT_LT(h(0, 1), h(0, 4));
  EXPECT_LT(std::exp(h(0, 5)), 0.05);
  // Centre and scale of the values are of no concern.
  EXPECT_LT((h.row(0) - h.row(1)).cwiseAbs().maxCoeff(), 1e-6);

  const RowMatrix fresh = random_points(40, 4, 5);
  const Surrogates::Belief belief = surrogates.predict(fresh);
  const Vector missed = belief.mean.row(0).transpose() - targets(fresh);
  EXPECT_LT(std::sqrt(missed.squaredNorm() / 40), 0.15);
  // The truth lies within two deviations about as often as it should.
  const auto within =
      (missed.transpose().array().abs() < 2 * belief.deviation.row(0).array() + 0.05);
  EXPECT_GT(within.count(), 30);
  EXPECT_LT((belief.mean.row(1).array() - 100 - 1000 * belief.mean.row(0).array()).abs().maxCoeff(),
            0.01);
  EXPECT_LT((belief.deviation.row(1) - 1000 * belief.deviation.row(0)).cwiseAbs().maxCoeff(), 0.01);
}

TEST_F(SurrogatesTest, FitEndsWhereNoDirectionGains) {
  const RowMatrix x = random_points(40, 3, 6);
  Vector y = targets(x);
  y = (y.array() - y.mean()) / std::sqrt((y.array() - y.mean()).square().mean());
  bayes::GpShape shape;
  shape.sets = 1;
  shape.points = 40;
  shape.dimensions = 3;
  const std::int32_t count = 40;
  const DeviceArray at(*stream_, x);
  const DeviceArray values(*stream_, DType::f64, {1, 1, 1, 40}, y.data());
  const DeviceArray counts(*stream_, DType::i32, {1, 1, 1, 1}, &count);
  const bayes::GpData data{at, values, counts};
  RowMatrix starts(3, 5);
  starts << prior_mode(3).transpose(), 0, -3, -3, -3, -1, 0, 2, 2, 2, -8;
  const RowMatrix best = fit_hyperparameters(*stream_, shape, data, starts);
  const auto density = [&](const Vector& theta) {
    const DeviceArray given(*stream_, DType::f64, {1, 1, 1, 5}, theta.data());
    const DeviceArray value(*stream_, DType::f64, {1, 1, 1, 1});
    const DeviceArray gradient(*stream_, DType::f64, {1, 1, 1, 5});
    bayes::gp_likelihood(*stream_, shape, data,
                         {.hyperparameters = given, .value = value, .gradient = gradient});
    return value.download(*stream_, 1)(0) + log_prior(theta);
  };
  const double top = density(best.row(0).transpose());
  for (Eigen::Index i = 0; i < 3; ++i) EXPECT_GE(top, density(starts.row(i).transpose()));
  for (Eigen::Index i = 1; i < 5; ++i) {
    for (const double step : {-0.2, 0.2}) {
      Vector other = best.row(0).transpose();
      other(i) += step;
      if (i == 4 && other(i) < std::log(1e-4)) continue;  // below the least noise
      EXPECT_GT(top, density(other)) << i;
    }
  }
}

TEST_F(SurrogatesTest, SetsOfDifferentSizesAreLikeAlone) {
  const RowMatrix x = random_points(20, 3, 7);
  const Vector y = targets(x);
  const TrainingSet large{x, y}, small{x.topRows(9), y.head(9)};
  const Surrogates together(*stream_, {large, small}), alone(*stream_, {small});
  const RowMatrix fresh = random_points(5, 3, 8);
  EXPECT_LT((together.predict(fresh).mean.row(1) - alone.predict(fresh).mean.row(0))
                .cwiseAbs()
                .maxCoeff(),
            1e-9);
  EXPECT_LT((together.predict(fresh).deviation.row(1) - alone.predict(fresh).deviation.row(0))
                .cwiseAbs()
                .maxCoeff(),
            1e-9);
}

TEST_F(SurrogatesTest, PendingPointsAreBelieved) {
  const RowMatrix x = random_points(20, 2, 9);
  const TrainingSet set{x, targets(x)};
  const RowMatrix pending = random_points(2, 2, 10);
  const Surrogates before(*stream_, {set}), after(*stream_, {set}, pending);
  EXPECT_LT((after.predict(pending).mean - before.predict(pending).mean).cwiseAbs().maxCoeff(),
            1e-3);
  EXPECT_TRUE(
      (after.predict(pending).deviation.array() < 0.9 * before.predict(pending).deviation.array())
          .all());
}

TEST_F(SurrogatesTest, WhatIsPredictedCountsLessThanWhatIsMeasured) {
  const RowMatrix x = random_points(20, 2, 9);
  Vector y = targets(x);
  y(19) += 3;
  TrainingSet set{x, y};
  const Surrogates measured(*stream_, {set});
  set.deviation = Vector::Zero(20);
  EXPECT_EQ(Surrogates(*stream_, {set}).predict(x).mean, measured.predict(x).mean);
  set.deviation(19) = 10;
  const Surrogates predicted(*stream_, {set});
  const Surrogates without(*stream_, {{x.topRows(19), y.head(19)}});
  const auto at = [&](const Surrogates& s) { return s.predict(x.row(19)); };
  EXPECT_LT(std::abs(at(predicted).mean(0) - at(without).mean(0)), 0.5);
  EXPECT_GT(at(measured).mean(0), at(predicted).mean(0) + 1);
  EXPECT_GT(at(predicted).deviation(0), at(measured).deviation(0));
  const RowMatrix pending = random_points(2, 2, 10);
  EXPECT_TRUE(Surrogates(*stream_, {set}, pending).predict(x).mean.allFinite());
}

TEST_F(SurrogatesTest, ConstantAndSingleValues) {
  const RowMatrix x = random_points(8, 2, 11);
  const Surrogates surrogates(
      *stream_, {{x, Vector::Constant(8, 3.5)}, {x.topRows(1), Vector::Constant(1, -2)}});
  const Surrogates::Belief belief = surrogates.predict(random_points(6, 2, 12));
  EXPECT_LT((belief.mean.row(0).array() - 3.5).abs().maxCoeff(), 1e-9);
  EXPECT_LT((belief.mean.row(1).array() + 2).abs().maxCoeff(), 1e-9);
  EXPECT_GT(belief.deviation.minCoeff(), 0);
}

TEST_F(SurrogatesTest, RefusesWhatItCannotLearnFrom) {
  const RowMatrix x = random_points(3, 2, 13);
  const auto make = [&](const std::vector<TrainingSet>& sets) { Surrogates(*stream_, sets); };
  EXPECT_THROW(make({}), UsageError);
  EXPECT_THROW(make({{x, Vector::Zero(2)}}), UsageError);
  EXPECT_THROW(make({{RowMatrix(0, 2), Vector(0)}}), UsageError);
  EXPECT_THROW(make({{x, Vector::Zero(3)}, {random_points(3, 4, 1), Vector::Zero(3)}}), UsageError);
  EXPECT_THROW(make({{x, Vector::Constant(3, std::nan(""))}}), UsageError);
  for (const double wrong : {-1.0, double(INFINITY), double(NAN)}) {
    EXPECT_THROW(make({{x, Vector::Zero(3), {}, Vector::Constant(3, wrong)}}), UsageError);
  }
  EXPECT_THROW(make({{x, Vector::Zero(3), {}, Vector::Zero(2)}}), UsageError);
  const Surrogates surrogates(*stream_, {{x, Vector::Zero(3)}});
  EXPECT_THROW(surrogates.predict(random_points(1, 3, 1)), UsageError);
}

/// Many draws have the posterior's mean, deviation and correlation.
TEST_F(SurrogatesTest, PathsAreDrawsOfThePosterior) {
  const RowMatrix x = random_points(15, 2, 14);
  Vector believed = Vector::Zero(15);
  believed(0) = 4;  // where the first query is
  const Surrogates surrogates(*stream_, {{x, 10 + 5 * targets(x).array(), {}, believed},
                                         {x.topRows(4), targets(x).head(4)}});
  RowMatrix queries(4, 2);
  queries << x.row(0), 0.9, 0.1, 0.91, 0.1, 0.02, 0.97;
  constexpr Eigen::Index kPaths = 4000;
  const RowMatrix values = PosteriorPaths(surrogates, kPaths, 99).values(queries);
  const Surrogates::Belief belief = surrogates.predict(queries);
  for (Eigen::Index s = 0; s < 2; ++s) {
    const Standard& standard = surrogates.standard(static_cast<std::size_t>(s));
    for (Eigen::Index i = 0; i < 4; ++i) {
      const auto draws = values.row(4 * s + i).array();
      const double deviation = belief.deviation(s, i) / standard.scale;
      EXPECT_NEAR(draws.mean(), standard.of(belief.mean(s, i)),
                  5 * deviation / std::sqrt(kPaths) + 0.01);
      EXPECT_NEAR(std::sqrt((draws - draws.mean()).square().mean()), deviation,
                  0.1 * deviation + 0.005);
    }
    const auto a = values.row(4 * s + 1).array(), b = values.row(4 * s + 2).array();
    const double correlation =
        ((a - a.mean()) * (b - b.mean())).mean() /
        std::sqrt((a - a.mean()).square().mean() * (b - b.mean()).square().mean());
    EXPECT_GT(correlation, 0.95);
  }
  EXPECT_EQ(values, PosteriorPaths(surrogates, kPaths, 99).values(queries));
}

TEST_F(SurrogatesTest, PathGradientAgreesWithFiniteDifferences) {
  const RowMatrix x = random_points(12, 3, 15);
  const Surrogates surrogates(*stream_, {{x, targets(x)}, {x, x.col(2)}});
  const PosteriorPaths paths(surrogates, 5, 7);
  RowMatrix queries = random_points(4, 3, 16);
  const RowMatrix slopes = random_points(8, 5, 17);
  const RowMatrix gradient = paths.gradient(queries, slopes);
  for (Eigen::Index i = 0; i < 4; ++i) {
    for (Eigen::Index k = 0; k < 3; ++k) {
      const double at = queries(i, k);
      const auto value = [&](double step) {
        queries(i, k) = at + step;
        const double sum = slopes.cwiseProduct(paths.values(queries)).sum();
        queries(i, k) = at;
        return sum;
      };
      EXPECT_NEAR(gradient(i, k), (value(1e-5) - value(-1e-5)) / 2e-5, 1e-4);
    }
  }
}

TEST_F(SurrogatesTest, LeavesOneOutAsIfItHadNeverBeenThere) {
  const RowMatrix x = random_points(25, 3, 11);
  Random random(12, "surrogates test");
  Vector y = 40 + 7 * targets(x).array();
  for (double& value : y) value += 0.3 * random.normal();
  const Surrogates all(*stream_, {{x.topRows(9), y.head(9)}, {x, y}});
  const LeaveOneOut left = leave_one_out(all, 1);
  ASSERT_EQ(left.predicted.size(), 25);
  EXPECT_LT((left.measured - y).cwiseAbs().maxCoeff(), 1e-9);
  const double noise = std::exp(all.hyperparameters()(1, 4));
  const double mean = DeviceArray::download(*stream_, all.state().parameters, 2)(1, 0);
  for (Eigen::Index i = 0; i < 25; ++i) {
    // In the process's own units, by a plain solve without row i.
    const auto kernel = [&](Eigen::Index a, Eigen::Index b) {
      const Vector scaled = (x.row(a) - x.row(b)).transpose().cwiseQuotient(lengthscales(all, 1));
      const double r = std::sqrt(5.0) * scaled.norm();
      return std::exp(all.hyperparameters()(1, 0)) * (1 + r + r * r / 3) * std::exp(-r);
    };
    Eigen::MatrixXd k(24, 24);
    Vector to(24), rest(24);
    for (Eigen::Index a = 0; a < 24; ++a) {
      const Eigen::Index p = a < i ? a : a + 1;
      to(a) = kernel(p, i);
      rest(a) = all.standard(1).of(y(p)) - mean;
      for (Eigen::Index b = 0; b < 24; ++b) k(a, b) = kernel(p, b < i ? b : b + 1);
      k(a, a) += noise;
    }
    const Vector solved = k.ldlt().solve(to);
    EXPECT_NEAR(left.predicted(i), all.standard(1).back(mean + solved.dot(rest)), 1e-6) << i;
    const double variance = kernel(i, i) + noise - solved.dot(to);
    EXPECT_NEAR(left.deviation(i), all.standard(1).scale * std::sqrt(variance), 1e-6) << i;
  }
  EXPECT_GT(left.r2, 0.8);
  const Vector plain = Vector::NullaryExpr(25, [&] { return random.normal(); });
  EXPECT_LT(leave_one_out(Surrogates(*stream_, {{x, plain}}), 0).r2, 0.3) << "noise alone";
}

}  // namespace
}  // namespace paretiny::surrogate

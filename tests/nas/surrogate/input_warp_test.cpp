#include "nas/surrogate/input_warp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/core/random.h"

namespace paretiny::surrogate {
namespace {

using Vector = Eigen::VectorXd;

/// Uniform points [n, d] on the grid of reals.
RowMatrix random_points(Eigen::Index n, Eigen::Index d, std::uint64_t seed) {
  Random random(seed, "input warp test");
  return RowMatrix::NullaryExpr(n, d,
                                [&] { return std::floor(random.uniform() * 0x1p32) * 0x1p-32; });
}

RowMatrix bent(const InputWarp& warp, RowMatrix points) {
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    std::vector<double> x(points.row(i).begin(), points.row(i).end());
    warp.bend(x);
    points.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), points.cols());
  }
  return points;
}

InputWarp fitted(const std::vector<TrainingSet>& sets, const std::vector<bool>& free,
                 const std::stop_token& stop = {}) {
  const auto stream = Stream::create({});
  return fitted_warp(Surrogates(*stream, sets), free, stop);
}

/// What is divided by the first coordinate, which no scale of length fits everywhere.
Vector quotient(const RowMatrix& x) {
  return (0.3 + x.col(1).array()) / (0.02 + x.col(0).array());
}

/// Log likelihood of Matern-5/2 with the likeliest mean, and the priors, written out.
double judged(const RowMatrix& x, const Vector& y, const Vector& theta) {
  const Eigen::Index n = y.size(), d = x.cols();
  Eigen::MatrixXd covariance(n, n);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < n; ++j) {
      double squared = 0;
      for (Eigen::Index k = 0; k < d; ++k) {
        squared += std::pow((x(i, k) - x(j, k)) / std::exp(theta(1 + k)), 2);
      }
      const double r = std::sqrt(5 * squared);
      covariance(i, j) = (1 + r + r * r / 3) * std::exp(-r) + (i == j ? std::exp(theta(d + 1)) : 0);
    }
  }
  const Eigen::FullPivLU<Eigen::MatrixXd> lu(covariance);
  const Vector ones = Vector::Ones(n);
  const double mean = ones.dot(lu.solve(y)) / ones.dot(lu.solve(ones));
  const Vector rest = y.array() - mean;
  const double determinant = lu.matrixLU().diagonal().array().abs().log().sum();
  return log_prior(theta) - 0.5 * rest.dot(lu.solve(rest)) - 0.5 * determinant;
}

TEST(InputWarp, IsRisingAndUndoesItself) {
  const InputWarp warp((Vector(3) << -1.5, 0, 0.7).finished(),
                       (Vector(3) << 0.9, 0, -0.4).finished());
  for (const double edge : {0.0, 1.0}) {
    std::vector<double> x{edge, edge, edge};
    warp.bend(x);
    EXPECT_EQ(x, (std::vector<double>{edge, edge, edge}));
    warp.unbend(x);
    EXPECT_EQ(x, (std::vector<double>{edge, edge, edge}));
  }
  std::vector<double> before{0, 0, 0};
  for (int i = 1; i < 100; ++i) {
    const double u = i / 100.0;
    std::vector<double> x{u, u, u};
    warp.bend(x);
    EXPECT_GT(x[0], before[0]);
    EXPECT_EQ(x[1], u);
    EXPECT_GT(x[2], before[2]);
    EXPECT_NEAR(x[2], 1 - std::pow(1 - std::pow(u, std::exp(0.7)), std::exp(-0.4)), 1e-9);
    before = x;
    warp.unbend(x);
    for (const double back : x) EXPECT_NEAR(back, u, 1e-6);
  }
  EXPECT_FALSE(warp.bends(1));
  EXPECT_TRUE(InputWarp().identity());
}

/// No map near the one found, nor any of a grid over all of them, explains more with the same
/// hyperparameters: those that `Surrogates` finds for it.
TEST(InputWarp, IsTheLikeliestOfAGrid) {
  const auto stream = Stream::create({});
  const RowMatrix x = random_points(30, 2, 1);
  const Vector y = quotient(x);
  const auto explained = [&](const InputWarp& warp) {
    const Surrogates fit(*stream, {{bent(warp, x), y}});
    const double priors = (warp.log_a().squaredNorm() + warp.log_b().squaredNorm()) / (2 * 0.5625);
    return judged(fit.training(0).x, fit.training(0).y, fit.hyperparameters().row(0).transpose()) -
           priors;
  };
  const InputWarp found = fitted({{x, y}}, {true, false});
  ASSERT_TRUE(found.bends(0));
  EXPECT_FALSE(found.bends(1));
  const double best = explained(found);
  EXPECT_GT(best, explained(InputWarp(Vector::Zero(2), Vector::Zero(2))) + std::log(30.0));
  for (double a = -2; a <= 2; a += 0.25) {
    for (double b = -2; b <= 2; b += 0.25) {
      EXPECT_LT(explained({a * Vector::Unit(2, 0), b * Vector::Unit(2, 0)}), best + 0.05)
          << a << ' ' << b;
    }
  }
}

/// Medians, for what lies outside of all that was measured is anybody's guess.
TEST(InputWarp, MakesSurrogatesFitWhatNoOneScaleFits) {
  const auto stream = Stream::create({});
  const RowMatrix x = random_points(40, 2, 2), fresh = random_points(201, 2, 3);
  const auto error = [&](const InputWarp& warp) {
    const Surrogates fit(*stream, {{bent(warp, x), quotient(x)}});
    Vector errors = (fit.predict(bent(warp, fresh)).mean.row(0).transpose() - quotient(fresh));
    errors = errors.cwiseAbs();
    std::nth_element(errors.begin(), errors.begin() + 100, errors.end());
    return errors(100);
  };
  EXPECT_LT(error(fitted({{x, quotient(x)}}, {true, true})), error(InputWarp()) / 3);
}

TEST(InputWarp, IsTheIdentityWhereOneScaleFits) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const RowMatrix x = random_points(40, 3, seed);
    const Vector wave = (2 * std::numbers::pi * x.col(0).array()).sin() + x.col(1).array();
    EXPECT_TRUE(fitted({{x, wave}}, {true, true, true}).identity()) << seed;
  }
}

TEST(InputWarp, HeedsOnlyWhatHasASay) {
  const RowMatrix x = random_points(40, 2, 4);
  const Vector y = quotient(x);
  const InputWarp alone = fitted({{x, y}}, {true, true});
  ASSERT_TRUE(alone.bends(0));
  // Units of the values are of no concern.
  const InputWarp scaled = fitted({{x, 1e9 * y.array() - 5e9}}, {true, true});
  EXPECT_LT((alone.log_a() - scaled.log_a()).cwiseAbs().maxCoeff(), 1e-3);
  // Nor are sets whose hyperparameters are given, sets that do not vary and points that nothing is
  // known of.
  TrainingSet given{x, (5 * x.col(1).array()).cos().matrix()};
  given.hyperparameters = prior_mode(2);
  EXPECT_EQ(fitted({{x, y}, given}, {true, true}).log_a(), alone.log_a());
  EXPECT_TRUE(fitted({given}, {true, true}).identity());
  EXPECT_TRUE(fitted({{x, Vector::Constant(40, 3.0)}}, {true, true}).identity());
  EXPECT_TRUE(fitted({{x, y}}, {false, false}).identity());
  TrainingSet doubted{x, y};
  doubted.deviation = Vector::Constant(40, 1e9);
  EXPECT_TRUE(fitted({doubted}, {true, true}).identity());
  EXPECT_TRUE(fitted({{x.topRows(1), y.head(1)}}, {true, true}).identity());
}

TEST(InputWarp, IsGivenUpOnRequest) {
  const RowMatrix x = random_points(20, 2, 5);
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(fitted({{x, quotient(x)}}, {true, true}, source.get_token()), Interrupted);
}

}  // namespace
}  // namespace paretiny::surrogate

#include "nas/surrogate/bounded_lbfgs.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/core/random.h"

namespace paretiny::surrogate {
namespace {

using Vector = Eigen::VectorXd;
using Function = std::function<double(const Vector& x, Vector& gradient)>;

/// A hundred times longer and curved along one axis (Rosenbrock, 1960), in d coordinates.
double rosenbrock(const Vector& x, Vector& gradient) {
  double sum = 0;
  gradient = Vector::Zero(x.size());
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i) {
    const double bend = x(i + 1) - x(i) * x(i);
    sum += 100 * bend * bend + (1 - x(i)) * (1 - x(i));
    gradient(i) += -400 * x(i) * bend - 2 * (1 - x(i));
    gradient(i + 1) += 200 * bend;
  }
  return sum;
}

BoundedLbfgs run(const Function& f, const Vector& start, double low, double high,
                 BoundedLbfgs::Options options) {
  const Eigen::Index d = start.size();
  BoundedLbfgs optimiser(start, Vector::Constant(d, low), Vector::Constant(d, high), options);
  Vector gradient;
  while (!optimiser.done()) {
    const Vector x = optimiser.point();
    EXPECT_GE(x.minCoeff(), low);
    EXPECT_LE(x.maxCoeff(), high);
    const double value = f(x, gradient);
    optimiser.tell(value, gradient);
  }
  return optimiser;
}

constexpr BoundedLbfgs::Options kExact{
    .evaluations = 1000, .value_tolerance = 0, .gradient_tolerance = 1e-8};

TEST(BoundedLbfgs, FindsTheMinimumOfACurvedValley) {
  for (const Eigen::Index d : {2, 5, 20}) {
    const BoundedLbfgs end = run(rosenbrock, Vector::Constant(d, -0.5), -3, 3, kExact);
    EXPECT_LT((end.best() - Vector::Ones(d)).cwiseAbs().maxCoeff(), 1e-5) << d;
  }
}

TEST(BoundedLbfgs, StopsAtTheBoundsThatHold) {
  // sum a_i (x_i - c_i)^2: separable, so that the answer is c clamped.
  Random random(1, "lbfgs test");
  for (int round = 0; round < 20; ++round) {
    const Vector centre = Vector::NullaryExpr(8, [&] { return random.uniform(-1, 2); });
    const Vector weight = Vector::NullaryExpr(8, [&] { return std::exp(random.uniform(-3, 3)); });
    const Function f = [&](const Vector& x, Vector& gradient) {
      gradient = 2 * weight.cwiseProduct(x - centre);
      return weight.dot((x - centre).cwiseAbs2());
    };
    const Vector start = Vector::NullaryExpr(8, [&] { return random.uniform(); });
    const BoundedLbfgs end = run(f, start, 0, 1, kExact);
    const Vector expected = centre.cwiseMax(0.0).cwiseMin(1.0);
    EXPECT_LT((end.best() - expected).cwiseAbs().maxCoeff(), 1e-6);
  }
}

TEST(BoundedLbfgs, BacksAwayFromWhatIsNotFinite) {
  const Function f = [](const Vector& x, Vector& gradient) {
    gradient = Vector::Constant(1, 1 - 1 / x(0));  // x - log x, infinite left of 0
    return x(0) <= 0 ? std::numeric_limits<double>::quiet_NaN() : x(0) - std::log(x(0));
  };
  EXPECT_NEAR(run(f, Vector::Constant(1, 1e-3), -5, 5, kExact).best()(0), 1, 1e-6);
  const Function never = [](const Vector&, Vector& gradient) {
    gradient = Vector::Zero(1);
    return std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_EQ(run(never, Vector::Zero(1), -1, 1, kExact).best_value(),
            std::numeric_limits<double>::infinity());
}

TEST(BoundedLbfgs, EndsByEachOfItsLimits) {
  int calls = 0;
  const Function counted = [&](const Vector& x, Vector& gradient) {
    ++calls;
    return rosenbrock(x, gradient);
  };
  run(counted, Vector::Constant(4, -1), -3, 3, {.evaluations = 7});
  EXPECT_EQ(calls, 7);
  calls = 0;
  run(counted, Vector::Constant(4, -1), -3, 3,
      {.evaluations = 1000, .value_tolerance = 1e3, .gradient_tolerance = 0});
  EXPECT_LE(calls, 25);  // the first step that is taken
}

TEST(BoundedLbfgs, TogetherIsAsAlone) {
  std::vector<BoundedLbfgs> together;
  std::vector<Vector> alone;
  for (int i = 0; i < 5; ++i) {
    const Vector start = Vector::Constant(3, -1 + 0.4 * i);
    together.emplace_back(start, Vector::Constant(3, -3), Vector::Constant(3, 3), kExact);
    alone.push_back(run(rosenbrock, start, -3, 3, kExact).best());
  }
  std::vector<std::size_t> evaluated(together.size(), 0);
  std::size_t rounds = 0;
  minimise_together(together, [&](const std::vector<Eigen::Index>& which, const RowMatrix& points,
                                  Vector& values, RowMatrix& gradients) {
    ++rounds;
    ASSERT_EQ(points.rows(), static_cast<Eigen::Index>(which.size()));
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      const auto number = static_cast<std::size_t>(which[static_cast<std::size_t>(i)]);
      ++evaluated[number];
      EXPECT_EQ(points.row(i).transpose(), together[number].point());
      Vector gradient;
      values(i) = rosenbrock(points.row(i).transpose(), gradient);
      gradients.row(i) = gradient.transpose();
    }
  });
  // Who is done is left in peace.
  EXPECT_EQ(*std::max_element(evaluated.begin(), evaluated.end()), rounds);
  EXPECT_LT(*std::min_element(evaluated.begin(), evaluated.end()), rounds);
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(together[i].best(), alone[i]);
}

}  // namespace
}  // namespace paretiny::surrogate

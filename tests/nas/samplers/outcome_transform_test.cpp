#include "nas/samplers/acquisition/outcome_transform.h"

#include "nas/pareto/pareto.h"
#include "tests/nas/samplers/sampler_runs.h"

namespace paretiny::samplers {
namespace {

using namespace test;  // NOLINT

/// Uniform in [0, 1], and log-normal with a median of 1.
Vector uniform_values(int n) {
  Vector values;
  for (int i = 0; i < n; ++i) values.push_back((i * 0.618034) - std::floor(i * 0.618034));
  return values;
}
Vector heavy_values(int n) {
  Vector values = uniform_values(n);
  for (double& v : values) v = std::pow(10.0, 8 * v - 4);
  return values;
}

TEST(OutcomeTransform, IsLinearWithoutATail) {
  const Vector values = uniform_values(40);
  const double least = *std::min_element(values.begin(), values.end());
  const ObjectiveTransform t(values, 2.0, kNone, Beyond::logarithmic);
  for (const double v : {least, 0.3, 0.9, 1.5, 2.0}) {
    EXPECT_NEAR(t(v), (v - least) / (2 - least), 1e-15);
    EXPECT_DOUBLE_EQ(t.share(t(v)), t(v));
  }
}

TEST(OutcomeTransform, RisesAndKnowsItsSlopes) {
  for (const Vector& values : {uniform_values(30), heavy_values(30)}) {
    for (const double limit : {kNone, 0.4, -1.0}) {
      for (const Beyond beyond : {Beyond::linear, Beyond::logarithmic, Beyond::bounded}) {
        const double reference = 0.8;
        const ObjectiveTransform t(values, reference, limit, beyond);
        double before = -kNone;
        for (double v = -0.5; v < 30; v += 0.013) {
          EXPECT_GT(t(v), before);
          before = t(v);
          const double h = 1e-7;
          EXPECT_NEAR(t.slope(v) * 2 * h, t(v + h) - t(v - h), 1e-3 * t.slope(v) * 2 * h + 1e-14)
              << v;
          const double u = t(v);
          EXPECT_NEAR(t.share_slope(u) * 2 * h, t.share(u + h) - t.share(u - h),
                      1e-3 * t.share_slope(u) * 2 * h + 1e-14);
        }
      }
    }
  }
}

TEST(OutcomeTransform, SharesAreOfTheRangeFromTheLeastToTheReference) {
  for (const Beyond beyond : {Beyond::linear, Beyond::logarithmic, Beyond::bounded}) {
    const Vector values = heavy_values(40);
    const double least = *std::min_element(values.begin(), values.end());
    const ObjectiveTransform t(values, 20, kNone, beyond);
    for (const double v : {least, 0.01, 1.0, 5.0, 20.0}) {
      EXPECT_NEAR(t.share(t(v)), (v - least) / (20 - least), 1e-12);
    }
    EXPECT_GT(t.share(t(25)), 1);
  }
}

TEST(OutcomeTransform, ManyOfTheLeastAreNoTail) {
  Vector values = uniform_values(40);
  for (std::size_t i = 0; i < 20; ++i) values[2 * i] = 0;  // such as a sum of violations
  const ObjectiveTransform t(values, 2.0, kNone, Beyond::logarithmic);
  EXPECT_NEAR(t(1.0), 0.5, 1e-15);
}

TEST(OutcomeTransform, AHeavyTailBecomesAboutNormal) {
  const Vector values = heavy_values(60);
  const ObjectiveTransform t(values, 1.1 * 1e4, kNone, Beyond::logarithmic);
  // The middle half of the values has the middle of the range, not a thousandth of it.
  Vector mapped;
  for (const double v : values) mapped.push_back(t(v));
  std::sort(mapped.begin(), mapped.end());
  EXPECT_GT(mapped[45] - mapped[15], 0.25 * (mapped[59] - mapped[0]));
}

TEST(OutcomeTransform, WhatLiesFarBeyondIsBounded) {
  Vector values = uniform_values(40);
  values.insert(values.end(), {3, 1e3, 1e6});  // singular ones, few
  const ObjectiveTransform few(values, 1, kNone, Beyond::bounded);
  EXPECT_LE(few(1e6), 1.5);
  EXPECT_GT(few(1e6), few(3));
  EXPECT_GT(few(3), few(1.5));
  EXPECT_GT(ObjectiveTransform(values, 1, kNone, Beyond::logarithmic)(1e6), 10);
  // Where most lie far beyond, they can be told apart.
  const ObjectiveTransform most(values, 1e-3, kNone, Beyond::bounded);
  EXPECT_GT(most(0.9) - most(0.3), 0.05 * (most(1e6) - most(1e-3)));
}

/// Trials below a reference of 1: so many, then one beyond it.
History some_below(int count) {
  History history;
  for (int i = 0; i < count; ++i) history.push_back(finished({0.1 + 0.01 * i, 0.5 - 0.01 * i}));
  history.push_back(finished({9, 0.7}));
  return history;
}

TEST(OutcomeTransform, BoundsOnceMoreTrialsThanParametersAreBelow) {
  auto problem = reals(3, 2);
  problem.limits.clear();
  const auto beyond = [&](int below) {
    return transformed(problem, some_below(below), true).history.back().objectives[0];
  };
  EXPECT_GT(beyond(3), 2) << "1 + ln(1 + 8 / 0.9)";
  EXPECT_LE(beyond(4), 1.5);
}

TEST(OutcomeTransform, SaysWhereTheReferenceIsInferred) {
  auto problem = reals(2, 2);
  problem.limits.clear();
  EXPECT_FALSE(transformed(problem, some_below(1), true).inferred);
  problem.reference = {0.05, 0.2};
  const Transformed seen = transformed(problem, some_below(3), true);
  EXPECT_TRUE(seen.inferred);
  EXPECT_GT(seen.problem.reference[0], seen.history[0].objectives[0]);
}

TEST(OutcomeTransform, HasNoUnits) {
  for (const Vector& values : {uniform_values(25), heavy_values(25)}) {
    for (const Beyond beyond : {Beyond::logarithmic, Beyond::bounded}) {
      const ObjectiveTransform plain(values, 3, 2, beyond);
      for (const double a : {1e-12, 1e-9, 3e5, 1e12}) {
        for (const double b : {0.0, 7 * a, -2 * a}) {
          Vector scaled;
          for (const double v : values) scaled.push_back(a * v + b);
          const ObjectiveTransform t(scaled, a * 3 + b, a * 2 + b, beyond);
          for (const double v : {0.1, 1.0, 2.5, 100.0}) {
            EXPECT_NEAR(t(a * v + b), plain(v), 1e-9 * std::abs(plain(v)));
          }
        }
      }
    }
  }
}

TEST(OutcomeTransform, KeepsTheZeroOfConstraints) {
  auto problem = reals(1, 1);
  problem.constraints = 2;
  History history;
  for (const double c : {-1e-12, 0.0, 2e-12, -3e-12}) {
    history.push_back({{0.5}, Outcome::finished, {1}, {c, 1e9 * c}});
  }
  const Transformed t = transformed(problem, history, true);
  for (std::size_t i = 0; i < history.size(); ++i) {
    EXPECT_NEAR(t.history[i].constraints[0], history[i].constraints[0] / 3e-12, 1e-12);
    EXPECT_NEAR(t.history[i].constraints[1], t.history[i].constraints[0], 1e-12);
  }
}

TEST(OutcomeTransform, InfersAReferenceThatNothingReaches) {
  const pareto::Points points{{1, 4}, {3, 2}, {9, 9}};
  EXPECT_EQ(reachable_reference(points, {10, 10}), (Vector{10, 10}));
  EXPECT_EQ(reachable_reference(points, {0, 10}), (Vector{3.2, 10}));
  EXPECT_EQ(reachable_reference(points, {2, 3}), (Vector{3.2, 4.2})) << "below in one each";
  EXPECT_EQ(reachable_reference({}, {0, 0}), (Vector{0, 0}));
  const Vector one = reachable_reference({{5, 5}}, {1, 1});
  EXPECT_GT(one[0], 5);
  EXPECT_GT(one[1], 5);
}

TEST(OutcomeTransform, MapsWhatIsKnownAndWhatIsGuessed) {
  auto problem = reals(1, 2);
  problem.reference = {4, 4};
  problem.limits = {kNone, 3};
  problem.known = [](const space::Values&) { return Vector{kNan, 2}; };
  const History history{finished({0, 1}), {{0.5}, Outcome::stopped, {2, 2}, {}, {1, 0}}};
  const Transformed t = transformed(problem, history, true);
  EXPECT_NEAR(t.history[1].deviations[0], 0.25, 1e-15);
  const Vector known = t.problem.known({});
  EXPECT_TRUE(std::isnan(known[0]));
  EXPECT_EQ(known[1], t.history[1].objectives[1]);
  EXPECT_EQ(t.problem.limits[0], kNone);
  EXPECT_NEAR(t.problem.limits[1], 2.0 / 3, 1e-15);
}

}  // namespace
}  // namespace paretiny::samplers

#include "nas/stopping/ridge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/core/random.h"

namespace paretiny::stopping {
namespace {

/// The sum of the first column and a tenth of the second.
double target(const std::vector<double>& row) {
  return row[0] + 0.1 * row[1];
}

/// Rows of numbers in 0 .. 1 that begin with 0 and 1, and what is learnt from them.
Ridge learnt() {
  Random random(3, "ridge test");
  Features rows{{0, 0}, {1, 1}};
  for (int i = 0; i < 40; ++i) rows.push_back({random.uniform(), random.uniform()});
  std::vector<double> targets;
  for (const std::vector<double>& row : rows) targets.push_back(target(row));
  return {rows, targets, 2};
}

TEST(Ridge, LearnsASum) {
  const Ridge ridge = learnt();
  EXPECT_NEAR(ridge.predict({0.3, 0.7}), target({0.3, 0.7}), 0.03);
  EXPECT_LT(ridge.deviation(), 0.03);
}

TEST(Ridge, KnowsNothingBeyondWhatItSaw) {
  const Ridge ridge = learnt();
  EXPECT_EQ(ridge.predict({1000, 0.5}), ridge.predict({1, 0.5}));
  EXPECT_EQ(ridge.predict({0.5, -1e9}), ridge.predict({0.5, 0}));
  for (const double value : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    EXPECT_TRUE(std::isnan(ridge.predict({0.5, value})));
  }
}

}  // namespace
}  // namespace paretiny::stopping

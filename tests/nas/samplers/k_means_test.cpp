#include "nas/samplers/proposal/k_means.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace paretiny::samplers {
namespace {

TEST(KMeans, FindsSeparateClusters) {
  Random random(1, "k means test");
  surrogate::RowMatrix points(30, 2);
  for (Eigen::Index i = 0; i < 30; ++i) {
    points.row(i) << static_cast<double>(i % 3) + 0.01 * random.normal(), 0.01 * random.normal();
  }
  const surrogate::RowMatrix centres = k_means(points, 3, random);
  ASSERT_EQ(centres.rows(), 3);
  std::set<long> found;
  for (Eigen::Index c = 0; c < 3; ++c) {
    found.insert(std::lround(centres(c, 0)));
    EXPECT_NEAR(centres(c, 0), std::round(centres(c, 0)), 0.02);
  }
  EXPECT_EQ(found.size(), 3u);
  EXPECT_EQ(k_means(surrogate::RowMatrix::Ones(4, 2), 3, random).rows(), 1);
  EXPECT_EQ(k_means(points.topRows(2), 3, random).rows(), 2);
  EXPECT_EQ(k_means(surrogate::RowMatrix(0, 2), 3, random).rows(), 0);
}

}  // namespace
}  // namespace paretiny::samplers

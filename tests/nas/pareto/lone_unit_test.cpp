#include "nas/pareto/lone_unit.h"

#include <gtest/gtest.h>

namespace paretiny::pareto {
namespace {

TEST(LoneUnit, FollowsTheUnit) {
  EXPECT_EQ(lone_unit(3, 5), 3);
  EXPECT_EQ(lone_unit(3, -5), 8);
  EXPECT_EQ(lone_unit(-3, -3), 3);
  for (const double unit : {1e-12, 1e12}) {
    EXPECT_DOUBLE_EQ(lone_unit(3 * unit, -5 * unit), 8 * unit);
  }
}

TEST(LoneUnit, IsAboveZeroAlways) {
  EXPECT_EQ(lone_unit(0, 0), 1);
  EXPECT_EQ(lone_unit(0, 7), 7);
  EXPECT_GT(lone_unit(5e-324, 0), 0);
}

}  // namespace
}  // namespace paretiny::pareto

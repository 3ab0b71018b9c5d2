#include "kernels/core/host_device.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace paretiny {
namespace {

TEST(HostDevice, RoundsUp) {
  for (std::int64_t size = 1; size < 9; ++size) {
    for (std::int64_t count = 0; count < 40; ++count) {
      const std::int64_t pieces = ceil_div(count, size);
      EXPECT_GE(pieces * size, count);
      EXPECT_LT((pieces - 1) * size, count);
      EXPECT_EQ(round_up(count, size), pieces * size);
    }
  }
}

TEST(HostDevice, CountsInTheWiderType) {
  EXPECT_EQ(ceil_div(std::int64_t{1} << 40, 3), 366503875926);
  EXPECT_EQ(round_up(std::size_t{5}, 4), std::size_t{8});
  static_assert(ceil_div(-2, 3) == 0, "above -size");
}

}  // namespace
}  // namespace paretiny

#include <bit>

#include "engine/data/step_table.h"
#include "tests/support/kernels.h"

namespace paretiny::data {
namespace {

TEST(StepTable, GivesItsRowsInOrderAndFromTheFirstAgain) {
  const auto stream = test::test_stream();
  StepTable table(stream->device(), 3, 4);
  const std::int32_t half = std::bit_cast<std::int32_t>(0.5f);
  table.fill(*stream, {1, 2, 3, half, 4, 5, 6, half, 7, 8, 9, half});
  const auto step = stream->record([&] { table.next(*stream); });
  for (int run = 0; run < 2; ++run) {
    for (std::int32_t row = 0; row < 3; ++row) {
      step->run();
      std::int32_t numbers[2];
      stream->download(numbers, table.row(DType::i32, 1, 2).data, sizeof(numbers));
      EXPECT_EQ(numbers[0], 3 * row + 2);
      EXPECT_EQ(numbers[1], 3 * row + 3);
      float rate = 0;
      stream->download(&rate, table.row(DType::f32, 3, 1).data, sizeof(rate));
      EXPECT_EQ(rate, 0.5f);
    }
    table.rewind(*stream);
  }
  table.fill(*stream, std::vector<std::int32_t>(12, 11));
  step->run();
  std::int32_t first = 0;
  stream->download(&first, table.row(DType::i32, 0, 1).data, sizeof(first));
  EXPECT_EQ(first, 11);
}

}  // namespace
}  // namespace paretiny::data

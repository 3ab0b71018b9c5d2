#include "kernels/nn/training/next_row.h"

#include "tests/support/kernels.h"

namespace paretiny::test {
namespace {

TEST(NextRow, CopiesRowAfterRow) {
  const auto stream = test_stream();
  for (const std::int64_t width : {1, 5, 300}) {
    const std::int64_t rows = 4;
    std::vector<double> numbers;
    for (std::int64_t i = 0; i < rows * width; ++i) {
      numbers.push_back(static_cast<double>(i * 7919 - 12345));
    }
    const Tensor table(*stream, DType::i32, {1, 1, rows, width}, numbers);
    const Tensor counter(*stream, DType::i32, {1, 1, 1, 1}, {1});
    const Tensor row(*stream, DType::i32, {1, 1, 1, width});
    for (std::int64_t at = 1; at < rows; ++at) {
      nn::next_row(*stream, table, counter, row);
      EXPECT_EQ(row.values(), std::vector<double>(numbers.begin() + at * width,
                                                  numbers.begin() + (at + 1) * width));
      EXPECT_EQ(counter.values(), std::vector<double>{static_cast<double>(at + 1)});
    }
    EXPECT_EQ(table.values(), numbers);
  }
}

/// A row may hold floats: every bit goes over.
TEST(NextRow, KeepsTheBitsOfFloats) {
  const auto stream = test_stream();
  const Tensor floats(*stream, DType::f32, {1, 1, 1, 4},
                      {0.1, -0.0, std::nan(""), std::numeric_limits<double>::infinity()});
  const Tensor counter(*stream, DType::i32, {1, 1, 1, 1}, {0});
  const Tensor row(*stream, DType::i32, {1, 1, 1, 4});
  nn::next_row(*stream, view(floats.view().data, DType::i32, floats.shape()), counter, row);
  EXPECT_EQ(row.bytes(), floats.bytes());
}

/// Recorded once, each run takes the next row.
TEST(NextRow, MovesOnWhenReplayed) {
  const auto stream = test_stream();
  const Tensor table(*stream, DType::i32, {1, 1, 3, 2}, {10, 11, 20, 21, 30, 31});
  const Tensor counter(*stream, DType::i32, {1, 1, 1, 1}, {0});
  const Tensor row(*stream, DType::i32, {1, 1, 1, 2});
  const auto recording = stream->record([&] { nn::next_row(*stream, table, counter, row); });
  for (const double tens : {10.0, 20.0, 30.0}) {
    recording->run();
    EXPECT_EQ(row.values(), (std::vector<double>{tens, tens + 1}));
  }
}

TEST(NextRow, RejectsWhatDoesNotFit) {
  const auto stream = test_stream();
  const Tensor table(*stream, DType::i32, {1, 1, 3, 2});
  const Tensor counter(*stream, DType::i32, {1, 1, 1, 1}, {0});
  const Tensor row(*stream, DType::i32, {1, 1, 1, 2});
  const Tensor floats(*stream, DType::f32, {1, 1, 1, 2});
  EXPECT_THROW(nn::next_row(*stream, row, counter, table), UsageError);
  EXPECT_THROW(nn::next_row(*stream, table, row, row), UsageError);
  EXPECT_THROW(nn::next_row(*stream, table, counter, floats), UsageError);
  EXPECT_THROW(nn::next_row(*stream, table, View{}, row), UsageError);
  EXPECT_THROW(nn::next_row(*stream, ConstView{}, counter, row), UsageError);
}

}  // namespace
}  // namespace paretiny::test

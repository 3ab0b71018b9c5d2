// Numbers that change from step to step, laid out on the device ahead of many steps.
#pragma once

#include <vector>

#include "kernels/core/buffer.h"
#include "kernels/core/stream.h"

namespace paretiny::data {

/// A table of 32-bit numbers, a row a step, and the row of the present step.
class StepTable {
 public:
  StepTable() = default;
  StepTable(Device device, std::int64_t rows, std::int64_t width);

  /// Uploads all rows; the first is next.
  void fill(Stream& stream, const std::vector<std::int32_t>& values);
  /// Row `row` is next.
  void rewind(Stream& stream, std::int64_t row = 0);
  /// Makes the next row the present one: what a recorded step begins with, at most `rows` times.
  void next(Stream& stream) const;
  /// `count` numbers of the present row: i32, or f32 that `fill` was given bit by bit.
  View row(DType dtype, std::int64_t column, std::int64_t count) const;

  std::size_t bytes() const { return buffer_.bytes(); }

 private:
  Buffer buffer_;  // the counter, the present row, the table
  std::int64_t rows_ = 0, width_ = 0;
};

}  // namespace paretiny::data

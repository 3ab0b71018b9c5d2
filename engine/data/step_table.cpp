#include "engine/data/step_table.h"

#include "kernels/core/arena.h"
#include "kernels/nn/training/next_row.h"

namespace paretiny::data {
namespace {

constexpr std::size_t kRow = aligned(sizeof(std::int32_t));

std::size_t table_offset(std::int64_t width) {
  return kRow + aligned(static_cast<std::size_t>(width) * sizeof(std::int32_t));
}

}  // namespace

StepTable::StepTable(Device device, std::int64_t rows, std::int64_t width)
    : buffer_(device,
              table_offset(width) + static_cast<std::size_t>(rows * width) * sizeof(std::int32_t)),
      rows_(rows),
      width_(width) {}

void StepTable::fill(Stream& stream, const std::vector<std::int32_t>& values) {
  const View table = buffer_.at(table_offset(width_), DType::i32, {1, 1, rows_, width_});
  stream.upload(table.data, values.data(), table.bytes());
  rewind(stream);
}

void StepTable::rewind(Stream& stream, std::int64_t row) {
  const auto counter = static_cast<std::int32_t>(row);
  stream.upload(buffer_.data(), &counter, sizeof(counter));
}

void StepTable::next(Stream& stream) const {
  nn::next_row(stream, buffer_.at(table_offset(width_), DType::i32, {1, 1, rows_, width_}),
               buffer_.at(0, DType::i32, {}), row(DType::i32, 0, width_));
}

View StepTable::row(DType dtype, std::int64_t column, std::int64_t count) const {
  return buffer_.at(kRow + static_cast<std::size_t>(column) * sizeof(std::int32_t), dtype,
                    {1, 1, 1, count});
}

}  // namespace paretiny::data

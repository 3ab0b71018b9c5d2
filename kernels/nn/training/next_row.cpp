#include "kernels/nn/training/next_row.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::next_row)> next_row("next_row");
}  // namespace twins

void next_row(Stream& stream, ConstView table, View counter, View row) {
  constexpr const char* op = "next_row";
  check_tensor(op, "table", table, {1, 1, table.shape.w, table.shape.c}, {DType::i32});
  check_tensor(op, "counter", counter, {1, 1, 1, 1}, {DType::i32});
  check_tensor(op, "row", row, {1, 1, 1, table.shape.c}, {DType::i32});
  twins::next_row(stream, table, counter, row);
}

}  // namespace paretiny::nn

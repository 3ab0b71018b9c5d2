#include "kernels/nn/training/next_row.h"

#include <algorithm>

namespace paretiny::cpu {
namespace {

void next_row(Stream&, ConstView table, View counter, View row) {
  std::int32_t& at = *counter.as<std::int32_t>();
  const std::int64_t width = table.shape.c;
  std::copy_n(table.as<std::int32_t>() + at * width, width, row.as<std::int32_t>());
  ++at;
}

const Twin next_row_twin(nn::twins::next_row, DeviceKind::cpu, next_row);

}  // namespace
}  // namespace paretiny::cpu

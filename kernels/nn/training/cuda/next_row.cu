// A row of the step table: one block, so that the counter moves on after everyone has read it.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/nn/training/next_row.h"

namespace paretiny::cuda {
namespace {

/// One block. table: [rows, width]; row: [width].
__global__ void next_row_kernel(GridDependency earlier, std::int64_t width,
                                const std::int32_t* table, std::int32_t* counter,
                                std::int32_t* row) {
  earlier.wait();
  const std::int32_t at = *counter;
  for (std::int64_t i = threadIdx.x; i < width; i += blockDim.x) row[i] = table[at * width + i];
  __syncthreads();
  if (threadIdx.x == 0) *counter = at + 1;
}

void next_row(Stream& stream, ConstView table, View counter, View row) {
  launch_dependent(stream, "next_row", next_row_kernel, {dim3(1), dim3(128)}, table.shape.c,
                   table.as<std::int32_t>(), counter.as<std::int32_t>(), row.as<std::int32_t>());
}

const Twin twin(nn::twins::next_row, DeviceKind::cuda, next_row);

}  // namespace
}  // namespace paretiny::cuda

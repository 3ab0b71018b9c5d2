// What changes from one training step to the next (the learning rate, the place in the epoch), laid
// out in device memory ahead of many steps, so that a recorded step needs nothing from the host.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

/// row = table[counter], then counter += 1. table: [1, 1, rows, width] i32, row: [1, 1, 1, width]
/// i32, which may hold floats bit by bit; counter: [1, 1, 1, 1] i32, within 0 .. rows-1 (the
/// caller's duty).
void next_row(Stream&, ConstView table, View counter, View row);

namespace twins {
extern Op<decltype(next_row)> next_row;
}  // namespace twins

}  // namespace paretiny::nn

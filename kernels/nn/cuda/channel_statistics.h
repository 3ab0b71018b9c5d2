// Mean and variance of a stored tensor's channels, for who has not taken them on the way out.
#pragma once

#include "kernels/core/stream.h"
#include "kernels/core/tensor.h"

namespace paretiny::cuda {

/// mean, variance (biased): [1, 1, 1, c] f32 of x over its pixels. Reads x once, in one pass that
/// does not cancel.
void channel_statistics(Stream& stream, const ConstView& x, const View& mean, const View& variance);

/// What that takes from the stream's arena, in bytes.
std::size_t channel_statistics_bytes(Stream& stream, const Shape& shape, DType dtype);

}  // namespace paretiny::cuda

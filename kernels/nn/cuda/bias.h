// A bias a channel, and its gradient, where no product takes them along.
#pragma once

#include "kernels/core/stream.h"
#include "kernels/core/tensor.h"

namespace paretiny::cuda {

/// y[..., c] += b[c]; y: f32 or bf16; b: f32.
void add_bias(Stream& stream, const ConstView& b, const View& y);

/// db[c] = sum of dy[..., c], in a fixed order; dy: f32 or bf16; db: f32.
void bias_gradient(Stream& stream, const ConstView& dy, const View& db);

/// The most scratch that bias_gradient takes, in bytes.
std::size_t bias_gradient_bytes(Stream& stream, const Shape& dy, DType dtype);

}  // namespace paretiny::cuda

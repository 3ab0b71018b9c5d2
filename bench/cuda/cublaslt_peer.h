// Products by cuBLASLt: what pointwise convolutions are held against, and the ceiling of
// arithmetic.
#pragma once

#include "bench/cuda/measure.h"
#include "kernels/nn/pointwise.h"

namespace paretiny::bench {

/// A pointwise convolution's directions as plain products. x, y and their gradients are of `dtype`
/// (f32 in full precision, bf16, or, forward only, i8 with sums in i32), weights as well, which
/// saves the conversion that ours includes; weight gradients are f32. The fastest of the
/// algorithms that its heuristic offers is timed and taken.
Call cublaslt_forward(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                      DType dtype);
Call cublaslt_backward_data(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                            DType dtype);
Call cublaslt_backward_weights(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                               DType dtype);

/// The forward product on tensors of the caller's: x[set] times the peer's own weights into y[set].
Call cublaslt_forward_on(Stream& stream, std::size_t sets, const nn::PointwiseShape& shape,
                         DType dtype, const SharedTensors& x, const SharedTensors& y);

}  // namespace paretiny::bench

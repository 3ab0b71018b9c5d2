// Pointwise (1x1, stride 1) convolution: a matrix product over all pixels. Types as in conv.h.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"
#include "kernels/nn/convolution_arguments.h"

namespace paretiny::nn {

struct PointwiseShape {
  Shape input;  ///< [n, h, w, c_in]
  std::int64_t out_channels = 0;

  Shape output() const { return {input.n, input.h, input.w, out_channels}; }
  Shape weights() const { return {out_channels, 1, 1, input.c}; }
  friend bool operator==(const PointwiseShape&, const PointwiseShape&) = default;
};

/// y = x w^T + b. x: [n, h, w, c_in]; w: [c_out, 1, 1, c_in]; y: [n, h, w, c_out].
void pointwise_forward(Stream&, const PointwiseShape&, const ConvolutionForward&);

/// dx = dy w; overwritten.
void pointwise_backward_data(Stream&, const PointwiseShape&, ConstView dy, ConstView w, View dx);

/// dw = dy^T x, db = column sums of dy; overwritten.
void pointwise_backward_weights(Stream&, const PointwiseShape&, const ConvolutionWeightGradient&);

/// The most scratch that any of the three takes from the stream's arena, in bytes, used like that.
std::size_t pointwise_scratch_bytes(Stream&, const PointwiseShape&, DType activations,
                                    const ConvolutionUse& = {});

namespace twins {
extern Op<decltype(pointwise_forward)> pointwise_forward;
extern Op<decltype(pointwise_backward_data)> pointwise_backward_data;
extern Op<decltype(pointwise_backward_weights)> pointwise_backward_weights;
extern Op<decltype(pointwise_scratch_bytes)> pointwise_scratch_bytes;
}  // namespace twins

}  // namespace paretiny::nn

// Depthwise convolution, channel multiplier 1, NHWC. Types as in conv.h.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"
#include "kernels/nn/convolution_arguments.h"
#include "kernels/nn/window.h"

namespace paretiny::nn {

struct DepthwiseShape {
  Shape input;  ///< [n, h, w, c]
  Window window;

  Shape output() const { return {input.n, window.out_h(input.h), window.out_w(input.w), input.c}; }
  Shape weights() const { return {1, window.kernel_h, window.kernel_w, input.c}; }
  friend bool operator==(const DepthwiseShape&, const DepthwiseShape&) = default;
};

/// y[.., c] = x[.., c] * w[.., c] + b[c]. x: [n, h, w, c]; w: [1, kh, kw, c]; y: [n, oh, ow, c].
void depthwise_forward(Stream&, const DepthwiseShape&, const ConvolutionForward&);

/// dx = gradient of sum(y * dy) with respect to x; overwritten.
void depthwise_backward_data(Stream&, const DepthwiseShape&, ConstView dy, ConstView w, View dx);

/// dw and db are overwritten.
void depthwise_backward_weights(Stream&, const DepthwiseShape&, const ConvolutionWeightGradient&);

/// The most scratch that any of the three takes from the stream's arena, in bytes.
std::size_t depthwise_scratch_bytes(Stream&, const DepthwiseShape&, DType activations);

namespace twins {
extern Op<decltype(depthwise_forward)> depthwise_forward;
extern Op<decltype(depthwise_backward_data)> depthwise_backward_data;
extern Op<decltype(depthwise_backward_weights)> depthwise_backward_weights;
extern Op<decltype(depthwise_scratch_bytes)> depthwise_scratch_bytes;
}  // namespace twins

}  // namespace paretiny::nn

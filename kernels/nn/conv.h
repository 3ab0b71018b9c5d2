// Dense convolution (a correlation: the kernel is not flipped), NHWC.
//
// Types: x, y and their gradients share one of f32, bf16; weights, bias and their gradients are
// f32, and products accumulate in f32. Where Preferences::bf16_weights says so weights may also be
// bf16. No output may alias an input.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"
#include "kernels/nn/convolution_arguments.h"
#include "kernels/nn/window.h"

namespace paretiny::nn {

struct ConvShape {
  Shape input;  ///< [n, h, w, c_in]
  std::int64_t out_channels = 0;
  Window window;

  Shape output() const {
    return {input.n, window.out_h(input.h), window.out_w(input.w), out_channels};
  }
  Shape weights() const { return {out_channels, window.kernel_h, window.kernel_w, input.c}; }
  friend bool operator==(const ConvShape&, const ConvShape&) = default;
};

/// y = x * w + b. x: [n, h, w, c_in]; w: [c_out, kh, kw, c_in]; b: [1, 1, 1, c_out] or null;
/// y: [n, oh, ow, c_out]. Throws UsageError for shapes or types that do not fit.
void conv_forward(Stream&, const ConvShape&, ConstView x, ConstView w, ConstView b, View y);

/// conv_forward of prologue(x); of an Epilogue it takes the statistics and nothing else.
void conv_forward_fused(Stream&, const ConvShape&, const ConvolutionForward&);

/// dx = gradient of sum(y * dy) with respect to x; overwritten.
void conv_backward_data(Stream&, const ConvShape&, ConstView dy, ConstView w, View dx);

/// dw, db = gradients with respect to w and b; overwritten. db may be null.
void conv_backward_weights(Stream&, const ConvShape&, ConstView x, ConstView dy, View dw, View db);
/// The same of prologue(x).
void conv_backward_weights_fused(Stream&, const ConvShape&, const ConvolutionWeightGradient&);

/// Whether a batch norm before it, or whatever else a Prologue is, had better be read on the way in
/// than be stored.
bool conv_reads_through(Stream&, const ConvShape&, DType activations);

/// The most scratch that any of these takes from the stream's arena, in bytes, used like that.
std::size_t conv_scratch_bytes(Stream&, const ConvShape&, DType activations,
                               const ConvolutionUse& = {});

namespace twins {
extern Op<decltype(conv_forward_fused)> conv_forward;
extern Op<decltype(conv_backward_data)> conv_backward_data;
extern Op<decltype(conv_backward_weights_fused)> conv_backward_weights;
extern Op<decltype(conv_reads_through)> conv_reads_through;
extern Op<decltype(conv_scratch_bytes)> conv_scratch_bytes;
}  // namespace twins

}  // namespace paretiny::nn

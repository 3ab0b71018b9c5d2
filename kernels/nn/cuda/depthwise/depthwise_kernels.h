// The depthwise kernels as kernels/nn/cuda/depthwise/depthwise.cu chooses among them. Those of a
// stream of rows (depthwise.h) serve the windows of with_taps; any_* serve every other window, and
// tensors too large for 32-bit coordinates.
#pragma once

#include "kernels/nn/cuda/depthwise/depthwise.h"
#include "kernels/nn/cuda/merge_parts.h"

namespace paretiny::cuda::depthwise {

/// Calls f with the Taps that suit a window; false if there are none. The shares of a thread
/// are as large as its registers allow.
template <class F>
bool with_taps(const nn::Window& window, F f) {
  const auto is = [&](std::int64_t kernel, std::int64_t stride) {
    return window.kernel_h == kernel && window.kernel_w == kernel && window.stride_h == stride &&
           window.stride_w == stride;
  };
  if (is(3, 1)) return f(Taps<3, 3, 1, 4, 4, 128>{}), true;
  if (is(3, 2)) return f(Taps<3, 3, 2, 4, 2, 128>{}), true;
  if (is(5, 1)) return f(Taps<5, 5, 1, 2, 4, 128>{}), true;
  if (is(5, 2)) return f(Taps<5, 5, 2, 2, 2, 128>{}), true;
  if (window.kernel_h != 1 || window.kernel_w > 9 || window.stride_h != 1) return false;
  if (window.stride_w == 1) return f(Taps<1, 9, 1, 2, 8>{}), true;
  if (window.stride_w == 2) return f(Taps<1, 9, 2, 2, 4>{}), true;
  return false;
}

/// A depthwise convolution or, `turned`, with the window turned around.
struct Weights {
  const float* data;
  int kernel_h, kernel_w;
  bool turned;

  __device__ float at(int ky, int kx, int channels, int channel) const {
    const int tap = ky * kernel_w + kx;
    return data[(turned ? kernel_h * kernel_w - 1 - tap : tap) * channels + channel];
  }
};

/// Of kVector channels, the first `count` of which exist; taps past the window's width are zero.
template <int kKernelH, int kKernelW, int kVector>
__device__ void load_weights(const Weights& from, int channels, int channel, int count,
                             float (&to)[kKernelH][kKernelW][kVector]) {
  for (int ky = 0; ky < kKernelH; ++ky) {
    for (int kx = 0; kx < kKernelW; ++kx) {
      for (int v = 0; v < kVector; ++v) {
        const bool exists = kx < from.kernel_w && v < count;
        to[ky][kx][v] = exists ? from.at(ky, kx, channels, channel + v) : 0.0f;
      }
    }
  }
}

/// [blocks][channels] of Sum in scratch.
template <class Sum>
std::size_t parts_bytes(int blocks, std::int64_t channels) {
  return aligned(static_cast<std::size_t>(blocks * channels) * sizeof(Sum));
}
template <class Sum>
Sum* take_parts(Arena::Scope& scratch, int blocks, std::int64_t channels) {
  return static_cast<Sum*>(scratch.take(parts_bytes<Sum>(blocks, channels)));
}

/// The statistics of an epilogue that asks for them, from the moments of blocks.
void merge_statistics(Stream& stream, int blocks, std::int64_t channels, const Moments* partial,
                      const nn::Epilogue& epilogue);
/// dw and db (where it is wanted) from [blocks][taps and the bias][channels].
void merge_weights(Stream& stream, const nn::DepthwiseShape& shape, int blocks,
                   const PlainSum* partial, View dw, View db);

/// y = epilogue(prologue(x) * weights + b) for a window of with_taps; t.w is not looked at.
/// `shape`: input and window as the sums see them: padding may be negative where the window is
/// turned.
void correlate(Stream& stream, const char* name, const nn::DepthwiseShape& shape,
               const Shape& result, const Weights& weights, const nn::ConvolutionForward& t);
std::size_t correlate_scratch_bytes(Stream& stream, const nn::Window& window, const Shape& result,
                                    DType dtype);

/// Whether correlate multiplies by diagonals on tensor cores (depthwise_diagonals.cu): for windows
/// of 3x3 or 5x5 and stride 1 in bf16, where the table of variants wants it.
bool takes_diagonals(const nn::Window& window, DType dtype, std::int64_t channels);
/// As correlate.
void correlate_diagonals(Stream& stream, const char* name, const nn::DepthwiseShape& shape,
                         const Shape& result, const Weights& weights,
                         const nn::ConvolutionForward& t);
std::size_t correlate_diagonals_scratch_bytes(Stream& stream, const nn::Window& window,
                                              const Shape& result);

/// dx for a window of with_taps whose stride is 2.
void spread(Stream& stream, const nn::DepthwiseShape& shape, ConstView dy, ConstView w, View dx);

/// dw and db for a window of with_taps.
void stream_weights(Stream& stream, const nn::DepthwiseShape& shape,
                    const nn::ConvolutionWeightGradient& t);
std::size_t stream_weights_scratch_bytes(Stream& stream, const nn::DepthwiseShape& shape,
                                         DType dtype);

void any_forward(Stream& stream, const nn::DepthwiseShape& shape, const nn::ConvolutionForward& t);
void any_backward_data(Stream& stream, const nn::DepthwiseShape& shape, ConstView dy, ConstView w,
                       View dx);
void any_backward_weights(Stream& stream, const nn::DepthwiseShape& shape,
                          const nn::ConvolutionWeightGradient& t);
std::size_t any_scratch_bytes(Stream& stream, const nn::DepthwiseShape& shape);

}  // namespace paretiny::cuda::depthwise

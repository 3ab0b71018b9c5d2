// Our own dense convolution, for whatever cuDNN declines: implicit products of matrices, bf16 on
// tensor cores and f32 in exact float arithmetic. Tensors are read in packs of 16 bytes along
// channels; where channel counts leave no whole packs, or a pointer is not aligned, a padded copy
// is made first: it moves a tensor once more, reading it element by element for every tap would
// move it as often through the caches as there are taps.
#pragma once

#include "kernels/core/stream.h"
#include "kernels/nn/cuda/conv/conv_geometry.h"
#include "kernels/nn/cuda/fused.h"

namespace paretiny::cuda {

/// `tensor` itself if its rows are whole aligned packs, else a copy in scratch with
/// padded_channels, the further ones 0.
ConstView with_whole_packs(Stream& stream, Arena::Scope& scratch, const ConstView& tensor);
/// What that takes for an aligned tensor, in bytes.
std::size_t whole_packs_bytes(const Shape& shape, DType dtype);

/// What a Prologue makes of `tensor`, in scratch; `tensor` itself where there is none.
ConstView read_through(Stream& stream, Arena::Scope& scratch, const ConstView& tensor,
                       const nn::Prologue& prologue);

/// w as gather_convolution reads it: [phase][target channel][depth()] in the type of activations. w
/// itself where it lies so, as bf16 weights do in forward direction, with whole packs of channels.
ConstView gather_weights(Stream& stream, Arena::Scope& scratch, const Gather& gather,
                         const nn::ConvShape& shape, const ConstView& w, DType activations);
std::size_t gather_weights_bytes(const Gather& gather, DType activations);

/// Whether halo_convolution does what gather_convolution does: bf16, 3x3 taps, stride 1, and a
/// target that fills half of its tiles at least.
bool halo_takes(Stream& stream, const Gather& gather, DType dtype);
struct HaloTensors {
  ConstView source, weights, b;  ///< b may be null
  View target;
  View mean{}, variance{};  ///< of the stored target a channel, biased, or both null
  InputTransform input{};   ///< of the source; its channels fill whole packs then
};
void halo_convolution(Stream& stream, const char* name, const Gather& gather, const HaloTensors& t);
/// What the statistics take from the stream's arena, in bytes.
std::size_t halo_statistics_bytes(const Gather& gather);

/// target = gathered source x weights + b; `b` may be null.
void gather_convolution(Stream& stream, const char* name, const Gather& gather,
                        const ConstView& source, const ConstView& weights, const ConstView& b,
                        const View& target);

/// dw of x and dy, both with whole packs, in two passes: partial sums over strips of pixels in
/// scratch, then their sum in order.
void weight_gradient(Stream& stream, const nn::ConvShape& shape, const ConstView& x,
                     const ConstView& dy, const View& dw);
std::size_t weight_gradient_bytes(Stream& stream, const nn::ConvShape& shape, DType activations);

}  // namespace paretiny::cuda

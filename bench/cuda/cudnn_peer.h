// Convolutions by cuDNN, dense and depthwise (as many groups as channels): what ours are held
// against.
#pragma once

#include "bench/cuda/measure.h"
#include "kernels/nn/window.h"

namespace paretiny::bench {

enum class Direction { forward, backward_data, backward_weights };

struct Convolution {
  Shape input;
  std::int64_t out_channels = 0;
  nn::Window window{};
  std::int64_t groups = 1;

  Shape output() const {
    return {input.n, window.out_h(input.h), window.out_w(input.w), out_channels};
  }
};

/// One direction with the fastest algorithm that cuDNN's search finds, deterministic or not.
/// Tensors and weights are of `dtype`, in NHWC or NCHW order. cuDNN pads alike on both sides: where
/// ours pads one more behind than before, it pads both with that, for as many outputs and the same
/// work. Throws DeviceError where no algorithm is offered.
Call cudnn_convolution(Stream& stream, std::size_t sets, const Convolution& convolution,
                       Direction direction, DType dtype, bool channels_last);

/// The forward direction in NHWC into tensors of the caller's.
Call cudnn_forward_into(Stream& stream, std::size_t sets, const Convolution& convolution,
                        DType dtype, const SharedTensors& y);

}  // namespace paretiny::bench

#include "kernels/nn/pointwise.h"

#include "kernels/nn/cpu/convolution/convolution.h"
#include "kernels/nn/cpu/fusion.h"

namespace paretiny::cpu {
namespace {

/// As a convolution of rows of h * w pixels: oneDNN works along rows, and short ones are slow.
Convolution convolution(const nn::PointwiseShape& shape, DType activations) {
  const Shape& in = shape.input;
  return {{in.n, 1, in.h * in.w, in.c}, shape.out_channels, nn::Window{}, activations};
}

void forward(Stream& stream, const nn::PointwiseShape& shape, const nn::ConvolutionForward& t) {
  Arena::Scope scratch(stream.scratch());
  convolution_forward(stream, convolution(shape, t.x.dtype), read_through(scratch, t.prologue, t.x),
                      t.w, t.b, t.y);
  write_through(t.epilogue, t.y);
}

void backward_data(Stream& stream, const nn::PointwiseShape& shape, ConstView dy, ConstView w,
                   View dx) {
  convolution_backward_data(stream, convolution(shape, dy.dtype), dy, w, dx);
}

void backward_weights(Stream& stream, const nn::PointwiseShape& shape,
                      const nn::ConvolutionWeightGradient& t) {
  Arena::Scope scratch(stream.scratch());
  convolution_backward_weights(stream, convolution(shape, t.x.dtype),
                               read_through(scratch, t.prologue, t.x), t.dy, t.dw, t.db);
}

std::size_t most_scratch(Stream& stream, const nn::PointwiseShape& shape, DType activations,
                         const nn::ConvolutionUse& use) {
  return convolution_scratch_bytes(stream, convolution(shape, activations), use);
}

const Twin forward_twin(nn::twins::pointwise_forward, DeviceKind::cpu, forward);
const Twin backward_data_twin(nn::twins::pointwise_backward_data, DeviceKind::cpu, backward_data);
const Twin backward_weights_twin(nn::twins::pointwise_backward_weights, DeviceKind::cpu,
                                 backward_weights);
const Twin scratch_twin(nn::twins::pointwise_scratch_bytes, DeviceKind::cpu, most_scratch);

}  // namespace
}  // namespace paretiny::cpu

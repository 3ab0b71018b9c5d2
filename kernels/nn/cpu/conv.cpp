#include "kernels/nn/conv.h"

#include "kernels/nn/cpu/convolution/convolution.h"
#include "kernels/nn/cpu/fusion.h"

namespace paretiny::cpu {
namespace {

Convolution convolution(const nn::ConvShape& shape, DType activations) {
  return {shape.input, shape.out_channels, shape.window, activations};
}

void forward(Stream& stream, const nn::ConvShape& shape, const nn::ConvolutionForward& t) {
  Arena::Scope scratch(stream.scratch());
  convolution_forward(stream, convolution(shape, t.x.dtype), read_through(scratch, t.prologue, t.x),
                      t.w, t.b, t.y);
  write_through(t.epilogue, t.y);
}

void backward_data(Stream& stream, const nn::ConvShape& shape, ConstView dy, ConstView w, View dx) {
  convolution_backward_data(stream, convolution(shape, dy.dtype), dy, w, dx);
}

void backward_weights(Stream& stream, const nn::ConvShape& shape,
                      const nn::ConvolutionWeightGradient& t) {
  Arena::Scope scratch(stream.scratch());
  convolution_backward_weights(stream, convolution(shape, t.x.dtype),
                               read_through(scratch, t.prologue, t.x), t.dy, t.dw, t.db);
}

/// It would be stored all the same.
bool reads_through(Stream&, const nn::ConvShape&, DType) {
  return false;
}

std::size_t most_scratch(Stream& stream, const nn::ConvShape& shape, DType activations,
                         const nn::ConvolutionUse& use) {
  return convolution_scratch_bytes(stream, convolution(shape, activations), use);
}

const Twin forward_twin(nn::twins::conv_forward, DeviceKind::cpu, forward);
const Twin backward_data_twin(nn::twins::conv_backward_data, DeviceKind::cpu, backward_data);
const Twin backward_weights_twin(nn::twins::conv_backward_weights, DeviceKind::cpu,
                                 backward_weights);
const Twin reads_twin(nn::twins::conv_reads_through, DeviceKind::cpu, reads_through);
const Twin scratch_twin(nn::twins::conv_scratch_bytes, DeviceKind::cpu, most_scratch);

}  // namespace
}  // namespace paretiny::cpu

#include "kernels/nn/conv.h"

#include "kernels/nn/cpu/convolution/convolution.h"
#include "kernels/nn/cpu/fusion.h"

namespace paretiny::cpu {
namespace {

Convolution convolution(const nn::ConvShape& shape, DType activations) {
  return {shape.input, shape.out_channels, shape.window, activations};
}

void forward(Stream& stream, const nn::ConvShape& shape, ConstView x, ConstView w, ConstView b,
             View y) {
  convolution_forward(stream, convolution(shape, x.dtype), x, w, b, y);
}

void forward_statistics(Stream& stream, const nn::ConvShape& shape,
                        const nn::ConvWithStatistics& t) {
  forward(stream, shape, t.x, t.w, t.b, t.y);
  nn::Epilogue statistics;
  statistics.mean = t.mean;
  statistics.variance = t.variance;
  write_through(statistics, t.y);
}

void backward_data(Stream& stream, const nn::ConvShape& shape, ConstView dy, ConstView w, View dx) {
  convolution_backward_data(stream, convolution(shape, dy.dtype), dy, w, dx);
}

void backward_weights(Stream& stream, const nn::ConvShape& shape, ConstView x, ConstView dy,
                      View dw, View db) {
  convolution_backward_weights(stream, convolution(shape, x.dtype), x, dy, dw, db);
}

std::size_t most_scratch(Stream& stream, const nn::ConvShape& shape, DType activations) {
  return convolution_scratch_bytes(stream, convolution(shape, activations));
}

const Twin forward_twin(nn::twins::conv_forward, DeviceKind::cpu, forward);
const Twin statistics_twin(nn::twins::conv_forward_statistics, DeviceKind::cpu, forward_statistics);
const Twin backward_data_twin(nn::twins::conv_backward_data, DeviceKind::cpu, backward_data);
const Twin backward_weights_twin(nn::twins::conv_backward_weights, DeviceKind::cpu,
                                 backward_weights);
const Twin scratch_twin(nn::twins::conv_scratch_bytes, DeviceKind::cpu, most_scratch);

}  // namespace
}  // namespace paretiny::cpu

// Fake quantization. Activations: an element-wise map, 8 bytes an element forward, 12 backward.
// Weights: a warp a channel, which reads its weights for the largest, then again (from the cache)
// to round them; a depthwise layer's few kilobytes are read with a stride.
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/host_device.h"
#include "kernels/int8/fake_quantize.h"
#include "kernels/nn/cuda/elementwise.h"

namespace paretiny::cuda {
namespace {

constexpr int kWarps = 4;  ///< of a block: small ones spread few channels over the device

struct Round {
  int8::FakeSteps steps;

  __device__ float operator()(float x) const {
    float y;
    int8::fake_quantize(steps, x, y);
    return y;
  }
};

struct Pass {
  int8::FakeSteps steps;

  __device__ float operator()(float x, float gradient) const {
    float slope;
    int8::fake_quantize_slope(steps, x, slope);
    return slope * gradient;
  }
};

/// A warp a channel: its largest magnitude, then its weights rounded to steps of it. w, y:
/// [channels, taps] where `first`, else [taps, channels].
__global__ void weights_kernel(const float* w, float* y, std::int64_t channels, std::int64_t taps,
                               bool first) {
  const std::int64_t channel = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  if (channel >= channels) return;  // the whole warp
  const std::int64_t begin = first ? channel * taps : channel;
  const std::int64_t stride = first ? 1 : channels;
  // Magnitudes order like their bits, and NaN is above them all.
  std::uint32_t largest = 0;
  for (std::int64_t i = threadIdx.x % kWarp; i < taps; i += kWarp) {
    const std::uint32_t bits = __float_as_uint(w[begin + i * stride]) & 0x7FFFFFFFu;
    largest = bits > largest ? bits : largest;
  }
  largest = warp_combine(largest, [](std::uint32_t a, std::uint32_t b) { return a > b ? a : b; });
  const int8::FakeSteps steps = int8::weight_steps(__uint_as_float(largest));
  for (std::int64_t i = threadIdx.x % kWarp; i < taps; i += kWarp) {
    int8::fake_quantize(steps, w[begin + i * stride], y[begin + i * stride]);
  }
}

void fake_quantize_forward(Stream& stream, const int8::Quantization& quantization, ConstView x,
                           View y) {
  map_elements(stream, "fake_quantize_forward", x.elements(), y.as<float>(),
               Round{int8::fake_steps(quantization)}, x.as<float>());
}

void fake_quantize_backward(Stream& stream, const int8::Quantization& quantization, ConstView x,
                            ConstView dy, View dx) {
  map_elements(stream, "fake_quantize_backward", x.elements(), dx.as<float>(),
               Pass{int8::fake_steps(quantization)}, x.as<float>(), dy.as<float>());
}

void fake_quantize_weights(Stream& stream, int8::WeightChannels order, ConstView w, View y) {
  const bool first = order == int8::WeightChannels::first;
  const std::int64_t channels = first ? w.shape.n : w.shape.c;
  const auto blocks = static_cast<unsigned>(ceil_div(channels, kWarps));
  launch(stream, "fake_quantize_weights", weights_kernel, {dim3(blocks), dim3(kWarps * kWarp)},
         w.as<float>(), y.as<float>(), channels, w.elements() / channels, first);
}

const Twin forward(int8::twins::fake_quantize_forward, DeviceKind::cuda, fake_quantize_forward);
const Twin backward(int8::twins::fake_quantize_backward, DeviceKind::cuda, fake_quantize_backward);
const Twin weights(int8::twins::fake_quantize_weights, DeviceKind::cuda, fake_quantize_weights);

}  // namespace
}  // namespace paretiny::cuda

// Reads a value and writes one: 8 bytes an element forward, 12 backward.
#include "kernels/int8/fake_quantize.h"

#include <algorithm>
#include <cmath>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"

namespace paretiny::cpu {
namespace {

void fake_quantize_forward(Stream&, const int8::Quantization& quantization, ConstView x, View y) {
  const float* from = x.as<float>();
  float* to = y.as<float>();
  for_elements(x.elements(),
               [=, steps = int8::fake_steps(quantization)](std::int64_t i, auto width) {
                 F32x16 value, rounded;
                 load(value, from + i, width);
                 int8::fake_quantize(steps, value, rounded);
                 store(to + i, rounded, width);
               });
}

void fake_quantize_backward(Stream&, const int8::Quantization& quantization, ConstView x,
                            ConstView dy, View dx) {
  const float* from = x.as<float>();
  const float* grad = dy.as<float>();
  float* to = dx.as<float>();
  for_elements(x.elements(),
               [=, steps = int8::fake_steps(quantization)](std::int64_t i, auto width) {
                 F32x16 value, gradient, slope;
                 load(value, from + i, width);
                 load(gradient, grad + i, width);
                 int8::fake_quantize_slope(steps, value, slope);
                 store(to + i, slope * gradient, width);
               });
}

void fake_quantize_weights(Stream&, int8::WeightChannels order, ConstView w, View y) {
  const bool first = order == int8::WeightChannels::first;
  const std::int64_t channels = first ? w.shape.n : w.shape.c;
  const std::int64_t taps = w.elements() / channels;
  const std::int64_t stride = first ? 1 : channels;
  parallel_for(channels, w.elements() >= kParallelElements, [&](std::int64_t c) {
    const float* from = w.as<float>() + (first ? c * taps : c);
    float* to = y.as<float>() + (first ? c * taps : c);
    float largest = 0;
    for (std::int64_t i = 0; i < taps; ++i) {
      largest = std::max(largest, std::abs(from[i * stride]));
    }
    const int8::FakeSteps steps = int8::weight_steps(largest);
    for (std::int64_t i = 0; i < taps; ++i) {
      int8::fake_quantize(steps, from[i * stride], to[i * stride]);
    }
  });
}

const Twin forward(int8::twins::fake_quantize_forward, DeviceKind::cpu, fake_quantize_forward);
const Twin backward(int8::twins::fake_quantize_backward, DeviceKind::cpu, fake_quantize_backward);
const Twin weights(int8::twins::fake_quantize_weights, DeviceKind::cpu, fake_quantize_weights);

}  // namespace
}  // namespace paretiny::cpu

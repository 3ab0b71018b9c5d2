// Each tensor is moved once; the gradient of a channel scale reads a sample's dy twice, the second
// time from a cache.
#include "kernels/nn/elementwise.h"

#include "kernels/core/cpu/elements.h"
#include "kernels/core/cpu/lanes.h"
#include "kernels/core/threads.h"
#include "kernels/nn/cpu/with_activation.h"

namespace paretiny::cpu {
namespace {

void add_forward(Stream&, nn::Activation activation, ConstView a, ConstView b, View y) {
  with_element(a.dtype, [&]<class T>(T) {
    with_activation(activation, [&](auto fixed) {
      const T* left = a.as<T>();
      const T* right = b.as<T>();
      T* sum = y.as<T>();
      for_elements(a.elements(), [=](std::int64_t i, auto width) {
        F32x16 p, q;
        load_ahead(p, left + i, width);
        load_ahead(q, right + i, width);
        p += q;
        nn::activate(fixed, p, p);
        store(sum + i, p, width);
      });
    });
  });
}

void add_backward(Stream& stream, nn::Activation activation, ConstView y, ConstView dy, View d) {
  if (activation == nn::Activation::none) {
    if (d.data != dy.data) stream.copy(d.data, dy.data, dy.bytes());
    return;
  }
  // The slope of relu and relu6 at the sum is that at y: both are zero outside the same interval.
  nn::twins::activation_backward(stream, activation, y, dy, d);
}

/// Work below which samples are not spread over threads.
bool parallel(const Shape& shape) {
  return shape.elements() >= kParallelElements;
}

/// to = from * table, a lane.
template <class T>
void multiply_lanes(std::int64_t count, std::int64_t lanes, const T* from, const float* table,
                    T* to) {
  for_lanes(0, count, lanes, [=](std::int64_t i, std::int64_t j, auto width) {
    F32x16 value, factor;
    load_ahead(value, from + i, width);
    load(factor, table + j, width);
    store(to + i, value * factor, width);
  });
}

void channel_scale_forward(Stream& stream, ConstView x, ConstView s, View y) {
  const Shape shape = x.shape;
  const std::int64_t sample = shape.h * shape.w * shape.c;
  const std::int64_t lanes = std::min(lanes_of(shape.c), sample);
  Arena::Scope scratch(stream.scratch());
  float* tables = scratch.take(DType::f32, {shape.n, 1, 1, lanes}).as<float>();
  with_element(x.dtype, [&]<class T>(T) {
    parallel_for(shape.n, parallel(shape), [&](std::int64_t n) {
      const T* from = x.as<T>() + n * sample;
      const T* factor = s.as<T>() + n * shape.c;
      T* to = y.as<T>() + n * sample;
      float* table = tables + n * lanes;
      repeat(shape.c, lanes, table, [=](std::int64_t c) { return to_float(factor[c]); });
      multiply_lanes(sample, lanes, from, table, to);
    });
  });
}

void channel_scale_backward(Stream& stream, const nn::ChannelScaleGradient& g) {
  const Shape shape = g.x.shape;
  const std::int64_t sample = shape.h * shape.w * shape.c;
  const std::int64_t lanes = std::min(lanes_of(shape.c), sample);
  Arena::Scope scratch(stream.scratch());
  float* tables = scratch.take(DType::f32, {shape.n, 1, 2, lanes}).as<float>();
  with_element(g.x.dtype, [&]<class T>(T) {
    parallel_for(shape.n, parallel(shape), [&](std::int64_t n) {
      const T* from = g.x.as<T>() + n * sample;
      const T* factor = g.s.as<T>() + n * shape.c;
      const T* grad = g.dy.as<T>() + n * sample;
      T* to = g.dx.as<T>() + n * sample;
      float* table = tables + n * 2 * lanes;
      float* sums = table + lanes;
      sum_lanes<1>(0, sample, lanes, sums,
                   [=](std::int64_t i, std::int64_t, auto width, Addends<1>& addends) {
                     F32x16 value, gradient;
                     load_ahead(value, from + i, width);
                     load_ahead(gradient, grad + i, width);
                     addends[0] = value * gradient;
                   });
      fold(shape.c, lanes, sums);
      for (std::int64_t c = 0; c < shape.c; ++c) {
        g.ds.as<T>()[n * shape.c + c] = from_float<T>(sums[c]);
      }
      repeat(shape.c, lanes, table, [=](std::int64_t c) { return to_float(factor[c]); });
      multiply_lanes(sample, lanes, grad, table, to);
    });
  });
}

const Twin add_forward_twin(nn::twins::add_forward, DeviceKind::cpu, add_forward);
const Twin add_backward_twin(nn::twins::add_backward, DeviceKind::cpu, add_backward);
const Twin scale_forward_twin(nn::twins::channel_scale_forward, DeviceKind::cpu,
                              channel_scale_forward);
const Twin scale_backward_twin(nn::twins::channel_scale_backward, DeviceKind::cpu,
                               channel_scale_backward);

}  // namespace
}  // namespace paretiny::cpu

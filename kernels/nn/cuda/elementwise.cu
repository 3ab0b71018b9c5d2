// Residual addition: one pass over memory. Channel scale: one pass either way; backwards a block
// takes a whole sample (and slice of channels), so that ds needs no second pass.
#include <limits>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/nn/cuda/channel_reduce.h"
#include "kernels/nn/cuda/elementwise.h"
#include "kernels/nn/elementwise.h"

namespace paretiny::cuda {
namespace {

/// The activations of an addition are clips. NaN passes.
struct ClippedSum {
  float low, high;
  __device__ float operator()(float a, float b) const {
    float y;
    nn::clip(a + b, low, high, y);
    return y;
  }
};

void add_forward(Stream& stream, nn::Activation activation, ConstView a, ConstView b, View y) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const ClippedSum sum{activation == nn::Activation::none ? -kInfinity : 0.0f,
                       activation == nn::Activation::relu6 ? 6.0f : kInfinity};
  with_element(a.dtype, [&]<class T>(T) {
    map_elements(stream, "add_forward", a.elements(), y.as<T>(), sum, a.as<T>(), b.as<T>());
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

/// Reads x and writes y, [n, pixels, channels], once each; s: [n, channels].
template <class T, int kWidth>
__global__ void channel_scale_kernel(GridDependency earlier, ChannelWalk walk, const T* x,
                                     const T* s, T* y) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  x += me.sample * walk.elements;
  y += me.sample * walk.elements;
  float scale[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    scale[k] = widen(s[me.sample * walk.channels + me.channel(k)]);
  }
  me.template each_pack<2>(
      [&](std::int64_t i, int count) { return load_values<kWidth>(x + i, count); },
      [&](Values<kWidth> values, std::int64_t i, int count) {
        for (int k = 0; k < kWidth; ++k) values.value[k] *= scale[k];
        store_values(y + i, values, count);
      });
}

void channel_scale_forward(Stream& stream, ConstView x, ConstView s, View y) {
  if (x.elements() == 0) return;
  with_element(x.dtype, [&]<class T>(T) {
    walk_samples<T>(x.shape, map_blocks(stream), {x.as<T>(), y.as<T>()},
                    [&](const ChannelWalk& walk, auto width) {
                      launch_dependent(stream, "channel_scale_forward",
                                       channel_scale_kernel<T, width()>, walk.shape(), walk,
                                       x.as<T>(), s.as<T>(), y.as<T>());
                    });
  });
}

/// Reads x and dy, writes dx, once each.
template <class T, int kWidth>
__global__ void channel_scale_backward_kernel(GridDependency earlier, ChannelWalk walk, const T* x,
                                              const T* s, const T* dy, T* dx, T* ds) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  x += me.sample * walk.elements;
  dy += me.sample * walk.elements;
  dx += me.sample * walk.elements;
  float scale[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    scale[k] = widen(s[me.sample * walk.channels + me.channel(k)]);
  }
  PlainSum sums[kWidth];
  struct Loaded {
    Values<kWidth> x, dy;
  };
  me.template each_pack<2>(
      [&](std::int64_t i, int count) {
        return Loaded{load_values<kWidth>(x + i, count), load_values<kWidth>(dy + i, count)};
      },
      [&](Loaded loaded, std::int64_t i, int count) {
        for (int k = 0; k < kWidth; ++k) {
          sums[k].sum += loaded.x.value[k] * loaded.dy.value[k];
          loaded.dy.value[k] *= scale[k];
        }
        store_values(dx + i, loaded.dy, count);
      });
  merge_block(walk, me, sums,
              [=](std::int64_t i, const PlainSum& sum) { ds[i] = narrow<T>(sum.sum); });
}

void channel_scale_backward(Stream& stream, const nn::ChannelScaleGradient& g) {
  if (g.x.elements() == 0) return;
  with_element(g.x.dtype, [&]<class T>(T) {
    walk_samples<T>(g.x.shape, g.x.shape.n, {g.x.as<T>(), g.dy.as<T>(), g.dx.as<T>()},
                    [&](const ChannelWalk& walk, auto width) {
                      launch_dependent(stream, "channel_scale_backward",
                                       channel_scale_backward_kernel<T, width()>,
                                       walk.shape(merge_bytes<PlainSum>(walk, width)), walk,
                                       g.x.as<T>(), g.s.as<T>(), g.dy.as<T>(), g.dx.as<T>(),
                                       g.ds.as<T>());
                    });
  });
}

const Twin add_forward_twin(nn::twins::add_forward, DeviceKind::cuda, add_forward);
const Twin add_backward_twin(nn::twins::add_backward, DeviceKind::cuda, add_backward);
const Twin scale_forward_twin(nn::twins::channel_scale_forward, DeviceKind::cuda,
                              channel_scale_forward);
const Twin scale_backward_twin(nn::twins::channel_scale_backward, DeviceKind::cuda,
                               channel_scale_backward);

}  // namespace
}  // namespace paretiny::cuda

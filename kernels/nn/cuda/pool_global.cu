// Global average pool: forward a block adds up a whole sample (and slice of channels), backward
// each thread writes one gradient over and over. Either way the large tensor crosses memory once.
#include "kernels/nn/cuda/channel_reduce.h"
#include "kernels/nn/pool.h"

namespace paretiny::cuda {
namespace {

struct Itself {
  __device__ float operator()(float x) const { return x; }
};

template <class T>
struct StoreMean {
  T* y;
  float weight;
  __device__ void operator()(std::int64_t i, const PlainSum& sum) const {
    y[i] = narrow<T>(sum.sum * weight);
  }
};

float weight_of(const Shape& shape) {
  return 1 / static_cast<float>(shape.h * shape.w);
}

void global_average_pool_forward(Stream& stream, ConstView x, View y) {
  with_element(x.dtype, [&]<class T>(T) {
    walk_samples<T>(x.shape, x.shape.n, {x.as<T>()}, [&](const ChannelWalk& walk, auto width) {
      launch_dependent(stream, "global_average_pool_forward",
                       sum_channels_kernel<T, width(), Itself, StoreMean<T>, T>,
                       walk.shape(merge_bytes<PlainSum>(walk, width)), walk, Itself{},
                       StoreMean<T>{y.as<T>(), weight_of(x.shape)}, x.as<T>());
    });
  });
}

/// Writes dx [n, pixels, channels] once; dy: [n, channels].
template <class T, int kWidth>
__global__ void spread_kernel(GridDependency earlier, ChannelWalk walk, float weight, const T* dy,
                              T* dx) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  dx += me.sample * walk.elements;
  Values<kWidth> values;
  for (int k = 0; k < kWidth; ++k) {
    values.value[k] = widen(dy[me.sample * walk.channels + me.channel(k)]) * weight;
  }
  const auto nothing = [](std::int64_t, int) { return 0; };
  me.template each_pack<1>(
      nothing, [&](int, std::int64_t i, int count) { store_values(dx + i, values, count); });
}

void global_average_pool_backward(Stream& stream, ConstView dy, View dx) {
  with_element(dy.dtype, [&]<class T>(T) {
    walk_samples<T>(
        dx.shape, map_blocks(stream), {dx.as<T>()}, [&](const ChannelWalk& walk, auto width) {
          launch_dependent(stream, "global_average_pool_backward", spread_kernel<T, width()>,
                           walk.shape(), walk, weight_of(dx.shape), dy.as<T>(), dx.as<T>());
        });
  });
}

const Twin forward(nn::twins::global_average_pool_forward, DeviceKind::cuda,
                   global_average_pool_forward);
const Twin backward(nn::twins::global_average_pool_backward, DeviceKind::cuda,
                    global_average_pool_backward);

}  // namespace
}  // namespace paretiny::cuda

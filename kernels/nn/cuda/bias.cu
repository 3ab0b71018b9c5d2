// Bias and its gradient: one pass over the tensor each, walked so that a thread keeps to its
// channels (channel_walk.h). add_bias reads and writes y once, bias_gradient reads dy once.
#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/nn/cuda/bias.h"
#include "kernels/nn/cuda/channel_reduce.h"

namespace paretiny::cuda {
namespace {

/// Reads and writes y [pixels, channels] once; b: [channels].
template <class T, int kWidth>
__global__ void add_bias_kernel(GridDependency earlier, ChannelWalk walk, const float* b, T* y) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  float bias[kWidth];
  for (int k = 0; k < kWidth; ++k) bias[k] = b[me.channel(k)];
  me.template each_pack<4>(
      [&](std::int64_t offset, int count) { return load_values<kWidth>(y + offset, count); },
      [&](Values<kWidth> values, std::int64_t offset, int count) {
        for (int k = 0; k < kWidth; ++k) values.value[k] += bias[k];
        store_values(y + offset, values, count);
      });
}

struct Same {
  __device__ float operator()(float x) const { return x; }
};

std::int64_t rows_of(const Shape& shape) {
  return shape.n * shape.h * shape.w;
}

}  // namespace

void add_bias(Stream& stream, const ConstView& b, const View& y) {
  const std::int64_t rows = rows_of(y.shape);
  with_element(y.dtype, [&]<class T>(T) {
    T* const data = y.as<T>();
    with_width<T>(walks_in_packs<T>(1, rows, y.shape.c, {data}), [&](auto width) {
      const ChannelWalk walk =
          channel_walk(1, rows, y.shape.c, width, std::int64_t{multiprocessors(stream)} * 8, 4);
      launch_dependent(stream, "add_bias", add_bias_kernel<T, width()>, walk.shape(), walk,
                       b.as<float>(), data);
    });
  });
}

void bias_gradient(Stream& stream, const ConstView& dy, const View& db) {
  with_element(dy.dtype, [&]<class T>(T) {
    sum_channels(stream, "bias_gradient", rows_of(dy.shape), dy.shape.c, Same{},
                 StoreSum{db.as<float>()}, dy.as<T>());
  });
}

std::size_t bias_gradient_bytes(Stream& stream, const Shape& dy, DType dtype) {
  std::size_t bytes = 0;
  with_element(
      dtype, [&]<class T>(T) { bytes = reduction_bytes<T, PlainSum>(stream, rows_of(dy), dy.c); });
  return bytes;
}

}  // namespace paretiny::cuda

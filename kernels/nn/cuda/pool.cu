// Pools. A thread takes a pack of channels of one pixel and gathers: forward the elements of its
// window, backward the windows that hold its element, so that nothing is added up in memory.
// Windows overlap in the cache; memory sees each tensor once.
#include <cmath>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/channel_reduce.h"
#include "kernels/nn/pool_windows.h"

namespace paretiny::cuda {
namespace {

using Range = nn::PoolRange<int>;

struct Pool : nn::PoolWindows<int> {
  int channels;

  explicit Pool(const nn::PoolShape& shape)
      : PoolWindows(shape), channels(static_cast<int>(shape.input.c)) {}

  __device__ std::int64_t in_at(int n, int row, int column, int c) const {
    return ((std::int64_t{n} * h.in + row) * w.in + column) * channels + c;
  }
  __device__ std::int64_t out_at(int n, int row, int column, int c) const {
    return ((std::int64_t{n} * h.out + row) * w.out + column) * channels + c;
  }

  /// f(channel of the pack, its value) for every element of a window, row by row.
  template <int kWidth, class T, class F>
  __device__ void each_value(const T* x, int n, Range rows, Range columns, int c, F f) const {
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        const auto values = load_values<kWidth>(x + in_at(n, row, column, c), kWidth);
        for (int k = 0; k < kWidth; ++k) f(k, values.value[k]);
      }
    }
  }
};

/// f(n, h, w, c) for every pack of channels; a block takes some rows of pixels, or a part of one.
template <int kWidth, class F>
__global__ void each_pixel_kernel(GridDependency earlier, unsigned rows, unsigned h,
                                  unsigned row_packs, unsigned packs, F f) {
  earlier.wait();
  const unsigned row = blockIdx.x * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  for (unsigned i = blockIdx.y * blockDim.x + threadIdx.x; i < row_packs;
       i += gridDim.y * blockDim.x) {
    f(static_cast<int>(row / h), static_cast<int>(row % h), static_cast<int>(i / packs),
      static_cast<int>(i % packs) * kWidth);
  }
}

template <int kWidth, class F>
void each_pixel(Stream& stream, const char* name, const Shape& over, F f) {
  constexpr unsigned kThreads = kBlockThreads;
  constexpr unsigned kMostBlocksY = 65535;  // CUDA's limit
  const auto rows = static_cast<unsigned>(over.n * over.h);
  const auto packs = static_cast<unsigned>(over.c / kWidth);
  const unsigned row_packs = static_cast<unsigned>(over.w) * packs;
  const unsigned x = std::min(row_packs, kThreads), y = kThreads / x;
  const unsigned shares = std::min(ceil_div(row_packs, x), kMostBlocksY);
  launch_dependent(stream, name, each_pixel_kernel<kWidth, F>,
                   {dim3(ceil_div(rows, y), shares), dim3(x, y)}, rows,
                   static_cast<unsigned>(over.h), row_packs, packs, f);
}

/// Calls f with the elements of an access: a pack if all the tensors' pixels can be read in packs.
template <class T, class F>
void with_pixel_width(std::int64_t channels, std::initializer_list<const T*> data, F f) {
  with_width<T>(
      std::all_of(data.begin(), data.end(), [=](const T* each) { return packs(each, channels); }),
      f);
}

/// The largest of a window's elements and, counted in the window, the first place where it stands.
template <int kWidth>
struct Largest {
  float value[kWidth];
  int place[kWidth];

  template <class T>
  __device__ Largest(const Pool& pool, const T* x, int n, Range rows, Range columns, int c) {
    for (int k = 0; k < kWidth; ++k) {
      value[k] = -INFINITY;
      place[k] = 0;
    }
    int at = 0;
    for (int h = rows.begin; h < rows.end; ++h) {
      for (int w = columns.begin; w < columns.end; ++w, ++at) {
        const auto values = load_values<kWidth>(x + pool.in_at(n, h, w, c), kWidth);
        for (int k = 0; k < kWidth; ++k) {
          place[k] = values.value[k] > value[k] ? at : place[k];
          value[k] = values.value[k] > value[k] ? values.value[k] : value[k];
        }
      }
    }
  }
};

template <class T, int kWidth>
struct MaxForward {
  Pool pool;
  const T* x;
  T* y;

  __device__ void operator()(int n, int oh, int ow, int c) const {
    Values<kWidth> best;
    for (int k = 0; k < kWidth; ++k) best.value[k] = -INFINITY;
    const Range rows = pool.h.held(oh), columns = pool.w.held(ow);
    pool.each_value<kWidth>(x, n, rows, columns, c, [&](int k, float value) {
      best.value[k] = value > best.value[k] || value != value ? value : best.value[k];  // NaN
    });
    store_values(y + pool.out_at(n, oh, ow, c), best, kWidth);
  }
};

void max_pool_forward(Stream& stream, const nn::PoolShape& shape, ConstView x, View y) {
  with_element(x.dtype, [&]<class T>(T) {
    with_pixel_width<T>(shape.input.c, {x.as<T>(), y.as<T>()}, [&](auto width) {
      each_pixel<width()>(stream, "max_pool_forward", shape.output(),
                          MaxForward<T, width()>{Pool(shape), x.as<T>(), y.as<T>()});
    });
  });
}

/// Looks for the largest of every window over its element again, and takes the gradients of those
/// where it is its own.
template <class T, int kWidth>
struct MaxBackward {
  Pool pool;
  const T* x;
  const T* dy;
  T* dx;

  __device__ void operator()(int n, int h, int w, int c) const {
    Values<kWidth> sums{};
    const Range over_h = pool.h.over(h), over_w = pool.w.over(w);
    for (int oh = over_h.begin; oh < over_h.end; ++oh) {
      const Range rows = pool.h.held(oh);
      for (int ow = over_w.begin; ow < over_w.end; ++ow) {
        const Range columns = pool.w.held(ow);
        const Largest<kWidth> largest(pool, x, n, rows, columns, c);
        const int mine = (h - rows.begin) * columns.size() + w - columns.begin;
        const auto gradient = load_values<kWidth>(dy + pool.out_at(n, oh, ow, c), kWidth);
        for (int k = 0; k < kWidth; ++k) {
          sums.value[k] += largest.place[k] == mine ? gradient.value[k] : 0.0f;
        }
      }
    }
    store_values(dx + pool.in_at(n, h, w, c), sums, kWidth);
  }
};

void max_pool_backward(Stream& stream, const nn::PoolShape& shape, ConstView x, ConstView dy,
                       View dx) {
  with_element(x.dtype, [&]<class T>(T) {
    with_pixel_width<T>(shape.input.c, {x.as<T>(), dy.as<T>(), dx.as<T>()}, [&](auto width) {
      each_pixel<width()>(stream, "max_pool_backward", shape.input,
                          MaxBackward<T, width()>{Pool(shape), x.as<T>(), dy.as<T>(), dx.as<T>()});
    });
  });
}

template <class T, int kWidth>
struct AverageForward {
  Pool pool;
  const T* x;
  T* y;

  __device__ void operator()(int n, int oh, int ow, int c) const {
    Values<kWidth> sums{};
    const Range rows = pool.h.held(oh), columns = pool.w.held(ow);
    pool.each_value<kWidth>(x, n, rows, columns, c,
                            [&](int k, float value) { sums.value[k] += value; });
    const float weight = 1 / static_cast<float>(rows.size() * columns.size());
    for (int k = 0; k < kWidth; ++k) sums.value[k] *= weight;
    store_values(y + pool.out_at(n, oh, ow, c), sums, kWidth);
  }
};

void average_pool_forward(Stream& stream, const nn::PoolShape& shape, ConstView x, View y) {
  with_element(x.dtype, [&]<class T>(T) {
    with_pixel_width<T>(shape.input.c, {x.as<T>(), y.as<T>()}, [&](auto width) {
      each_pixel<width()>(stream, "average_pool_forward", shape.output(),
                          AverageForward<T, width()>{Pool(shape), x.as<T>(), y.as<T>()});
    });
  });
}

template <class T, int kWidth>
struct AverageBackward {
  Pool pool;
  const T* dy;
  T* dx;

  __device__ void operator()(int n, int h, int w, int c) const {
    Values<kWidth> sums{};
    const Range over_h = pool.h.over(h), over_w = pool.w.over(w);
    for (int oh = over_h.begin; oh < over_h.end; ++oh) {
      for (int ow = over_w.begin; ow < over_w.end; ++ow) {
        const int held = pool.h.held(oh).size() * pool.w.held(ow).size();
        const float weight = 1 / static_cast<float>(held);
        const auto gradient = load_values<kWidth>(dy + pool.out_at(n, oh, ow, c), kWidth);
        for (int k = 0; k < kWidth; ++k) sums.value[k] += gradient.value[k] * weight;
      }
    }
    store_values(dx + pool.in_at(n, h, w, c), sums, kWidth);
  }
};

void average_pool_backward(Stream& stream, const nn::PoolShape& shape, ConstView dy, View dx) {
  with_element(dy.dtype, [&]<class T>(T) {
    with_pixel_width<T>(shape.input.c, {dy.as<T>(), dx.as<T>()}, [&](auto width) {
      each_pixel<width()>(stream, "average_pool_backward", shape.input,
                          AverageBackward<T, width()>{Pool(shape), dy.as<T>(), dx.as<T>()});
    });
  });
}

const Twin max_forward(nn::twins::max_pool_forward, DeviceKind::cuda, max_pool_forward);
const Twin max_backward(nn::twins::max_pool_backward, DeviceKind::cuda, max_pool_backward);
const Twin average_forward(nn::twins::average_pool_forward, DeviceKind::cuda, average_pool_forward);
const Twin average_backward(nn::twins::average_pool_backward, DeviceKind::cuda,
                            average_pool_backward);

}  // namespace
}  // namespace paretiny::cuda

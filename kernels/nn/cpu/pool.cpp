// Each tensor is moved once; windows that overlap read again from the first-level cache.
#include "kernels/nn/pool.h"

#include <limits>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/cpu/lanes.h"
#include "kernels/core/threads.h"
#include "kernels/nn/pool_windows.h"

namespace paretiny::cpu {
namespace {

using Range = nn::PoolRange<std::int64_t>;

/// A pool's windows and the walk over its tensors.
struct Pool : nn::PoolWindows<std::int64_t> {
  const Shape in, out;

  explicit Pool(const nn::PoolShape& shape)
      : PoolWindows(shape), in(shape.input), out(shape.output()) {}

  /// f(n, row, column, first channel, width) for the channels of every pixel of `over`, a vector at
  /// a time, over the threads.
  template <class F>
  static void for_channels(const Shape& over, F f) {
    parallel_for(over.n, over.h, over.elements() >= kParallelElements,
                 [&](std::int64_t n, std::int64_t h) {
                   for (std::int64_t w = 0; w < over.w; ++w) {
                     by_vectors(over.c, [&](std::int64_t c, auto width) { f(n, h, w, c, width); });
                   }
                 });
  }
};

template <class T>
auto at(T* data, const Shape& shape, std::int64_t n, std::int64_t h, std::int64_t w,
        std::int64_t c) {
  return data + ((n * shape.h + h) * shape.w + w) * shape.c + c;
}

void max_pool_forward(Stream&, const nn::PoolShape& shape, ConstView x, View y) {
  const Pool pool(shape);
  with_element(x.dtype, [&]<class T>(T) {
    Pool::for_channels(pool.out, [&](std::int64_t n, std::int64_t oh, std::int64_t ow,
                                     std::int64_t c, auto width) {
      F32x16 best = F32x16{} - std::numeric_limits<float>::infinity();
      const Range rows = pool.h.held(oh), columns = pool.w.held(ow);
      for (std::int64_t h = rows.begin; h < rows.end; ++h) {
        for (std::int64_t w = columns.begin; w < columns.end; ++w) {
          F32x16 value;
          load(value, at(x.as<T>(), pool.in, n, h, w, c), width);
          best = value > best || value != value ? value : best;  // NaN stays
        }
      }
      store(at(y.as<T>(), pool.out, n, oh, ow, c), best, width);
    });
  });
}

/// Adds the gradients of one sample's windows, each to the first of its largest elements.
/// sums: [h, w, c], zeroed; x and dy: of the sample.
template <class T>
void scatter_to_largest(const Pool& pool, const T* x, const T* dy, float* sums) {
  for (std::int64_t oh = 0; oh < pool.out.h; ++oh) {
    const Range rows = pool.h.held(oh);
    for (std::int64_t ow = 0; ow < pool.out.w; ++ow) {
      const Range columns = pool.w.held(ow);
      by_vectors(pool.in.c, [&](std::int64_t c, auto width) {
        F32x16 best = F32x16{} - std::numeric_limits<float>::infinity();
        F32x16 place{};  // of the best, counted in the window
        float k = 0;
        for (std::int64_t h = rows.begin; h < rows.end; ++h) {
          for (std::int64_t w = columns.begin; w < columns.end; ++w, ++k) {
            F32x16 value;
            load(value, at(x, pool.in, 0, h, w, c), width);
            place = value > best ? k : place;
            best = value > best ? value : best;
          }
        }
        F32x16 gradient;
        load(gradient, at(dy, pool.out, 0, oh, ow, c), width);
        k = 0;
        for (std::int64_t h = rows.begin; h < rows.end; ++h) {
          for (std::int64_t w = columns.begin; w < columns.end; ++w, ++k) {
            float* to = at(sums, pool.in, 0, h, w, c);
            F32x16 sum;
            load(sum, to, width);
            sum += place == k ? gradient : 0.0f;
            store(to, sum, width);
          }
        }
      });
    }
  }
}

void max_pool_backward(Stream& stream, const nn::PoolShape& shape, ConstView x, ConstView dy,
                       View dx) {
  const Pool pool(shape);
  const std::int64_t in_size = pool.in.h * pool.in.w * pool.in.c;
  const std::int64_t out_size = pool.out.h * pool.out.w * pool.out.c;
  // Each thread adds up a sample in f32; its windows may overlap.
  Arena::Scope scratch(stream.scratch());
  float* all_sums = scratch.take(DType::f32, {thread_count(), 1, 1, in_size}).as<float>();
  with_element(x.dtype, [&]<class T>(T) {
    parallel_for(pool.in.n, pool.in.elements() >= kParallelElements, [&](std::int64_t n) {
      float* sums = all_sums + thread_index() * in_size;
      std::fill_n(sums, in_size, 0.0f);
      scatter_to_largest(pool, x.as<T>() + n * in_size, dy.as<T>() + n * out_size, sums);
      T* to = dx.as<T>() + n * in_size;
      by_vectors(in_size, [=](std::int64_t i, auto width) {
        F32x16 sum;
        load(sum, sums + i, width);
        store(to + i, sum, width);
      });
    });
  });
}

void average_pool_forward(Stream&, const nn::PoolShape& shape, ConstView x, View y) {
  const Pool pool(shape);
  with_element(x.dtype, [&]<class T>(T) {
    Pool::for_channels(pool.out, [&](std::int64_t n, std::int64_t oh, std::int64_t ow,
                                     std::int64_t c, auto width) {
      F32x16 sum{};
      const Range rows = pool.h.held(oh), columns = pool.w.held(ow);
      for (std::int64_t h = rows.begin; h < rows.end; ++h) {
        for (std::int64_t w = columns.begin; w < columns.end; ++w) {
          F32x16 value;
          load(value, at(x.as<T>(), pool.in, n, h, w, c), width);
          sum += value;
        }
      }
      sum *= 1 / static_cast<float>(rows.size() * columns.size());
      store(at(y.as<T>(), pool.out, n, oh, ow, c), sum, width);
    });
  });
}

void average_pool_backward(Stream&, const nn::PoolShape& shape, ConstView dy, View dx) {
  const Pool pool(shape);
  with_element(dy.dtype, [&]<class T>(T) {
    Pool::for_channels(
        pool.in, [&](std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c, auto width) {
          F32x16 sum{};
          const Range rows = pool.h.over(h), columns = pool.w.over(w);
          for (std::int64_t oh = rows.begin; oh < rows.end; ++oh) {
            for (std::int64_t ow = columns.begin; ow < columns.end; ++ow) {
              const std::int64_t held = pool.h.held(oh).size() * pool.w.held(ow).size();
              F32x16 gradient;
              load(gradient, at(dy.as<T>(), pool.out, n, oh, ow, c), width);
              sum += gradient * (1 / static_cast<float>(held));
            }
          }
          store(at(dx.as<T>(), pool.in, n, h, w, c), sum, width);
        });
  });
}

void global_average_pool_forward(Stream& stream, ConstView x, View y) {
  const Shape shape = x.shape;
  const std::int64_t sample = shape.h * shape.w * shape.c;
  const std::int64_t lanes = lanes_of(shape.c);
  const float weight = 1 / static_cast<float>(shape.h * shape.w);
  Arena::Scope scratch(stream.scratch());
  float* all_sums = scratch.take(DType::f32, {shape.n, 1, 1, lanes}).as<float>();
  with_element(x.dtype, [&]<class T>(T) {
    parallel_for(shape.n, shape.elements() >= kParallelElements, [&](std::int64_t n) {
      const T* from = x.as<T>() + n * sample;
      T* to = y.as<T>() + n * shape.c;
      float* sums = all_sums + n * lanes;
      sum_lanes<1>(0, sample, lanes, sums,
                   [=](std::int64_t i, std::int64_t, auto width, Addends<1>& addends) {
                     load_ahead(addends[0], from + i, width);
                   });
      fold(shape.c, lanes, sums);
      for (std::int64_t c = 0; c < shape.c; ++c) to[c] = from_float<T>(sums[c] * weight);
    });
  });
}

void global_average_pool_backward(Stream&, ConstView dy, View dx) {
  const Shape shape = dx.shape;
  const std::int64_t pixels = shape.h * shape.w;
  const float weight = 1 / static_cast<float>(pixels);
  with_element(dy.dtype, [&]<class T>(T) {
    parallel_for(shape.n, shape.elements() >= kParallelElements, [&](std::int64_t n) {
      const T* grad = dy.as<T>() + n * shape.c;
      T* to = dx.as<T>() + n * pixels * shape.c;
      for (std::int64_t c = 0; c < shape.c; ++c) to[c] = from_float<T>(to_float(grad[c]) * weight);
      for (std::int64_t i = 1; i < pixels; ++i) std::copy_n(to, shape.c, to + i * shape.c);
    });
  });
}

const Twin max_forward(nn::twins::max_pool_forward, DeviceKind::cpu, max_pool_forward);
const Twin max_backward(nn::twins::max_pool_backward, DeviceKind::cpu, max_pool_backward);
const Twin average_forward(nn::twins::average_pool_forward, DeviceKind::cpu, average_pool_forward);
const Twin average_backward(nn::twins::average_pool_backward, DeviceKind::cpu,
                            average_pool_backward);
const Twin global_forward(nn::twins::global_average_pool_forward, DeviceKind::cpu,
                          global_average_pool_forward);
const Twin global_backward(nn::twins::global_average_pool_backward, DeviceKind::cpu,
                           global_average_pool_backward);

}  // namespace
}  // namespace paretiny::cpu

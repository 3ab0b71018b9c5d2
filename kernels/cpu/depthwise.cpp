// Depthwise convolution by hand: oneDNN's has no fast weight gradient for most of our shapes.
//
// The unit of work is one sample's slice of sixteen channels. It is unpacked into a tile of f32
// pixels with the zero padding spelled out, small enough for the second-level cache, so that the
// loops over the window need no tests and are the same for f32 and bf16.
#include "kernels/depthwise.h"

#include <omp.h>

#include <algorithm>

#include "kernels/cpu/cpu_stream.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/f32x16.h"

namespace paretiny::cpu {
namespace {

/// A plane of pixels, and where in it an image of h x w pixels begins.
struct Tile {
  std::int64_t height, width;
  std::int64_t top, left;

  std::int64_t pixels() const { return height * width; }
};

/// What the windows touch of the padded input.
Tile input_tile(const DepthwiseShape& s) {
  const Window& v = s.window;
  const Shape out = s.output();
  // An even number of output columns, for `add_products`.
  const std::int64_t columns = out.w + out.w % 2;
  return {(out.h - 1) * v.stride_h + v.kernel_h, (columns - 1) * v.stride_w + v.kernel_w, v.top,
          v.left};
}

/// The output gradient with the zeros that the gradient of the input's border meets.
Tile gradient_tile(const DepthwiseShape& s) {
  const Window& v = s.window;
  const Shape out = s.output();
  const std::int64_t top = (v.kernel_h - 1) / v.stride_h;
  const std::int64_t left = (v.kernel_w - 1) / v.stride_w;
  return {top + std::max((s.input.h - 1 + v.top) / v.stride_h + 1, out.h),
          left + std::max((s.input.w - 1 + v.left) / v.stride_w + 1, out.w), top, left};
}

/// The output gradient with an even number of columns.
Tile even_tile(const DepthwiseShape& s) {
  const Shape out = s.output();
  return {out.h, out.w + out.w % 2, 0, 0};
}

/// `image`: first of `count` channels of a sample's first pixel, `shape` the whole tensor's.
template <class T>
void unpack(const T* image, const Shape& shape, std::int64_t count, const Tile& tile, F32x16* to) {
  const std::int64_t begin = std::min(tile.left, tile.width);
  const std::int64_t end = std::min(tile.left + shape.w, tile.width);
  for (std::int64_t y = 0; y < tile.height; ++y, to += tile.width) {
    const std::int64_t row = y - tile.top;
    if (row < 0 || row >= shape.h) {
      std::fill(to, to + tile.width, F32x16{});
      continue;
    }
    std::fill(to, to + begin, F32x16{});
    const T* pixel = image + row * shape.w * shape.c;
    for (std::int64_t x = begin; x < end; ++x, pixel += shape.c) load(to[x], pixel, count);
    std::fill(to + end, to + tile.width, F32x16{});
  }
}

/// One element of the window: how far from the first pixel of the sum, times which weight.
struct Tap {
  std::int64_t offset;
  std::int64_t weight;
};

/// `kPixels` neighbouring sums over the taps: out[t] = initial + sum of at[offset + t * step] * w.
template <int kPixels, class T>
void correlate(const F32x16* at, std::int64_t step, const Tap* taps, std::int64_t tap_count,
               const F32x16* weights, const F32x16& initial, T* out, std::int64_t out_step,
               std::int64_t count) {
  F32x16 sum[kPixels];
  for (int t = 0; t < kPixels; ++t) sum[t] = initial;
  for (std::int64_t k = 0; k < tap_count; ++k) {
    const F32x16 weight = weights[taps[k].weight];
    const F32x16* from = at + taps[k].offset;
    for (int t = 0; t < kPixels; ++t) sum[t] += from[t * step] * weight;
  }
  for (int t = 0; t < kPixels; ++t) store(out + t * out_step, sum[t], count);
}

/// A row of `pixels` such sums.
template <class T>
void correlate_row(std::int64_t pixels, const F32x16* at, std::int64_t step, const Tap* taps,
                   std::int64_t tap_count, const F32x16* weights, const F32x16& initial, T* out,
                   std::int64_t out_step, std::int64_t count) {
  std::int64_t x = 0;
  const auto run = [&]<int kPixels>() {
    for (; x + kPixels <= pixels; x += kPixels) {
      correlate<kPixels>(at + x * step, step, taps, tap_count, weights, initial, out + x * out_step,
                         out_step, count);
    }
  };
  run.template operator()<8>();
  run.template operator()<4>();
  run.template operator()<1>();
}

/// The taps of every phase: pixels of the result whose positions differ by a multiple of the stride
/// meet the same elements of the window.
struct Taps {
  Tap* taps;
  std::int64_t* begin;  ///< of each phase, and the end
};

std::int64_t phases(const Window& v) {
  return v.stride_h * v.stride_w;
}

Taps take_taps(Arena::Scope& scratch, const Window& v) {
  const auto count = static_cast<std::size_t>(v.kernel_h * v.kernel_w);
  const auto begins = static_cast<std::size_t>(phases(v) + 1);
  return {static_cast<Tap*>(scratch.take(count * sizeof(Tap))),
          static_cast<std::int64_t*>(scratch.take(begins * sizeof(std::int64_t)))};
}

/// Forward there is one phase: pixel (y, x) of the result begins at (y, x) * stride of the input.
void set_forward_taps(const Taps& to, const Window& v, const Tile& tile) {
  Tap* tap = to.taps;
  for (std::int64_t y = 0; y < v.kernel_h; ++y) {
    for (std::int64_t x = 0; x < v.kernel_w; ++x) {
      *tap++ = {y * tile.width + x, y * v.kernel_w + x};
    }
  }
  to.begin[0] = 0;
  to.begin[1] = tap - to.taps;
}

/// Element (y, x) of the window took padded input pixel p to output pixel (p - (y, x)) / stride.
void set_backward_taps(const Taps& to, const Window& v, const Tile& tile) {
  Tap* tap = to.taps;
  std::int64_t* begin = to.begin;
  for (std::int64_t phase_y = 0; phase_y < v.stride_h; ++phase_y) {
    for (std::int64_t phase_x = 0; phase_x < v.stride_w; ++phase_x) {
      *begin++ = tap - to.taps;
      for (std::int64_t y = phase_y; y < v.kernel_h; y += v.stride_h) {
        for (std::int64_t x = phase_x; x < v.kernel_w; x += v.stride_w) {
          *tap++ = {-(y / v.stride_h * tile.width + x / v.stride_w), y * v.kernel_w + x};
        }
      }
    }
  }
  *begin = tap - to.taps;
}

/// Vectors [rows, c] as [blocks, rows] of lanes.
F32x16* take_vectors(Arena::Scope& scratch, std::int64_t count) {
  return static_cast<F32x16*>(scratch.take(static_cast<std::size_t>(count) * sizeof(F32x16)));
}

std::int64_t blocks_of(std::int64_t channels) {
  return (channels + kLanes - 1) / kLanes;
}

void pack(const float* from, std::int64_t rows, std::int64_t channels, F32x16* to) {
  for (std::int64_t c = 0; c < channels; c += kLanes) {
    const std::int64_t count = std::min(kLanes, channels - c);
    for (std::int64_t row = 0; row < rows; ++row) load(*to++, from + row * channels + c, count);
  }
}

template <class T>
void forward_as(Arena& arena, const DepthwiseShape& shape, const T* x, const float* w,
                const float* b, T* y) {
  const Window& v = shape.window;
  const Shape& in = shape.input;
  const Shape out = shape.output();
  const std::int64_t blocks = blocks_of(in.c);
  const std::int64_t window = v.kernel_h * v.kernel_w;
  const Tile tile = input_tile(shape);
  Arena::Scope scratch(arena);
  const Taps taps = take_taps(scratch, v);
  set_forward_taps(taps, v, tile);
  F32x16* const weights = take_vectors(scratch, blocks * window);
  pack(w, window, in.c, weights);
  F32x16* const tiles = take_vectors(scratch, omp_get_max_threads() * tile.pixels());

#pragma omp parallel for collapse(2) schedule(static)
  for (std::int64_t n = 0; n < in.n; ++n) {
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t c = block * kLanes;
      const std::int64_t count = std::min(kLanes, in.c - c);
      F32x16* const pixels = tiles + omp_get_thread_num() * tile.pixels();
      unpack(x + n * in.h * in.w * in.c + c, in, count, tile, pixels);
      F32x16 initial{};
      if (b != nullptr) load(initial, b + c, count);
      for (std::int64_t row = 0; row < out.h; ++row) {
        correlate_row(out.w, pixels + row * v.stride_h * tile.width, v.stride_w, taps.taps, window,
                      weights + block * window, initial, y + (n * out.h + row) * out.w * out.c + c,
                      out.c, count);
      }
    }
  }
}

template <class T>
void backward_data_as(Arena& arena, const DepthwiseShape& shape, const T* dy, const float* w,
                      T* dx) {
  const Window& v = shape.window;
  const Shape& in = shape.input;
  const Shape out = shape.output();
  const std::int64_t blocks = blocks_of(in.c);
  const std::int64_t window = v.kernel_h * v.kernel_w;
  const Tile tile = gradient_tile(shape);
  Arena::Scope scratch(arena);
  const Taps taps = take_taps(scratch, v);
  set_backward_taps(taps, v, tile);
  F32x16* const weights = take_vectors(scratch, blocks * window);
  pack(w, window, in.c, weights);
  F32x16* const tiles = take_vectors(scratch, omp_get_max_threads() * tile.pixels());

#pragma omp parallel for collapse(2) schedule(static)
  for (std::int64_t n = 0; n < in.n; ++n) {
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t c = block * kLanes;
      const std::int64_t count = std::min(kLanes, in.c - c);
      F32x16* const pixels = tiles + omp_get_thread_num() * tile.pixels();
      unpack(dy + n * out.h * out.w * out.c + c, out, count, tile, pixels);
      for (std::int64_t y = 0; y < in.h; ++y) {
        const std::int64_t padded_y = y + v.top;
        const std::int64_t row = (padded_y / v.stride_h + tile.top) * tile.width;
        // Columns of one phase at a time: padded_x = x + left runs through phase, phase + stride ..
        for (std::int64_t x = 0; x < std::min(v.stride_w, in.w); ++x) {
          const std::int64_t padded_x = x + v.left;
          const std::int64_t phase = padded_y % v.stride_h * v.stride_w + padded_x % v.stride_w;
          const std::int64_t begin = taps.begin[phase];
          correlate_row((in.w - x + v.stride_w - 1) / v.stride_w,
                        pixels + row + padded_x / v.stride_w + tile.left, 1, taps.taps + begin,
                        taps.begin[phase + 1] - begin, weights + block * window, F32x16{},
                        dx + ((n * in.h + y) * in.w + x) * in.c + c, v.stride_w * in.c, count);
        }
      }
    }
  }
}

/// sums[k] += sum over all output pixels of gradient * input, for kTaps neighbours in a window's
/// row. Two columns at a time: the chains of additions are what limits the speed.
template <int kTaps>
void add_products(const F32x16* input, const Tile& in, const F32x16* gradient, const Tile& out,
                  const Window& v, F32x16* sums) {
  F32x16 even[kTaps] = {};
  F32x16 odd[kTaps] = {};
  for (std::int64_t y = 0; y < out.height; ++y) {
    const F32x16* from = input + y * v.stride_h * in.width;
    for (std::int64_t x = 0; x < out.width; x += 2, from += 2 * v.stride_w) {
      const F32x16 first = *gradient++;
      const F32x16 second = *gradient++;
      for (int k = 0; k < kTaps; ++k) {
        even[k] += from[k] * first;
        odd[k] += from[k + v.stride_w] * second;
      }
    }
  }
  for (int k = 0; k < kTaps; ++k) sums[k] += even[k] + odd[k];
}

void add_all_products(const F32x16* input, const Tile& in, const F32x16* gradient, const Tile& out,
                      const Window& v, F32x16* sums) {
  for (std::int64_t y = 0; y < v.kernel_h; ++y) {
    std::int64_t x = 0;
    const auto run = [&]<int kTaps>() {
      for (; x + kTaps <= v.kernel_w; x += kTaps) {
        add_products<kTaps>(input + y * in.width + x, in, gradient, out, v,
                            sums + y * v.kernel_w + x);
      }
    };
    run.template operator()<5>();
    run.template operator()<3>();
    run.template operator()<2>();
    run.template operator()<1>();
  }
}

/// Samples are summed in groups that depend on the batch alone, so that the result does not depend
/// on the number of threads.
std::int64_t groups_of(std::int64_t samples) {
  return std::min<std::int64_t>(samples, 32);
}

template <class T>
void backward_weights_as(Arena& arena, const DepthwiseShape& shape, const T* x, const T* dy,
                         float* dw, float* db) {
  const Window& v = shape.window;
  const Shape& in = shape.input;
  const Shape out = shape.output();
  const std::int64_t blocks = blocks_of(in.c);
  const std::int64_t groups = groups_of(in.n);
  const std::int64_t window = v.kernel_h * v.kernel_w;
  const std::int64_t rows = window + 1;  // the last is the bias
  const Tile in_tile = input_tile(shape);
  const Tile out_tile = even_tile(shape);
  Arena::Scope scratch(arena);
  F32x16* const partial = take_vectors(scratch, groups * blocks * rows);
  const std::int64_t pixels = in_tile.pixels() + out_tile.pixels();
  F32x16* const tiles = take_vectors(scratch, omp_get_max_threads() * pixels);

#pragma omp parallel for collapse(2) schedule(static)
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t c = block * kLanes;
      const std::int64_t count = std::min(kLanes, in.c - c);
      F32x16* const input = tiles + omp_get_thread_num() * pixels;
      F32x16* const gradient = input + in_tile.pixels();
      F32x16* const sums = partial + (group * blocks + block) * rows;
      std::fill(sums, sums + rows, F32x16{});
      for (std::int64_t n = in.n * group / groups; n < in.n * (group + 1) / groups; ++n) {
        unpack(x + n * in.h * in.w * in.c + c, in, count, in_tile, input);
        unpack(dy + n * out.h * out.w * out.c + c, out, count, out_tile, gradient);
        add_all_products(input, in_tile, gradient, out_tile, v, sums);
        if (db == nullptr) continue;
        for (std::int64_t i = 0; i < out_tile.pixels(); ++i) sums[window] += gradient[i];
      }
    }
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t c = block * kLanes;
    const std::int64_t count = std::min(kLanes, in.c - c);
    for (std::int64_t row = 0; row < (db != nullptr ? rows : window); ++row) {
      F32x16 sum{};
      for (std::int64_t group = 0; group < groups; ++group) {
        sum += partial[(group * blocks + block) * rows + row];
      }
      store(row < window ? dw + row * in.c + c : db + c, sum, count);
    }
  }
}

void forward(Stream& stream, const DepthwiseShape& shape, ConstView x, ConstView w, ConstView b,
             View y) {
  with_element(x.dtype, [&]<class T>(T) {
    forward_as(stream.scratch(), shape, x.as<T>(), w.as<float>(), b.as<float>(), y.as<T>());
  });
}

void backward_data(Stream& stream, const DepthwiseShape& shape, ConstView dy, ConstView w,
                   View dx) {
  with_element(dy.dtype, [&]<class T>(T) {
    backward_data_as(stream.scratch(), shape, dy.as<T>(), w.as<float>(), dx.as<T>());
  });
}

void backward_weights(Stream& stream, const DepthwiseShape& shape, ConstView x, ConstView dy,
                      View dw, View db) {
  with_element(x.dtype, [&]<class T>(T) {
    backward_weights_as(stream.scratch(), shape, x.as<T>(), dy.as<T>(), dw.as<float>(),
                        db.as<float>());
  });
}

std::size_t most_scratch(Stream&, const DepthwiseShape& shape, DType) {
  const Window& v = shape.window;
  const auto window = static_cast<std::size_t>(v.kernel_h * v.kernel_w);
  const auto lanes = [](std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(F32x16);
  };
  const std::int64_t threads = omp_get_max_threads();
  const std::int64_t blocks = blocks_of(shape.input.c);
  const std::int64_t forward_pixels = input_tile(shape).pixels();
  const std::size_t data = aligned(window * sizeof(Tap)) +
                           aligned(static_cast<std::size_t>(phases(v) + 1) * sizeof(std::int64_t)) +
                           lanes(blocks * static_cast<std::int64_t>(window)) +
                           lanes(threads * std::max(forward_pixels, gradient_tile(shape).pixels()));
  const std::size_t weights =
      lanes(groups_of(shape.input.n) * blocks * static_cast<std::int64_t>(window + 1)) +
      lanes(threads * (forward_pixels + even_tile(shape).pixels()));
  return std::max(data, weights);
}

const Twin forward_twin(twins::depthwise_forward, DeviceKind::cpu, forward);
const Twin backward_data_twin(twins::depthwise_backward_data, DeviceKind::cpu, backward_data);
const Twin backward_weights_twin(twins::depthwise_backward_weights, DeviceKind::cpu,
                                 backward_weights);
const Twin scratch_twin(twins::depthwise_scratch_bytes, DeviceKind::cpu, most_scratch);

}  // namespace
}  // namespace paretiny::cpu

// Depthwise convolution by hand, forward and backward to the data: both are sums over the taps of a
// window that meets a row of the result. oneDNN's own has no fast weight gradient for most of our
// shapes and is slower in bf16.
#include "kernels/nn/depthwise.h"

#include <algorithm>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/host_device.h"
#include "kernels/core/threads.h"
#include "kernels/nn/cpu/depthwise_tile.h"
#include "kernels/nn/cpu/fusion.h"

namespace paretiny::cpu {

using nn::Window;

namespace {

/// What the windows touch of the padded input.
Tile input_tile(const nn::DepthwiseShape& s) {
  const Window& v = s.window;
  const Shape out = s.output();
  return {(out.h - 1) * v.stride_h + v.kernel_h, (out.w - 1) * v.stride_w + v.kernel_w, v.top,
          v.left};
}

/// The output gradient with the zeros that the gradient of the input's border meets.
Tile gradient_tile(const nn::DepthwiseShape& s) {
  const Window& v = s.window;
  const Shape out = s.output();
  const std::int64_t top = (v.kernel_h - 1) / v.stride_h;
  const std::int64_t left = (v.kernel_w - 1) / v.stride_w;
  return {top + std::max((s.input.h - 1 + v.top) / v.stride_h + 1, out.h),
          left + std::max((s.input.w - 1 + v.left) / v.stride_w + 1, out.w), top, left};
}

/// One element of the window, and how far from the first pixel of a sum it finds its factor.
struct Tap {
  std::int64_t offset;
  std::int64_t element;
};

using One = std::integral_constant<std::int64_t, 1>;
constexpr One kOne{};

/// Sums over taps for the pixels of a row: out[t] = initial + sum of at[offset + t * step] *
/// weight. Step: an integer, or an integral constant where it is known.
template <class Step, class T>
struct RowSums {
  Step step;
  const Tap* taps;
  std::int64_t tap_count;
  const F32x16* weights;  ///< of each tap
  F32x16 initial;
  std::int64_t out_step;
  std::int64_t lanes;  ///< of the result that exist

  template <int kPixels>
  [[gnu::always_inline]] void neighbours(const F32x16* at, T* out) const {
    F32x16 sum[kPixels];
    for (int t = 0; t < kPixels; ++t) sum[t] = initial;
    for (std::int64_t k = 0; k < tap_count; ++k) {
      const F32x16* from = at + taps[k].offset;
      for (int t = 0; t < kPixels; ++t) sum[t] += from[t * step] * weights[k];
    }
#pragma GCC unroll 8
    for (int t = 0; t < kPixels; ++t) store(out + t * out_step, sum[t], lanes);
  }

  void row(std::int64_t pixels, const F32x16* at, T* out) const {
    for (; pixels >= 8; pixels -= 8, at += 8 * step, out += 8 * out_step) neighbours<8>(at, out);
    switch (pixels) {
      case 7:
        return neighbours<7>(at, out);
      case 6:
        return neighbours<6>(at, out);
      case 5:
        return neighbours<5>(at, out);
      case 4:
        return neighbours<4>(at, out);
      case 3:
        return neighbours<3>(at, out);
      case 2:
        return neighbours<2>(at, out);
      case 1:
        return neighbours<1>(at, out);
    }
  }
};

/// The taps of every phase: pixels of the result whose positions differ by a multiple of the stride
/// meet the same elements of the window.
struct Taps {
  Tap* taps;
  std::int64_t* begin;  ///< of each phase, and the end

  Taps(Arena::Scope& scratch, const Window& v)
      : taps(static_cast<Tap*>(scratch.take(tap_bytes(v)))),
        begin(static_cast<std::int64_t*>(scratch.take(begin_bytes(v)))) {}

  static std::size_t tap_bytes(const Window& v) {
    return static_cast<std::size_t>(v.kernel_h * v.kernel_w) * sizeof(Tap);
  }
  static std::size_t begin_bytes(const Window& v) {
    return static_cast<std::size_t>(v.stride_h * v.stride_w + 1) * sizeof(std::int64_t);
  }
  static std::size_t bytes(const Window& v) {
    return aligned(tap_bytes(v)) + aligned(begin_bytes(v));
  }
};

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

/// work(n, first channel, channels, tile, weights of the taps) for every sample and block.
template <class T, class F>
void for_blocks(Arena::Scope& scratch, const T* source, const Shape& shape, const Tile& tile,
                const float* w, const Taps& taps, std::int64_t window, F work) {
  const Blocks blocks(shape.c, tile.pixels());
  F32x16* const weights = take_vectors(scratch, blocks.count * window);
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    for (std::int64_t k = 0; k < window; ++k) {
      load(weights[block * window + k], w + taps.taps[k].element * shape.c + block * kLanes,
           blocks.lanes(block));
    }
  }
  const std::int64_t pixels = tile.pixels() * blocks.together;
  F32x16* const tiles = take_vectors(scratch, thread_count() * pixels);
  std::fill(tiles, tiles + thread_count() * pixels, F32x16{});
  parallel_for(shape.n, blocks.units(), true, [&](std::int64_t n, std::int64_t unit) {
    F32x16* const planes = tiles + thread_index() * pixels;
    const std::int64_t begin = blocks.begin(unit);
    const std::int64_t end = blocks.end(unit);
    unpack(source + n * shape.h * shape.w * shape.c, shape, blocks, begin, end, tile, planes);
    for (std::int64_t b = begin; b < end; ++b) {
      work(n, b * kLanes, blocks.lanes(b), planes + (b - begin) * tile.pixels(),
           weights + b * window);
    }
  });
}

std::size_t block_bytes(const Shape& source, const Tile& tile, const Window& v) {
  const Blocks blocks(source.c, tile.pixels());
  return Taps::bytes(v) + vectors_bytes(blocks.count * v.kernel_h * v.kernel_w) +
         vectors_bytes(thread_count() * tile.pixels() * blocks.together);
}

template <class T>
void forward_as(Arena& arena, const nn::DepthwiseShape& shape, const T* x, const float* w,
                const float* b, T* y) {
  const Window& v = shape.window;
  const Shape out = shape.output();
  const std::int64_t window = v.kernel_h * v.kernel_w;
  const Tile tile = input_tile(shape);
  Arena::Scope scratch(arena);
  const Taps taps(scratch, v);
  set_forward_taps(taps, v, tile);
  const auto sums = [&]<class Step>(Step step, std::int64_t n, std::int64_t c, std::int64_t lanes,
                                    const F32x16* pixels, const F32x16* weights) {
    RowSums<Step, T> sum{step, taps.taps, window, weights, F32x16{}, out.c, lanes};
    if (b != nullptr) load(sum.initial, b + c, lanes);
    for (std::int64_t row = 0; row < out.h; ++row) {
      sum.row(out.w, pixels + row * v.stride_h * tile.width,
              y + (n * out.h + row) * out.w * out.c + c);
    }
  };
  const auto rows = [&](auto... block) {
    v.stride_w == 1 ? sums(kOne, block...) : sums(v.stride_w, block...);
  };
  for_blocks(scratch, x, shape.input, tile, w, taps, window, rows);
}

template <class T>
void backward_data_as(Arena& arena, const nn::DepthwiseShape& shape, const T* dy, const float* w,
                      T* dx) {
  const Window& v = shape.window;
  const Shape& in = shape.input;
  const Tile tile = gradient_tile(shape);
  Arena::Scope scratch(arena);
  const Taps taps(scratch, v);
  set_backward_taps(taps, v, tile);
  const auto rows = [&](std::int64_t n, std::int64_t c, std::int64_t lanes, const F32x16* pixels,
                        const F32x16* weights) {
    for (std::int64_t y = 0; y < in.h; ++y) {
      const std::int64_t padded_y = y + v.top;
      const F32x16* const row = pixels + (padded_y / v.stride_h + tile.top) * tile.width;
      // The columns of one phase at a time.
      for (std::int64_t x = 0; x < std::min(v.stride_w, in.w); ++x) {
        const std::int64_t padded_x = x + v.left;
        const std::int64_t phase = padded_y % v.stride_h * v.stride_w + padded_x % v.stride_w;
        const std::int64_t begin = taps.begin[phase];
        const RowSums<One, T> sum{kOne,
                                  taps.taps + begin,
                                  taps.begin[phase + 1] - begin,
                                  weights + begin,
                                  F32x16{},
                                  v.stride_w * in.c,
                                  lanes};
        sum.row(ceil_div(in.w - x, v.stride_w), row + padded_x / v.stride_w + tile.left,
                dx + ((n * in.h + y) * in.w + x) * in.c + c);
      }
    }
  };
  for_blocks(scratch, dy, shape.output(), tile, w, taps, v.kernel_h * v.kernel_w, rows);
}

void forward(Stream& stream, const nn::DepthwiseShape& shape, const nn::ConvolutionForward& t) {
  Arena::Scope scratch(stream.scratch());
  const ConstView read = read_through(scratch, t.prologue, t.x);
  with_element(t.x.dtype, [&]<class T>(T) {
    forward_as(stream.scratch(), shape, read.as<T>(), t.w.as<float>(), t.b.as<float>(),
               t.y.as<T>());
  });
  write_through(t.epilogue, t.y);
}

void backward_data(Stream& stream, const nn::DepthwiseShape& shape, ConstView dy, ConstView w,
                   View dx) {
  with_element(dy.dtype, [&]<class T>(T) {
    backward_data_as(stream.scratch(), shape, dy.as<T>(), w.as<float>(), dx.as<T>());
  });
}

std::size_t most_scratch(Stream&, const nn::DepthwiseShape& shape, DType) {
  return std::max({block_bytes(shape.input, input_tile(shape), shape.window),
                   block_bytes(shape.output(), gradient_tile(shape), shape.window),
                   depthwise_weights_scratch_bytes(shape)});
}

const Twin forward_twin(nn::twins::depthwise_forward, DeviceKind::cpu, forward);
const Twin backward_data_twin(nn::twins::depthwise_backward_data, DeviceKind::cpu, backward_data);
const Twin scratch_twin(nn::twins::depthwise_scratch_bytes, DeviceKind::cpu, most_scratch);

}  // namespace
}  // namespace paretiny::cpu

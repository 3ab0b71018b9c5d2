// The weight gradient of a depthwise convolution: for each element of the window a sum over all
// samples and pixels. Samples are summed in groups, and the groups in order. Reads x and dy once:
// kh kw multiply-adds for 4 or 8 bytes.
#include <algorithm>

#include "kernels/core/cpu/elements.h"
#include "kernels/core/threads.h"
#include "kernels/nn/cpu/depthwise_tile.h"
#include "kernels/nn/cpu/fusion.h"
#include "kernels/nn/depthwise.h"

namespace paretiny::cpu {
namespace {

/// What the windows touch of the padded input.
Tile input_tile(const nn::DepthwiseShape& s) {
  const nn::Window& v = s.window;
  const Shape out = s.output();
  // An even number of output columns, for `add_products`.
  const std::int64_t columns = out.w + out.w % 2;
  return {(out.h - 1) * v.stride_h + v.kernel_h, (columns - 1) * v.stride_w + v.kernel_w, v.top,
          v.left};
}

/// The output gradient with an even number of columns.
Tile even_tile(const nn::DepthwiseShape& s) {
  const Shape out = s.output();
  return {out.h, out.w + out.w % 2, 0, 0};
}

/// sums[k] += sum over all output pixels of gradient * input, for kTaps neighbours in a window's
/// row. Two columns at a time: the chains of additions are what limits the speed.
template <int kTaps>
void add_products(const F32x16* input, const Tile& in, const F32x16* gradient, const Tile& out,
                  const nn::Window& v, F32x16* sums) {
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
                      const nn::Window& v, F32x16* sums) {
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
void backward_weights_as(Arena& arena, const nn::DepthwiseShape& shape, const T* x, const T* dy,
                         float* dw, float* db) {
  const nn::Window& v = shape.window;
  const Shape& in = shape.input;
  const Shape out = shape.output();
  const Tile in_tile = input_tile(shape);
  const Tile out_tile = even_tile(shape);
  const Blocks blocks(in.c, in_tile.pixels() + out_tile.pixels());
  const std::int64_t groups = groups_of(in.n);
  const std::int64_t window = v.kernel_h * v.kernel_w;
  const std::int64_t rows = window + 1;  // the last is the bias
  Arena::Scope scratch(arena);
  F32x16* const partial = take_vectors(scratch, groups * blocks.count * rows);
  const std::int64_t pixels = (in_tile.pixels() + out_tile.pixels()) * blocks.together;
  F32x16* const tiles = take_vectors(scratch, thread_count() * pixels);

  std::fill(tiles, tiles + thread_count() * pixels, F32x16{});
  parallel_for(groups, blocks.units(), true, [&](std::int64_t group, std::int64_t unit) {
    F32x16* const inputs = tiles + thread_index() * pixels;
    F32x16* const gradients = inputs + in_tile.pixels() * blocks.together;
    const std::int64_t begin = blocks.begin(unit);
    const std::int64_t end = blocks.end(unit);
    F32x16* const unit_sums = partial + (group * blocks.count + begin) * rows;
    std::fill(unit_sums, unit_sums + (end - begin) * rows, F32x16{});
    for (std::int64_t n = in.n * group / groups; n < in.n * (group + 1) / groups; ++n) {
      unpack(x + n * in.h * in.w * in.c, in, blocks, begin, end, in_tile, inputs);
      unpack(dy + n * out.h * out.w * out.c, out, blocks, begin, end, out_tile, gradients);
      for (std::int64_t i = 0; i < end - begin; ++i) {
        const F32x16* const gradient = gradients + i * out_tile.pixels();
        F32x16* const sums = unit_sums + i * rows;
        add_all_products(inputs + i * in_tile.pixels(), in_tile, gradient, out_tile, v, sums);
        if (db == nullptr) continue;
        for (std::int64_t p = 0; p < out_tile.pixels(); ++p) sums[window] += gradient[p];
      }
    }
  });
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    const std::int64_t c = block * kLanes;
    for (std::int64_t row = 0; row < (db != nullptr ? rows : window); ++row) {
      F32x16 sum{};
      for (std::int64_t group = 0; group < groups; ++group) {
        sum += partial[(group * blocks.count + block) * rows + row];
      }
      store(row < window ? dw + row * in.c + c : db + c, sum, blocks.lanes(block));
    }
  }
}

void backward_weights(Stream& stream, const nn::DepthwiseShape& shape,
                      const nn::ConvolutionWeightGradient& t) {
  Arena::Scope scratch(stream.scratch());
  const ConstView read = read_through(scratch, t.prologue, t.x);
  with_element(t.x.dtype, [&]<class T>(T) {
    backward_weights_as(stream.scratch(), shape, read.as<T>(), t.dy.as<T>(), t.dw.as<float>(),
                        t.db.as<float>());
  });
}

const Twin backward_weights_twin(nn::twins::depthwise_backward_weights, DeviceKind::cpu,
                                 backward_weights);

}  // namespace

std::size_t depthwise_weights_scratch_bytes(const nn::DepthwiseShape& shape) {
  const nn::Window& v = shape.window;
  const std::int64_t pixels = input_tile(shape).pixels() + even_tile(shape).pixels();
  const Blocks blocks(shape.input.c, pixels);
  const std::int64_t partial =
      groups_of(shape.input.n) * blocks.count * (v.kernel_h * v.kernel_w + 1);
  return vectors_bytes(partial) + vectors_bytes(thread_count() * pixels * blocks.together);
}

}  // namespace paretiny::cpu

// Weight gradient of a convolution as an implicit product: dw [out channels x (taps x in channels)]
// = sum over output pixels of dy^T and the x pixels that the taps meet. A block makes a tile of 64
// output channels x 128 (tap, channel) of a strip of pixels; both operands come pixel by pixel, as
// they lie in memory, and tensor cores read them transposed. A thread brings packs of one column:
// its tap stays, its pixels move on. The strips' sums go to scratch, and a second pass adds them up
// in order.
// Bytes: x once from memory and once a tap and 64 output channels from the L2 cache, dy once a 128
// (tap, channel), sums 8 bytes a weight and strip.
#include <algorithm>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/conv/conv_gradient.h"
#include "kernels/nn/cuda/merge_parts.h"

namespace paretiny::cuda {
namespace {

using gradient::Gradient;
using gradient::GradientMemory;
using gradient::GradientSums;
using gradient::kColumns;
using gradient::kOuts;
using gradient::OutPixel;
using gradient::Stage;
using gradient::TileOut;

constexpr int kLeastPixels = 256;  ///< of a strip, else its sums cost more than they save

/// sums: [strip] and then as dw.
template <class T>
__global__ void __launch_bounds__(kTileThreads, kTileBlocks)
    gradient_kernel(GridDependency earlier, Gradient g, const T* x, const T* dy, float* sums) {
  earlier.wait();
  constexpr int kDyPacks = kOuts / kPack<T>;
  constexpr int kXPacks = kColumns / kPack<T>;
  constexpr int kDyRows = kTileThreads / kDyPacks;
  constexpr int kXRows = kTileThreads / kXPacks;
  constexpr int kDyEach = kTileDepth<T> / kDyRows;
  constexpr int kXEach = kTileDepth<T> / kXRows;
  const int thread = static_cast<int>(threadIdx.x);
  const int first_out = static_cast<int>(blockIdx.y) * kOuts;
  const int first_column = static_cast<int>(blockIdx.x) * kColumns;
  const std::int64_t begin = blockIdx.z * g.strip;
  const std::int64_t end = begin + g.strip < g.pixels ? begin + g.strip : g.pixels;

  const int out = first_out + thread % kDyPacks * kPack<T>;
  const int dy_row = thread / kDyPacks;
  const int column = first_column + thread % kXPacks * kPack<T>;
  const int x_row = thread / kXPacks;
  const int tap = column / g.padded_in_channels;
  const int channel = column % g.padded_in_channels;
  const int tap_y = tap / g.x.kernel - g.y.pad;
  const int tap_x = tap % g.x.kernel - g.x.pad;
  OutPixel pixel[kXEach];
#pragma unroll
  for (int i = 0; i < kXEach; ++i) {
    pixel[i] = OutPixel::at(begin + x_row + i * kXRows, g.y.target, g.x.target);
  }
  const OutPixel distance = OutPixel::at(kTileDepth<T>, g.y.target, g.x.target);
  std::int64_t first_pixel = begin;

  auto& memory = shared_memory<gradient::GradientMemory<T>>();
  const auto load = [&](gradient::Stage<T>& stage) {
#pragma unroll
    for (int i = 0; i < kDyEach; ++i) {
      const int row = dy_row + i * kDyRows;
      const bool valid = first_pixel + row < end && out < g.padded_out_channels;
      const T* const from = dy + (first_pixel + row) * g.padded_out_channels + out;
      copy_async_16(stage.dy.at(row, thread % kDyPacks), valid ? from : dy, valid);
    }
#pragma unroll
    for (int i = 0; i < kXEach; ++i) {
      const int row = x_row + i * kXRows;
      const int sy = pixel[i].y * g.y.stride + tap_y;
      const int sx = pixel[i].x * g.x.stride + tap_x;
      const bool valid = first_pixel + row < end && column < g.columns() && sy >= 0 &&
                         sy < g.y.source && sx >= 0 && sx < g.x.source;
      const std::int64_t source =
          (std::int64_t{pixel[i].image} * g.y.source + sy) * g.x.source + sx;
      const T* const from = x + source * g.padded_in_channels + channel;
      copy_async_16(stage.x.at(row, thread % kXPacks), valid ? from : x, valid);
      pixel[i].move(distance, g.y.target, g.x.target);
    }
    first_pixel += kTileDepth<T>;
  };

  const int steps = static_cast<int>(ceil_div(end - begin, kTileDepth<T>));
  for (int s = 0; s < kTileStages - 1; ++s) {
    if (s < steps) load(memory.stage[s]);
    commit_copies();
  }
  gradient::GradientSums<T> sum(g.columns() - first_column);
  for (int step = 0; step < steps; ++step) {
    wait_for_copies<kTileStages - 2>();
    __syncthreads();
    const int next = step + kTileStages - 1;
    if (next < steps) load(memory.stage[next % kTileStages]);
    commit_copies();
    sum.add(memory.stage[step % kTileStages]);
  }
  sum.leave(TileOut(g, sums, first_out, first_column));
}

/// How the product is spread over blocks.
struct Split {
  std::int64_t pixels, strips, strip;  ///< strips: how many, strip: pixels of one
  unsigned column_tiles, out_tiles;

  Split(Stream& stream, const nn::ConvShape& shape, DType activations) {
    const auto tiles = [](std::int64_t count, int tile) {
      return static_cast<unsigned>(ceil_div(count, tile));
    };
    const nn::Window& w = shape.window;
    const Shape out = shape.output();
    pixels = out.n * out.h * out.w;
    column_tiles =
        tiles(w.kernel_h * w.kernel_w * padded_channels(shape.input.c, activations), kColumns);
    out_tiles = tiles(out.c, kOuts);
    const std::int64_t room =
        std::int64_t{multiprocessors(stream)} * kTileBlocks / (column_tiles * out_tiles);
    const std::int64_t worth = ceil_div(pixels, kLeastPixels);
    const std::int64_t wanted = std::clamp<std::int64_t>(room, 1, worth);
    // Whole steps, and no empty strip.
    const std::int64_t step = 64 / static_cast<std::int64_t>(size_of(activations));
    strip = round_up(ceil_div(pixels, wanted), step);
    strips = ceil_div(pixels, strip);
  }
};

}  // namespace

void weight_gradient(Stream& stream, const nn::ConvShape& shape, const ConstView& x,
                     const ConstView& dy, const View& dw) {
  const Split split(stream, shape, x.dtype);
  const Gather forward = Gather::of(shape, x.dtype, false);
  const Gradient gradient{forward.y,
                          forward.x,
                          static_cast<int>(shape.input.c),
                          static_cast<int>(shape.out_channels),
                          static_cast<int>(x.shape.c),
                          static_cast<int>(dy.shape.c),
                          split.pixels,
                          split.strip};
  Arena::Scope scratch(stream.scratch());
  const auto weights = static_cast<int>(dw.elements());
  float* const sums = split.strips == 1
                          ? dw.as<float>()
                          : scratch.take(DType::f32, {split.strips, 1, 1, weights}).as<float>();
  with_element(x.dtype, [&]<class T>(T) {
    launch_dependent(
        stream, "conv_backward_weights", gradient_kernel<T>,
        {dim3(split.column_tiles, split.out_tiles, static_cast<unsigned>(split.strips)),
         dim3(kTileThreads), sizeof(gradient::GradientMemory<T>)},
        gradient, x.as<T>(), dy.as<T>(), sums);
  });
  if (split.strips == 1) return;
  merge_parts(stream, "conv_backward_weights", reinterpret_cast<const PlainSum*>(sums),
              static_cast<int>(split.strips), weights, StoreSum{dw.as<float>()});
}

std::size_t weight_gradient_bytes(Stream& stream, const nn::ConvShape& shape, DType activations) {
  const Split split(stream, shape, activations);
  if (split.strips == 1) return 0;
  return aligned(static_cast<std::size_t>(split.strips * shape.weights().elements()) *
                 sizeof(float));
}

}  // namespace paretiny::cuda

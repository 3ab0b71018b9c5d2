// Weight gradient of a convolution as an implicit product: dw [out channels x (taps x in channels)]
// = sum over output pixels of dy^T and the x pixels that the taps meet. A block makes a tile of 64
// output channels x 128 (tap, channel) of a strip of pixels; both operands come pixel by pixel, as
// they lie in memory, and tensor cores read them transposed. A thread brings packs of one column:
// its tap stays, its pixels move on. The strips' sums go to scratch, and a second pass adds them up
// in order.
// Bytes: x once from memory and once a tap and 64 output channels from the L2 cache, dy once a 128
// (tap, channel), sums 8 bytes a weight and strip.
#include <algorithm>

#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/conv/conv_kernels.h"
#include "kernels/nn/cuda/conv/conv_tile.h"
#include "kernels/nn/cuda/merge_parts.h"

namespace paretiny::cuda {
namespace {

constexpr int kOuts = 64;          ///< output channels of a tile
constexpr int kColumns = 128;      ///< (tap, input channel) of a tile
constexpr int kLeastPixels = 256;  ///< of a strip, else its sums cost more than they save

/// A row a pixel with kValues values, its packs exchanged so that neither copies nor reads of eight
/// rows meet in a bank.
template <class T, int kValues>
struct PixelTile {
  uint4 pack[kTileDepth<T>][kValues / kPack<T>];

  __device__ uint4* at(int pixel, int column) { return &pack[pixel][column ^ (pixel % 8)]; }
  __device__ const float* floats(int pixel, int column) {
    return reinterpret_cast<const float*>(at(pixel, column));
  }
};

template <class T>
struct Stage {
  PixelTile<T, kOuts> dy;
  PixelTile<T, kColumns> x;
};

template <class T>
struct GradientMemory {
  Stage<T> stage[kTileStages];
};

struct Gradient {
  GatherAxis y, x;                              ///< forward
  int in_channels, out_channels;                ///< as dw has them
  int padded_in_channels, padded_out_channels;  ///< as x and dy have them
  std::int64_t pixels;                          ///< of dy
  std::int64_t strip;                           ///< pixels a block

  __device__ int taps() const { return y.kernel * x.kernel; }
  __device__ int columns() const { return taps() * padded_in_channels; }
};

/// Where a tile's sums go: dw as it is in memory, a copy a strip.
class TileOut {
 public:
  __device__ TileOut(const Gradient& g, float* sums, int first_out, int first_column)
      : g_(g),
        dw_(sums + std::int64_t{blockIdx.z} * g.out_channels * g.taps() * g.in_channels),
        first_out_(first_out),
        first_column_(first_column) {}

  /// Row and column of the tile; those that are but padding go nowhere.
  __device__ void set(int row, int column, float sum) const {
    const int out = first_out_ + row;
    const int tap = (first_column_ + column) / g_.padded_in_channels;
    const int in = (first_column_ + column) % g_.padded_in_channels;
    if (out >= g_.out_channels || tap >= g_.taps() || in >= g_.in_channels) return;
    dw_[(std::int64_t{out} * g_.taps() + tap) * g_.in_channels + in] = sum;
  }

 private:
  const Gradient& g_;
  float* dw_;
  int first_out_, first_column_;
};

/// An output pixel; moves on by a fixed distance without division.
struct OutPixel {
  int image, y, x;

  __device__ static OutPixel at(std::int64_t pixel, int height, int width) {
    const std::int64_t row = pixel / width;
    return {static_cast<int>(row / height), static_cast<int>(row % height),
            static_cast<int>(pixel % width)};
  }
  __device__ void move(const OutPixel& distance, int height, int width) {
    image += distance.image;
    y += distance.y;
    x += distance.x;
    if (x >= width) {
      x -= width;
      ++y;
    }
    if (y >= height) {
      y -= height;
      ++image;
    }
  }
};

template <class T>
class GradientSums;

template <>
class GradientSums<bf16> {
 public:
  /// `columns`: of the gradient from the tile's first on.
  __device__ explicit GradientSums(int columns) : used_(used_fragments(columns, first_column())) {}

  __device__ void add(Stage<bf16>& stage) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int pixel = 16 * half + lane % 8;
      std::uint32_t a[2][4];
      std::uint32_t b[4][4];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        load_tiles_transposed(
            a[i], stage.dy.at(pixel + lane / 16 * 8, first_row() / 8 + 2 * i + lane / 8 % 2));
      }
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        load_tiles_transposed(
            b[j], stage.x.at(pixel + lane / 8 % 2 * 8, first_column() / 8 + 2 * j + lane / 16));
      }
      sum_.add(a, b, used_);
    }
  }

  __device__ void leave(const TileOut& out) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      if (j >= used_) continue;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        for (int k = 0; k < 4; ++k) {
          out.set(first_row() + 16 * i + lane / 4 + k / 2 * 8,
                  first_column() + 8 * j + lane % 4 * 2 + k % 2, sum_.value[i][j][k]);
        }
      }
    }
  }

 private:
  __device__ static int first_row() {
    return static_cast<int>(threadIdx.x) / 32 % 2 * 32;
  }
  __device__ static int first_column() {
    return static_cast<int>(threadIdx.x) / 64 * 64;
  }

  Fragments<2, 8> sum_;
  int used_;
};

/// Rows 4 r .. + 3 and 32 further on, columns 4 c .. + 3 and 64 further on, for thread 16 r + c.
template <>
class GradientSums<float> {
 public:
  __device__ explicit GradientSums(int) {}

  __device__ void add(Stage<float>& stage) {
#pragma unroll 2
    for (int pixel = 0; pixel < kTileDepth<float>; ++pixel) {
      Pack<float> a[2];
      Pack<float> b[2];
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        a[k] = load_pack(stage.dy.floats(pixel, row() + 8 * k));
        b[k] = load_pack(stage.x.floats(pixel, column() + 16 * k));
      }
#pragma unroll
      for (int i = 0; i < 8; ++i) {
#pragma unroll
        for (int j = 0; j < 8; ++j) {
          sum_[i][j] += a[i / 4].value[i % 4] * b[j / 4].value[j % 4];
        }
      }
    }
  }

  __device__ void leave(const TileOut& out) const {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        out.set(4 * row() + i / 4 * 32 + i % 4, 4 * column() + j / 4 * 64 + j % 4, sum_[i][j]);
      }
    }
  }

 private:
  __device__ static int row() {
    return static_cast<int>(threadIdx.x) / 16;
  }
  __device__ static int column() {
    return static_cast<int>(threadIdx.x) % 16;
  }

  float sum_[8][8] = {};
};

/// sums: [strip] and then as dw.
template <class T>
__global__ void __launch_bounds__(kTileThreads, kTileBlocks)
    gradient_kernel(Gradient g, const T* x, const T* dy, float* sums) {
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

  auto& memory = shared_memory<GradientMemory<T>>();
  const auto load = [&](Stage<T>& stage) {
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
  GradientSums<T> sum(g.columns() - first_column);
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

  Split(Stream& stream, const ConvShape& shape, DType activations) {
    const auto tiles = [](std::int64_t count, int tile) {
      return static_cast<unsigned>(ceil_div(count, tile));
    };
    const Window& w = shape.window;
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

void weight_gradient(Stream& stream, const ConvShape& shape, const ConstView& x,
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
    launch(stream, "conv_backward_weights", gradient_kernel<T>,
           {dim3(split.column_tiles, split.out_tiles, static_cast<unsigned>(split.strips)),
            dim3(kTileThreads), sizeof(GradientMemory<T>)},
           gradient, x.as<T>(), dy.as<T>(), sums);
  });
  if (split.strips == 1) return;
  merge_parts(stream, "conv_backward_weights", reinterpret_cast<const PlainSum*>(sums),
              static_cast<int>(split.strips), weights, StoreSum{dw.as<float>()});
}

std::size_t weight_gradient_bytes(Stream& stream, const ConvShape& shape, DType activations) {
  const Split split(stream, shape, activations);
  if (split.strips == 1) return 0;
  return aligned(static_cast<std::size_t>(split.strips * shape.weights().elements()) *
                 sizeof(float));
}

}  // namespace paretiny::cuda

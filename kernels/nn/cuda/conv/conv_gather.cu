// Convolution and its data gradient as an implicit product (conv_geometry.h): target pixels x
// (taps x source channels) x target channels. A block makes a tile of 128 pixels x 64 channels of
// one phase. Each step brings 64 bytes of terms for every row of both operands: a pack of a pixel's
// row is 16 bytes of the source pixel that its tap meets, or zeros, and a thread brings packs of
// one column, so that it follows one place in (tap, channel) and four pixels. The tile leaves
// through shared memory, in packs where the target has whole ones.
// Bytes: the source once from memory, and from the L2 cache once a tap and 64 target channels; the
// target once.

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/conv/conv_kernels.h"
#include "kernels/nn/cuda/conv/conv_tile.h"

namespace paretiny::cuda {
namespace {

constexpr int kPixels = 128;   ///< of a tile
constexpr int kChannels = 64;  ///< of a tile

/// kRows rows of the product with their terms of a step, in four packs that lie exchanged so that
/// neither copies nor reads of eight rows meet in a bank.
template <int kRows>
struct RowTile {
  uint4 pack[kRows][4];

  __device__ uint4* at(int row, int column) { return &pack[row][column ^ (row / 2 % 4)]; }
  __device__ const float* floats(int row, int column) {
    return reinterpret_cast<const float*>(at(row, column));
  }
};

struct Stage {
  RowTile<kPixels> source;
  RowTile<kChannels> weights;
};

/// The tile as it leaves; rows are 16 bytes longer, so that the rows of a fragment lie in
/// different banks.
template <class T>
struct Leaving {
  static constexpr int kRow = kChannels + kPack<T>;
  alignas(16) T value[kPixels * kRow];

  /// `bias`: of the tile's `channels` channels, or null.
  __device__ void set(int row, int channel, float sum, const float* bias, int channels) {
    if (bias != nullptr && channel < channels) sum += bias[channel];
    value[row * kRow + channel] = narrow<T>(sum);
  }
};

/// What a row of the tile is.
struct PixelRow {
  int image_row;        ///< row 0 of its source image, counted over all images
  int y, x;             ///< source position of tap 0, before padding is cut off
  std::int64_t target;  ///< pixel, or -1 beyond the last
};

template <class T>
struct GatherMemory {
  union {
    Stage stage[kTileStages];
    Leaving<T> leaving;
  };
  PixelRow row[kPixels];
};

/// Outside of any image, wherever a tap leads.
constexpr int kOutside = -(1 << 29);

__device__ inline PixelRow pixel_row(const Gather& g, const Walk& y, const Walk& x,
                                     std::int64_t pixel) {
  const std::int64_t in_image = std::int64_t{y.count} * x.count;
  if (pixel >= g.images * in_image) return {0, kOutside, kOutside, -1};
  const auto image = static_cast<int>(pixel / in_image);
  const auto rest = static_cast<int>(pixel % in_image);
  const int ty = rest / x.count;
  const int tx = rest % x.count;
  const std::int64_t target_row = std::int64_t{image} * g.y.target + y.first + ty * y.step;
  return {image * g.y.source, ty * y.scale + y.base, tx * x.scale + x.base,
          target_row * g.x.target + x.first + tx * x.step};
}

/// Where a thread's column of packs is among the terms.
struct Place {
  int tap_y = 0, tap_x = 0, channel = 0;

  __device__ void advance(int terms, int channels, int taps_x) {
    channel += terms;
    while (channel >= channels) {
      channel -= channels;
      if (++tap_x == taps_x) {
        tap_x = 0;
        ++tap_y;
      }
    }
  }
};

/// The tile's sums: product of a stage, and the way out.
template <class T>
class GatherSums;

template <>
class GatherSums<bf16> {
 public:
  /// `channels`: of the target from the tile's first on.
  __device__ explicit GatherSums(int channels) : used_(used_fragments(channels, first_column())) {}

  __device__ void add(Stage& stage) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      std::uint32_t a[4][4];
      std::uint32_t b[2][4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        load_tiles(a[i], stage.source.at(first_row() + 16 * i + lane % 16, 2 * half + lane / 16));
      }
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        load_tiles(b[j], stage.weights.at(first_column() + 16 * j + lane / 16 * 8 + lane % 8,
                                          2 * half + lane / 8 % 2));
      }
      sum_.add(a, b, used_);
    }
  }

  __device__ void leave(Leaving<bf16>& leaving, const float* bias, int channels) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (j >= used_) continue;
      const int column = first_column() + 8 * j + lane % 4 * 2;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        for (int k = 0; k < 4; ++k) {
          const int row = first_row() + 16 * i + lane / 4 + k / 2 * 8;
          leaving.set(row, column + k % 2, sum_.value[i][j][k], bias, channels);
        }
      }
    }
  }

 private:
  __device__ static int first_row() {
    return static_cast<int>(threadIdx.x) / 32 % 2 * 64;
  }
  __device__ static int first_column() {
    return static_cast<int>(threadIdx.x) / 64 * 32;
  }

  Fragments<4, 4> sum_;
  int used_;
};

template <>
class GatherSums<float> {
 public:
  __device__ explicit GatherSums(int) {}

  __device__ void add(Stage& stage) {
#pragma unroll 1
    for (int p = 0; p < 4; ++p) {
      Pack<float> b[8];
#pragma unroll
      for (int j = 0; j < 8; ++j) b[j] = load_pack(stage.weights.floats(column(j), p));
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const Pack<float> a = load_pack(stage.source.floats(row(i), p));
#pragma unroll
        for (int j = 0; j < 8; ++j) {
#pragma unroll
          for (int k = 0; k < 4; ++k) sum_[i][j] += a.value[k] * b[j].value[k];
        }
      }
    }
  }

  __device__ void leave(Leaving<float>& leaving, const float* bias, int channels) const {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
#pragma unroll
      for (int j = 0; j < 8; ++j) leaving.set(row(i), column(j), sum_[i][j], bias, channels);
    }
  }

 private:
  __device__ static int row(int i) {
    return static_cast<int>(threadIdx.x) / 8 + 16 * i;
  }
  __device__ static int column(int j) {
    return static_cast<int>(threadIdx.x) % 8 + 8 * j;
  }

  float sum_[8][8] = {};
};

/// A block a tile of kPixels x kChannels of the target and one phase of the stride. source: [n, h,
/// w, c]; weights: [target channels, kh, kw, c]; target: [n, h, w, target channels].
template <class T>
__global__ void __launch_bounds__(kTileThreads, kTileBlocks)
    gather_kernel(GridDependency earlier, Gather g, const T* source, const T* weights,
                  const float* bias, T* target, bool whole_packs) {
  earlier.wait();
  const int phase = static_cast<int>(blockIdx.y);
  const Walk y = g.y.walk(phase / g.x.phases());
  const Walk x = g.x.walk(phase % g.x.phases());
  // Neighbouring blocks share their pixels, which then come from the cache.
  const auto channel_tiles = static_cast<unsigned>(ceil_div(g.target_channels, kChannels));
  const std::int64_t first_pixel = std::int64_t{blockIdx.x / channel_tiles} * kPixels;
  if (first_pixel >= std::int64_t{g.images} * y.count * x.count) return;
  const int first_channel = static_cast<int>(blockIdx.x % channel_tiles) * kChannels;
  const int channels = g.target_channels - first_channel;
  const int thread = static_cast<int>(threadIdx.x);

  auto& memory = shared_memory<GatherMemory<T>>();
  memory.row[thread] = pixel_row(g, y, x, first_pixel + thread);
  __syncthreads();

  const int column = thread % 4;
  const int first_row = thread / 4;
  const int depth = g.depth();
  const int weight_row = (phase * g.target_channels + first_channel + first_row) * depth;
  Place place;
  place.advance(column * kPack<T>, g.source_channels, x.taps);
  int term = column * kPack<T>;

  const auto load = [&](Stage& stage) {
    const int dy = g.y.backward ? -place.tap_y : place.tap_y;
    const int dx = g.x.backward ? -place.tap_x : place.tap_x;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const PixelRow& row = memory.row[first_row + 32 * i];
      const int sy = row.y + dy;
      const int sx = row.x + dx;
      const bool valid =
          place.tap_y < y.taps && sy >= 0 && sy < g.y.source && sx >= 0 && sx < g.x.source;
      const std::int64_t pixel = std::int64_t{row.image_row + sy} * g.x.source + sx;
      const T* const from = source + pixel * g.source_channels + place.channel;
      copy_async_16(stage.source.at(first_row + 32 * i, column), valid ? from : source, valid);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const bool valid = first_row + 32 * i < channels && term < depth;
      const T* const from = weights + weight_row + 32 * i * depth + term;
      copy_async_16(stage.weights.at(first_row + 32 * i, column), valid ? from : weights, valid);
    }
    place.advance(kTileDepth<T>, g.source_channels, x.taps);
    term += kTileDepth<T>;
  };

  const int terms = y.taps * x.taps * g.source_channels;
  const int steps = ceil_div(terms, kTileDepth<T>);
  for (int s = 0; s < kTileStages - 1; ++s) {
    if (s < steps) load(memory.stage[s]);
    commit_copies();
  }
  GatherSums<T> sums(channels);
  for (int step = 0; step < steps; ++step) {
    wait_for_copies<kTileStages - 2>();
    __syncthreads();
    const int next = step + kTileStages - 1;
    if (next < steps) load(memory.stage[next % kTileStages]);
    commit_copies();
    sums.add(memory.stage[step % kTileStages]);
  }

  wait_for_copies<0>();
  __syncthreads();
  sums.leave(memory.leaving, bias == nullptr ? nullptr : bias + first_channel, channels);
  __syncthreads();
  constexpr int kRowPacks = kChannels / kPack<T>;
  for (int i = thread; i < kPixels * kRowPacks; i += kTileThreads) {
    const int from_row = i / kRowPacks;
    const int channel = i % kRowPacks * kPack<T>;
    const std::int64_t pixel = memory.row[from_row].target;
    if (pixel < 0 || channel >= channels) continue;
    const T* const from = &memory.leaving.value[from_row * Leaving<T>::kRow + channel];
    T* const to = target + pixel * g.target_channels + first_channel + channel;
    if (whole_packs) {
      *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
    } else {
      for (int k = 0; k < kPack<T> && channel + k < channels; ++k) to[k] = from[k];
    }
  }
}

}  // namespace

void gather_convolution(Stream& stream, const char* name, const Gather& gather,
                        const ConstView& source, const ConstView& weights, const ConstView& b,
                        const View& target) {
  // The first phase has the most pixels.
  const std::int64_t pixels =
      std::int64_t{gather.images} * gather.y.walk(0).count * gather.x.walk(0).count;
  const std::int64_t tiles =
      ceil_div(pixels, kPixels) * ceil_div(gather.target_channels, kChannels);
  const dim3 blocks(static_cast<unsigned>(tiles), static_cast<unsigned>(gather.phases()));
  with_element(source.dtype, [&]<class T>(T) {
    launch_dependent(stream, name, gather_kernel<T>,
                     {blocks, dim3(kTileThreads), sizeof(GatherMemory<T>)}, gather, source.as<T>(),
                     weights.as<T>(), b.as<float>(), target.as<T>(),
                     packs(target.as<T>(), target.shape.c));
  });
}

}  // namespace paretiny::cuda

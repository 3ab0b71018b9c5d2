// What a block of conv_weights.cu works with: stages of x and dy in shared memory, sums in
// registers, and where these go.
#pragma once

#include "kernels/nn/cuda/conv/conv_kernels.h"
#include "kernels/nn/cuda/conv/conv_tile.h"

namespace paretiny::cuda::gradient {

inline constexpr int kOuts = 64;      ///< output channels of a tile
inline constexpr int kColumns = 128;  ///< (tap, input channel) of a tile

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

}  // namespace paretiny::cuda::gradient

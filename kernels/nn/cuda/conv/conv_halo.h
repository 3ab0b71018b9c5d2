// How conv_halo.cu cuts a convolution into tiles: rectangles of target pixels, or several small
// images, times a slice of channels.
#pragma once

#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/conv/conv_geometry.h"

namespace paretiny::cuda::halo {

inline constexpr int kThreads = 256;
inline constexpr int kWarps = kThreads / 32;
inline constexpr int kWarpPixels = 64;
inline constexpr int kStages = 3;  ///< two on their way while one is multiplied
inline constexpr int kTaps = 3;    ///< along an axis
inline constexpr int kAllTaps = kTaps * kTaps;
inline constexpr int kUnit = 8;           ///< channels of 16 bytes
inline constexpr int kStepUnits = 2;      ///< of a step, a product's depth of 16
inline constexpr int kMostChannels = 96;  ///< of a block
inline constexpr int kFarthest = kTaps - 1;

/// Rows of a plane, the units of one pack of channels: planes begin four units apart modulo eight,
/// so that threads that copy to both use all banks.
constexpr int plane(int rows) {
  return (rows + 3) / 8 * 8 + 4;
}

/// The four or eight groups of 64 pixels, and the slices of 8 * kFragments channels, that eight
/// warps share.
template <int kGroups, int kFragments>
struct Tile {
  static constexpr int kPixels = kGroups * kWarpPixels;
  static constexpr int kWarpChannels = 8 * kFragments;
  static constexpr int kChannels = kWarps / kGroups * kWarpChannels;
  static constexpr int kWeightRows = kAllTaps * kChannels;
  /// A row of the tile as it leaves, 16 bytes longer than it need be: rows of a fragment lie in
  /// different banks.
  static constexpr int kRow = kChannels + kUnit;
  static constexpr int kRowUnits = kChannels / kUnit;
  static constexpr int kRowThreads = kThreads / kRowUnits;  ///< rows that leave at a time
};

/// How a target is cut into rectangles of 2^x_bits columns, 2^y_bits rows and 2^image_bits images.
struct Cut {
  int x_bits = 0, y_bits = 0, image_bits = 0;
  int images = 0, height = 0, width = 0;  ///< of the target
  int tiles_x = 0, tiles_y = 0, tiles_images = 0;

  Cut(const Gather& g, int pixel_bits) : images(g.images), height(g.y.target), width(g.x.target) {
    const auto bits = [](int extent, int least, int most) {
      int n = least;
      while (n < most && (1 << n) < extent) ++n;
      return n;
    };
    x_bits = bits(width, 3, 5);
    y_bits = bits(height, 0, pixel_bits - x_bits);
    image_bits = pixel_bits - x_bits - y_bits;
    tiles_x = ceil_div(width, 1 << x_bits);
    tiles_y = ceil_div(height, 1 << y_bits);
    tiles_images = ceil_div(images, 1 << image_bits);
  }

  PARETINY_HOST_DEVICE int halo_width() const { return (1 << x_bits) + kFarthest; }
  PARETINY_HOST_DEVICE int halo_height() const { return (1 << y_bits) + kFarthest; }
  PARETINY_HOST_DEVICE int halo_pixels() const {
    return halo_width() * halo_height() << image_bits;
  }
  PARETINY_HOST_DEVICE std::int64_t tiles() const {
    return std::int64_t{tiles_x} * tiles_y * tiles_images;
  }
};

/// A tile's first image, row and column.
struct Corner {
  int image, y, x;

  __device__ Corner(const Cut& cut, unsigned tile) {
    const auto columns = static_cast<unsigned>(cut.tiles_x);
    const auto rows = static_cast<unsigned>(cut.tiles_y);
    x = static_cast<int>(tile % columns) << cut.x_bits;
    y = static_cast<int>(tile / columns % rows) << cut.y_bits;
    image = static_cast<int>(tile / columns / rows) << cut.image_bits;
  }
};

struct HaloShape {
  Cut cut;
  int source_height, source_width, source_channels, target_channels;
  int first_y, first_x;  ///< of the source, what the first target pixel's taps meet at least
  bool backward;         ///< taps meet it in the opposite order
  int plane;
};

/// Source pixel at place `i` of the tile and its neighbours, counted over all images, or -1.
__device__ inline int source_pixel(const HaloShape& h, const Corner& corner, int i) {
  const int width = h.cut.halo_width(), height = h.cut.halo_height();
  const int image = corner.image + i / (width * height);
  const int y = corner.y + h.first_y + i / width % height;
  const int x = corner.x + h.first_x + i % width;
  const bool inside =
      image < h.cut.images && y >= 0 && y < h.source_height && x >= 0 && x < h.source_width;
  return inside ? (image * h.source_height + y) * h.source_width + x : -1;
}

/// The target's pixel at row `row` of the tile, counted over all images, or -1.
__device__ inline std::int64_t target_pixel(const Cut& cut, const Corner& corner, int row) {
  const int x = corner.x + (row & ((1 << cut.x_bits) - 1));
  const int y = corner.y + (row >> cut.x_bits & ((1 << cut.y_bits) - 1));
  const int image = corner.image + (row >> (cut.x_bits + cut.y_bits));
  if (x >= cut.width || y >= cut.height || image >= cut.images) return -1;
  return (std::int64_t{image} * cut.height + y) * cut.width + x;
}

/// Where row `row` of the tile lies among its pixels and their neighbours, for the first tap.
__device__ inline int halo_place(const Cut& cut, int row) {
  const int x = row & ((1 << cut.x_bits) - 1);
  const int y = row >> cut.x_bits & ((1 << cut.y_bits) - 1);
  const int image = row >> (cut.x_bits + cut.y_bits);
  return (image * cut.halo_height() + y) * cut.halo_width() + x;
}

/// Sums about a pivot over some rows of a tile as it leaves, for the eight channels of a thread.
struct LeavingSums {
  float sum[kUnit] = {}, square[kUnit] = {};
  float count = 0;

  __device__ void add(const Pack<bf16>& values, const Pack<bf16>& pivot) {
    for (int k = 0; k < kUnit; ++k) {
      const float deviation = values.value[k] - pivot.value[k];
      sum[k] += deviation;
      square[k] += deviation * deviation;
    }
    ++count;
  }
};

/// What the threads of a block have, for one of them to add up a channel.
template <int kRowThreads, int kChannels>
struct LeavingTotals {
  float sum[kRowThreads][kChannels], square[kRowThreads][kChannels];
  float count[kRowThreads];

  __device__ void set(int row_thread, int channel, const LeavingSums& sums) {
    for (int k = 0; k < kUnit; ++k) {
      sum[row_thread][channel + k] = sums.sum[k];
      square[row_thread][channel + k] = sums.square[k];
    }
    count[row_thread] = sums.count;
  }
  __device__ Moments moments(int channel, float pivot) const {
    float all = 0, total = 0, squares = 0;
    for (int i = 0; i < kRowThreads; ++i) {
      all += count[i];
      total += sum[i][channel];
      squares += square[i][channel];
    }
    return moments_about(pivot, all, total, squares);
  }
};

}  // namespace paretiny::cuda::halo

// What the loops over depthwise windows share: the work on a sample is cut into blocks of sixteen
// channels, each unpacked into a tile of f32 pixels with the zero padding spelled out. The loops
// over the window then need no tests, and are the same for f32 and bf16 and for any padding.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/core/arena.h"
#include "kernels/core/cpu/f32x16.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/depthwise.h"

namespace paretiny::cpu {

/// A plane of pixels, and where in it an image begins.
struct Tile {
  std::int64_t height, width;
  std::int64_t top, left;

  std::int64_t pixels() const { return height * width; }
};

/// The blocks of a tensor's channels. A unit of work takes several neighbours, as many as stay in
/// the second-level cache: an image read in long runs comes faster than one read in steps.
struct Blocks {
  std::int64_t channels;
  std::int64_t count;
  std::int64_t together;

  /// pixels: of the tiles of one block.
  Blocks(std::int64_t channel_count, std::int64_t pixels)
      : channels(channel_count), count(ceil_div(channel_count, kLanes)) {
    // Bytes of the smallest second-level cache of x86 servers (Zen; Intel's have 1 MiB and more).
    constexpr std::int64_t cache = 512 << 10;
    const auto bytes = pixels * static_cast<std::int64_t>(sizeof(F32x16));
    together = std::clamp<std::int64_t>(cache / bytes, 1, count);
  }

  std::int64_t units() const { return ceil_div(count, together); }
  std::int64_t begin(std::int64_t unit) const { return unit * together; }
  std::int64_t end(std::int64_t unit) const { return std::min(count, begin(unit) + together); }
  std::int64_t lanes(std::int64_t block) const {
    return std::min(kLanes, channels - block * kLanes);
  }
};

/// What take_vectors takes.
inline std::size_t vectors_bytes(std::int64_t count) {
  return aligned(static_cast<std::size_t>(count) * sizeof(F32x16));
}

inline F32x16* take_vectors(Arena::Scope& scratch, std::int64_t count) {
  return static_cast<F32x16*>(scratch.take(static_cast<std::size_t>(count) * sizeof(F32x16)));
}

/// Blocks begin .. end-1 of one sample, the first element of which is `image`, into tiles one after
/// the other. The padding is not touched: it is zero from the start. `shape`: of the whole tensor.
template <class T>
void unpack(const T* image, const Shape& shape, const Blocks& blocks, std::int64_t begin,
            std::int64_t end, const Tile& tile, F32x16* to) {
  const std::int64_t channels = shape.c;
  const std::int64_t plane = tile.pixels();
  const std::int64_t height = std::min(shape.h, tile.height - tile.top);
  const std::int64_t width = std::min(shape.w, tile.width - tile.left);
  // The last block may be cut short.
  const std::int64_t whole = std::min(end, channels / kLanes);
  for (std::int64_t y = 0; y < height; ++y) {
    const T* pixel = image + y * shape.w * channels;
    F32x16* row = to + (y + tile.top) * tile.width + tile.left;
    for (std::int64_t x = 0; x < width; ++x, ++row, pixel += channels) {
      F32x16* lanes = row;
      for (std::int64_t block = begin; block < whole; ++block, lanes += plane) {
        load(*lanes, pixel + block * kLanes);
      }
      if (whole < end) load(*lanes, pixel + whole * kLanes, blocks.lanes(whole));
    }
  }
}

/// What depthwise_backward_weights takes from the arena.
std::size_t depthwise_weights_scratch_bytes(const nn::DepthwiseShape& shape);

}  // namespace paretiny::cpu

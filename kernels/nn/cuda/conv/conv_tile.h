// What our convolution's two products share: a block of four warps, four stages of shared memory
// that cp.async fills, and sums in registers. bf16 goes through mma.sync, f32 through exact FMA;
// both have the same geometry in packs of 16 bytes.
#pragma once

#include "kernels/core/cuda/async_copy.h"
#include "kernels/core/cuda/mma.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {

inline constexpr int kTileThreads = 128;  ///< four warps, each with a part of the tile
inline constexpr int kTileStages = 4;     ///< three on their way while one is multiplied
/// Blocks that a multiprocessor shall hold: 168 registers a thread, and 51 KiB of shared memory.
inline constexpr int kTileBlocks = 3;

/// Terms of the sum that a stage holds, 64 bytes of a row: 32 of bf16, 16 of f32.
template <class T>
inline constexpr int kTileDepth = 64 / static_cast<int>(sizeof(T));

/// A warp's part of the product on tensor cores: kRows x kColumns fragments of 16 x 8.
template <int kRows, int kColumns>
struct Fragments {
  float value[kRows][kColumns][4] = {};

  /// += a * b over 16 terms; `used` columns of fragments, from the left, are wanted.
  __device__ void add(const std::uint32_t (&a)[kRows][4], const std::uint32_t (&b)[kColumns / 2][4],
                      int used) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      if (j >= used) continue;
      const std::uint32_t pair[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
#pragma unroll
      for (int i = 0; i < kRows; ++i) mma_16x8x16(value[i][j], a[i], pair);
    }
  }
};

/// Columns of fragments that hold any of the `columns` from `first` on.
__device__ inline int used_fragments(int columns, int first) {
  return columns <= first ? 0 : ceil_div(columns - first, 8);
}

}  // namespace paretiny::cuda

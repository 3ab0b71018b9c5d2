// Matrix products of a warp on tensor cores (mma.sync, Ampere and later). All 32 lanes must call.
// Fragment layouts: PTX ISA, "Matrix multiply-accumulate operation using mma instruction".
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace paretiny::cuda {

/// d += a * b for a tile a [16 x 16] and b [16 x 8] of bf16 pairs (the lower index in the lower
/// half) and d [16 x 8] of floats. With g = lane / 4 and t = lane % 4:
/// a[0] = (g, 2t), a[1] = (g + 8, 2t), a[2] = (g, 2t + 8), a[3] = (g + 8, 2t + 8) as (row, column);
/// b[0] = (2t, g), b[1] = (2t + 8, g), pairs along the row;
/// d[0], d[1] = (g, 2t), (g, 2t + 1); d[2], d[3] = (g + 8, 2t), (g + 8, 2t + 1).
__device__ inline void mma_16x8x16(float (&d)[4], const std::uint32_t (&a)[4],
                                   const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// The same for half the depth: a [16 x 8], of which a[0] = (g, 2t), a[1] = (g + 8, 2t), and
/// b [8 x 8] = (2t, g).
__device__ inline void mma_16x8x8(float (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b));
}

/// Four 8 x 8 tiles of 16-bit elements: lane l passes the address in shared memory (16-byte
/// aligned) of row l % 8 of tile l / 8, and gets the pair (g, 2t) of each tile.
__device__ inline void load_tiles(std::uint32_t (&tiles)[4], const void* row) {
  const auto shared = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
               : "r"(shared)
               : "memory");
}

/// The same, each tile transposed: the lane gets elements (2t, g) and (2t + 1, g).
__device__ inline void load_tiles_transposed(std::uint32_t (&tiles)[4], const void* row) {
  const auto shared = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
               : "r"(shared)
               : "memory");
}

}  // namespace paretiny::cuda

// The SIMT twin of kernels/core/cuda/mma.h.
#pragma once

#include <cuda_runtime.h>

namespace paretiny::cuda {

void mma_16x8x16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                 SimtPlace place = SimtPlace::current());
void mma_16x8x8(float (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b,
                SimtPlace place = SimtPlace::current());
void load_tiles(std::uint32_t (&tiles)[4], const void* row, SimtPlace place = SimtPlace::current());
void load_tiles_transposed(std::uint32_t (&tiles)[4], const void* row,
                           SimtPlace place = SimtPlace::current());

}  // namespace paretiny::cuda

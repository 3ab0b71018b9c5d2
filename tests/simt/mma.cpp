// Tensor cores by their fragment layouts: lane l holds the parts g = l / 4, t = l % 4 of kernels'
// mma.h.
#include "kernels/core/cuda/mma.h"

#include <cstring>

#include "tests/simt/accesses/access_counts.h"

namespace paretiny::cuda {
namespace {

constexpr unsigned kAllLanes = 0xFFFFFFFFu;

float bf16_half(std::uint32_t pair, int half) {
  return __uint_as_float(half == 0 ? pair << 16 : pair & 0xFFFF0000u);
}

struct Product {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
};

/// kDepth: of the product, 8 or 16.
template <int kDepth>
void multiply(void* const (&operands)[32], unsigned) {
  float a[16][kDepth], b[kDepth][8];
  for (int lane = 0; lane < 32; ++lane) {
    const Product& part = *static_cast<const Product*>(operands[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < kDepth / 4; ++i) {
      for (int half = 0; half < 2; ++half) {
        a[g + i % 2 * 8][2 * t + i / 2 * 8 + half] = bf16_half(part.a[i], half);
        if (i < kDepth / 8) b[2 * t + i * 8 + half][g] = bf16_half(part.b[i], half);
      }
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    const Product& part = *static_cast<const Product*>(operands[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      for (int k = 0; k < kDepth; ++k) part.d[i] += a[g + i / 2 * 8][k] * b[k][2 * t + i % 2];
    }
  }
}

struct Tiles {
  std::uint32_t* tiles;
  const void* row;
};

template <bool kTransposed>
void load(void* const (&operands)[32], unsigned) {
  std::uint16_t element[4][8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const void* row = static_cast<const Tiles*>(operands[lane])->row;
    simt::check_shared("a row of load_tiles", row, 16);
    std::memcpy(element[lane / 8][lane % 8], row, 16);
  }
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int tile = 0; tile < 4; ++tile) {
      const auto& e = element[tile];
      const std::uint32_t low = kTransposed ? e[2 * t][g] : e[g][2 * t];
      const std::uint32_t high = kTransposed ? e[2 * t + 1][g] : e[g][2 * t + 1];
      static_cast<const Tiles*>(operands[lane])->tiles[tile] = low | high << 16;
    }
  }
}

}  // namespace

void mma_16x8x16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                 SimtPlace place) {
  Product product{d, a, b};
  simt::warp_operation("mma_16x8x16", kAllLanes, &product, multiply<16>, place);
}

void mma_16x8x8(float (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b, SimtPlace place) {
  Product product{d, a, &b};
  simt::warp_operation("mma_16x8x8", kAllLanes, &product, multiply<8>, place);
}

void load_tiles(std::uint32_t (&tiles)[4], const void* row, SimtPlace place) {
  simt::note_access(__builtin_return_address(0), row, 16, false);
  Tiles operand{tiles, row};
  simt::warp_operation("load_tiles", kAllLanes, &operand, load<false>, place);
}

void load_tiles_transposed(std::uint32_t (&tiles)[4], const void* row, SimtPlace place) {
  simt::note_access(__builtin_return_address(0), row, 16, false);
  Tiles operand{tiles, row};
  simt::warp_operation("load_tiles_transposed", kAllLanes, &operand, load<true>, place);
}

}  // namespace paretiny::cuda

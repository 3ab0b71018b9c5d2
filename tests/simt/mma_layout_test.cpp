// The fragments of mma and ldmatrix as the PTX manual states them ("Matrix fragments for
// mma.m16n8k16 with floating point type", the same for m16n8k8, "ldmatrix"), against the twin's,
// which has its own tables. Kernels are written by mma.h's description of them: one of the three
// that differed would show.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/mma.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/random.h"
#include "tests/support/kernels.h"

namespace paretiny::cuda {
namespace {

using test::Tensor;

/// A place in a matrix.
struct Element {
  int row, column;
};

// The manual's formulas, in its words: a0 .. a7, b0 .. b3 and c0 .. c3 of a thread, two bf16 a
// register.

int group_id(int lane) {
  return lane >> 2;
}
int thread_id_in_group(int lane) {
  return lane % 4;
}

Element a_element(int lane, int i) {
  const bool upper = (0 <= i && i < 2) || (4 <= i && i < 6);
  return {
      upper ? group_id(lane) : group_id(lane) + 8,
      i < 4 ? thread_id_in_group(lane) * 2 + (i & 1) : thread_id_in_group(lane) * 2 + (i & 1) + 8};
}

/// Of m16n8k8, whose b is the first half of the other's.
Element short_a_element(int lane, int i) {
  return {i < 2 ? group_id(lane) : group_id(lane) + 8, thread_id_in_group(lane) * 2 + (i & 1)};
}

Element b_element(int lane, int i) {
  return {
      i < 2 ? thread_id_in_group(lane) * 2 + (i & 1) : thread_id_in_group(lane) * 2 + (i & 1) + 8,
      group_id(lane)};
}

Element c_element(int lane, int i) {
  return {i < 2 ? group_id(lane) : group_id(lane) + 8, thread_id_in_group(lane) * 2 + (i & 1)};
}

/// Element i = 0, 1 of what a thread gets of an 8 x 8 matrix by ldmatrix: two neighbours of row
/// lane / 4; with .trans, of the transposed matrix.
Element tile_element(int lane, int i, bool transposed) {
  const Element e{lane / 4, lane % 4 * 2 + i};
  return transposed ? Element{e.column, e.row} : e;
}

template <unsigned kDepth>
__global__ void multiply_fragments(const std::uint32_t* a, const std::uint32_t* b, float* d) {
  constexpr unsigned kOfA = kDepth / 4, kOfB = kDepth / 8;  // registers
  const unsigned lane = threadIdx.x;
  std::uint32_t part_a[kOfA], part_b[kOfB];
  float part_d[4];
  for (unsigned i = 0; i < kOfA; ++i) part_a[i] = a[kOfA * lane + i];
  for (unsigned i = 0; i < kOfB; ++i) part_b[i] = b[kOfB * lane + i];
  for (unsigned i = 0; i < 4; ++i) part_d[i] = d[4 * lane + i];
  if constexpr (kDepth == 16) {
    mma_16x8x16(part_d, part_a, part_b);
  } else {
    mma_16x8x8(part_d, part_a, part_b[0]);
  }
  for (unsigned i = 0; i < 4; ++i) d[4 * lane + i] = part_d[i];
}

/// Small whole numbers: every product and sum is exact in float, in any order.
std::vector<double> whole_numbers(std::size_t count, std::uint64_t seed) {
  Random random(seed, "fragments");
  std::vector<double> values(count);
  for (double& value : values) value = static_cast<double>(random.below(33)) - 16;
  return values;
}

/// Values of `matrix`, `columns` wide, in the order in which lanes hold them.
std::vector<double> held(const std::vector<double>& matrix, int columns, int a_lane,
                         Element (*element)(int, int)) {
  std::vector<double> values;
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < a_lane; ++i) {
      const Element e = element(lane, i);
      values.push_back(matrix[static_cast<std::size_t>(e.row * columns + e.column)]);
    }
  }
  return values;
}

template <unsigned kDepth>
void expect_fragments(Element (*element_of_a)(int, int)) {
  const auto stream = Stream::create({DeviceKind::cuda, 0});
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto a = whole_numbers(16 * kDepth, seed), b = whole_numbers(kDepth * 8, seed + 10),
               c = whole_numbers(16 * 8, seed + 20);
    const Tensor held_a(*stream, DType::bf16, {1, 1, 32, kDepth / 2},
                        held(a, kDepth, kDepth / 2, element_of_a));
    const Tensor held_b(*stream, DType::bf16, {1, 1, 32, kDepth / 4},
                        held(b, 8, kDepth / 4, b_element));
    const Tensor d(*stream, DType::f32, {1, 1, 32, 4}, held(c, 8, 4, c_element));
    launch(*stream, "multiply_fragments", multiply_fragments<kDepth>, {1, 32},
           held_a.view().as<std::uint32_t>(), held_b.view().as<std::uint32_t>(),
           d.view().as<float>());
    std::vector<double> expected = c;
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t j = 0; j < 8; ++j) {
        for (std::size_t k = 0; k < kDepth; ++k) {
          expected[i * 8 + j] += a[i * kDepth + k] * b[k * 8 + j];
        }
      }
    }
    EXPECT_EQ(d.values(), held(expected, 8, 4, c_element)) << "seed " << seed;
  }
}

TEST(MmaLayout, FragmentsAreThoseOfTheManual) {
  expect_fragments<16>(a_element);
  expect_fragments<8>(short_a_element);
}

/// Each lane's row of four 8 x 8 matrices that lie one after another, and the registers it gets.
template <bool kTransposed>
__global__ void load_matrices(const std::uint32_t* matrices, std::uint32_t* registers) {
  auto& shared = shared_memory<std::uint32_t[4 * 8 * 4]>();
  for (unsigned i = threadIdx.x; i < 4 * 8 * 4; i += 32) shared[i] = matrices[i];
  __syncwarp();
  std::uint32_t got[4];
  // "Threads 0-7 hold the addresses of the first matrix's rows, 8-15 of the second's", and so on.
  const std::uint32_t* row = &shared[4 * threadIdx.x];
  if (kTransposed) {
    load_tiles_transposed(got, row);
  } else {
    load_tiles(got, row);
  }
  for (unsigned i = 0; i < 4; ++i) registers[4 * threadIdx.x + i] = got[i];
}

TEST(MmaLayout, TilesAreThoseOfTheManual) {
  const auto stream = Stream::create({DeviceKind::cuda, 0});
  std::vector<double> matrices;  // 256 numbers that bf16 tells apart
  for (int i = 0; i < 4 * 64; ++i) matrices.push_back(i);
  const Tensor from(*stream, DType::bf16, {1, 4, 8, 8}, matrices);
  for (const bool transposed : {false, true}) {
    const Tensor got(*stream, DType::bf16, {1, 1, 32, 8});
    launch(*stream, "load_matrices", transposed ? load_matrices<true> : load_matrices<false>,
           {1, 32, 4 * 8 * 16}, from.view().as<std::uint32_t>(), got.view().as<std::uint32_t>());
    std::vector<double> expected;
    for (int lane = 0; lane < 32; ++lane) {
      for (int matrix = 0; matrix < 4; ++matrix) {
        for (int i = 0; i < 2; ++i) {
          const Element e = tile_element(lane, i, transposed);
          expected.push_back(64 * matrix + 8 * e.row + e.column);
        }
      }
    }
    EXPECT_EQ(got.values(), expected) << (transposed ? "transposed" : "as they lie");
  }
}

}  // namespace
}  // namespace paretiny::cuda

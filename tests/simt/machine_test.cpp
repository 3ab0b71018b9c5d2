// Kernels that are right, on the SIMT twin: what the machine gives them is what CUDA promises.
#include <gtest/gtest.h>

#include <numeric>

#include "kernels/core/cuda/async_copy.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/mma.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/cuda/vector.h"
#include "tests/support/kernels.h"

namespace paretiny::cuda {
namespace {

using test::Tensor;

std::unique_ptr<Stream> simt_stream() {
  return Stream::create({DeviceKind::cuda, 0});
}

Tensor floats(Stream& stream, std::int64_t count, std::uint64_t seed) {
  return Tensor::random(stream, DType::f32, {1, 1, 1, count}, seed);
}

Tensor output(Stream& stream, std::int64_t count, DType dtype = DType::f32) {
  return {stream, dtype, {1, 1, 1, count}};
}

__global__ void count_threads(int* visits) {
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  atomicAdd(&visits[block * threads + thread], 1);
}

TEST(Machine, RunsEveryThreadOnce) {
  const auto stream = simt_stream();
  const std::int64_t count = 3 * 2 * 2 * 5 * 7 * 4;
  const Tensor visits(*stream, DType::i32, {1, 1, 1, count}, std::vector<double>(count, 0));
  launch(*stream, "count_threads", count_threads, {dim3(3, 2, 2), dim3(5, 7, 4)},
         visits.view().as<int>());
  EXPECT_EQ(visits.values(), std::vector<double>(count, 1));
}

/// A stencil of three over tiles with a halo in shared memory, tile after tile by the same block.
struct StencilShared {
  float tile[64 + 2];
};

__global__ void stencil(const float* x, float* y, int count) {
  auto& shared = shared_memory<StencilShared>();
  const int thread = static_cast<int>(threadIdx.x);
  for (int first = 0; first < count; first += 64) {
    for (int i = thread; i < 66; i += static_cast<int>(blockDim.x)) {
      const int at = first + i - 1;
      shared.tile[i] = at >= 0 && at < count ? x[at] : 0.0f;
    }
    __syncthreads();
    const int at = first + thread;
    if (at < count) {
      y[at] = shared.tile[thread] + 2 * shared.tile[thread + 1] + shared.tile[thread + 2];
    }
    __syncthreads();
  }
}

TEST(Machine, HoldsBarriers) {
  const auto stream = simt_stream();
  const int count = 64 * 3 + 11;
  const Tensor x = floats(*stream, count, 1);
  const Tensor y = output(*stream, count);
  launch(*stream, "stencil", stencil, {1, 64, sizeof(StencilShared)}, x.view().as<float>(),
         y.view().as<float>(), count);
  const auto from = x.values();
  std::vector<double> expected(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    expected[i] = 2 * from[i] + (i > 0 ? from[i - 1] : 0) + (i + 1 < from.size() ? from[i + 1] : 0);
  }
  test::expect_near(y, expected, 1e-6 * test::max_abs(expected), "y");
}

__global__ void sum_rows(const float* x, float* y, int columns) {
  float sum = 0;
  for (unsigned i = threadIdx.x; i < static_cast<unsigned>(columns); i += blockDim.x) {
    sum += x[blockIdx.x * static_cast<unsigned>(columns) + i];
  }
  sum = block_sum(sum, shared_memory<float[32]>());
  if (threadIdx.x == 0) y[blockIdx.x] = sum;
}

TEST(Machine, SumsOverBlocks) {
  const auto stream = simt_stream();
  const int rows = 5, columns = 1000;
  const Tensor x = floats(*stream, rows * columns, 1);
  const auto values = x.values();
  std::vector<double> expected;
  for (int row = 0; row < rows; ++row) {
    const auto begin = values.begin() + row * columns;
    expected.push_back(std::accumulate(begin, begin + columns, 0.0));
  }
  for (const unsigned threads : {32u, 96u, 256u, 1024u}) {
    const Tensor y = output(*stream, rows);
    launch(*stream, "sum_rows", sum_rows, {rows, threads, 32 * sizeof(float)}, x.view().as<float>(),
           y.view().as<float>(), columns);
    test::expect_near(y, expected, 1e-4, std::to_string(threads) + " threads");
  }
}

/// Lanes 0 .. 15 and 16 .. 31 apart.
__global__ void shuffles(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  const unsigned half = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u;
  int* results = y + 10 * lane;
  results[0] = __shfl_sync(half, lane, 3, 16);
  results[1] = __shfl_up_sync(half, lane, 5, 16);
  results[2] = __shfl_down_sync(half, lane, 5, 16);
  results[3] = __shfl_xor_sync(half, lane, 9, 16);
  results[4] = __shfl_sync(kAllLanes, lane, 35);
  results[5] = static_cast<int>(__ballot_sync(half, lane % 3 == 0));
  results[6] = __any_sync(half, lane == 20);
  results[7] = __all_sync(half, lane < 16);
  results[8] = __shfl_down_sync(kAllLanes, 1.5 * lane, 31) == 1.5 * 31;
  __syncwarp();
  results[9] = __shfl_up_sync(kAllLanes, lane, 1);
}

TEST(Machine, ShufflesAndVotes) {
  const auto stream = simt_stream();
  const Tensor y = output(*stream, 320, DType::i32);
  launch(*stream, "shuffles", shuffles, {1, 32}, y.view().as<int>());
  const auto values = y.values();
  for (int lane = 0; lane < 32; ++lane) {
    const int first = lane / 16 * 16, in = lane % 16;
    std::uint32_t votes = 0;
    for (int i = first; i < first + 16; ++i) votes |= i % 3 == 0 ? 1u << i : 0;
    const std::vector<int> expected{first + 3,
                                    in >= 5 ? lane - 5 : lane,
                                    in + 5 < 16 ? lane + 5 : lane,
                                    first + (in ^ 9),
                                    3,
                                    static_cast<int>(votes),
                                    first == 16,
                                    first == 0,
                                    lane == 0 || lane == 31,
                                    std::max(lane - 1, 0)};
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(values[static_cast<std::size_t>(10 * lane + i)],
                expected[static_cast<std::size_t>(i)])
          << "lane " << lane << ", operation " << i;
    }
  }
}

/// d = a b for a [16 x 16] and b [16 x 8], row by row, both through shared memory: a as it lies,
/// b transposed on the way.
struct ProductShared {
  bf16 a[16][16];
  bf16 b[16][8];
};

__global__ void product(const bf16* a, const bf16* b, float* d) {
  auto& shared = shared_memory<ProductShared>();
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += 32) shared.a[i / 16][i % 16] = a[i];
  for (int i = lane; i < 128; i += 32) shared.b[i / 8][i % 8] = b[i];
  __syncwarp();
  std::uint32_t fragment_a[4], tiles_b[4];
  load_tiles(fragment_a, &shared.a[lane % 16][lane / 16 * 8]);
  load_tiles_transposed(tiles_b, &shared.b[lane % 16][0]);
  const std::uint32_t fragment_b[2] = {tiles_b[0], tiles_b[1]};
  float sums[4] = {};
  mma_16x8x16(sums, fragment_a, fragment_b);
  mma_16x8x16(sums, fragment_a, fragment_b);
  const int g = lane / 4, t = lane % 4;
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = sums[i];
}

TEST(Machine, MultipliesOnTensorCores) {
  const auto stream = simt_stream();
  const Tensor a = Tensor::random(*stream, DType::bf16, {1, 1, 16, 16}, 1);
  const Tensor b = Tensor::random(*stream, DType::bf16, {1, 1, 16, 8}, 2);
  const Tensor d = output(*stream, 128);
  launch(*stream, "product", product, {1, 32, sizeof(ProductShared)}, a.view().as<bf16>(),
         b.view().as<bf16>(), d.view().as<float>());
  const auto x = a.values(), y = b.values();
  std::vector<double> expected(128, 0);
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      for (std::size_t k = 0; k < 16; ++k) expected[i * 8 + j] += 2 * x[i * 16 + k] * y[k * 8 + j];
    }
  }
  test::expect_near(d, expected, 1e-6 * test::max_abs(expected), "d");
}

/// Running sums of rows of 128 floats that a warp fetches two rows ahead.
struct PipelineShared {
  float row[3][128];
};

__global__ void pipeline(const float* x, float* y, int rows) {
  auto& shared = shared_memory<PipelineShared>();
  const int thread = static_cast<int>(threadIdx.x);
  const auto fetch = [&](int row) {
    const bool valid = row < rows;
    copy_async_16(&shared.row[row % 3][4 * thread], x + (valid ? 128 * row + 4 * thread : 0),
                  valid);
    commit_copies();
  };
  float sum = 0;
  fetch(0);
  fetch(1);
  for (int row = 0; row < rows + 1; ++row) {  // the last row is zeros
    fetch(row + 2);
    wait_for_copies<2>();
    __syncthreads();
    for (int i = 0; i < 128; i += 32) sum += shared.row[row % 3][127 - thread - i];
    __syncthreads();
  }
  y[thread] = sum;
}

TEST(Machine, CopiesAsynchronously) {
  const auto stream = simt_stream();
  const int rows = 7;
  const Tensor x = floats(*stream, rows * 128, 1);
  const Tensor y = output(*stream, 32);
  launch(*stream, "pipeline", pipeline, {1, 32, sizeof(PipelineShared)}, x.view().as<float>(),
         y.view().as<float>(), rows);
  const auto values = x.values();
  std::vector<double> expected(32, 0);
  for (std::size_t i = 0; i < values.size(); ++i) expected[31 - i % 32] += values[i];
  test::expect_near(y, expected, 1e-5, "y");
}

TEST(Machine, HasCudasArithmetic) {
  EXPECT_EQ(__dp4a(0x7F80FF01, 0x02038004, 10), 10 + 127 * 2 - 128 * 3 + 1 * 128 + 1 * 4);
  EXPECT_EQ(__umulhi(0xFFFFFFFFu, 0xFFFFFFFFu), 0xFFFFFFFEu);
  EXPECT_EQ(__mulhi(-5, 1 << 30), -2);
  EXPECT_EQ(__popc(0xF0F0u), 8);
  EXPECT_EQ(__ffs(8), 4);
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(max(-1, 2), 2);
  EXPECT_EQ(min(1.5f, std::nanf("")), 1.5f);
  for (const float x : {0.0f, -1.5f, 3.14159f, 1e-40f, 3.4e38f}) {
    EXPECT_EQ(narrow<bf16>(x).bits, to_bf16(x).bits) << x;
  }
  EXPECT_TRUE(std::isnan(widen(narrow<bf16>(std::nanf("")))));
}

}  // namespace
}  // namespace paretiny::cuda

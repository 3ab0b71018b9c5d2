// The counts of accesses themselves, on kernels whose costs are known.
#include "tests/simt/accesses/access_counts.h"

#include <gtest/gtest.h>

#include <memory>

#include "kernels/core/cuda/async_copy.h"
#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/mma.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/cuda/vector.h"
#include "tests/support/kernels.h"

namespace paretiny::cuda {
namespace {

using simt::Access;
using simt::AccessCost;
using simt::AccessCounts;
using enum simt::Access;

constexpr int kFloats = 32 * 40;

void expect(const AccessCost& cost, std::uint64_t accesses, std::uint64_t paid, std::uint64_t least,
            const std::string& what) {
  EXPECT_EQ(cost.accesses, accesses) << what;
  EXPECT_EQ(cost.cost, paid) << what;
  EXPECT_EQ(cost.least, least) << what;
}

/// The accesses of a kernel of one warp that reads x and writes y, each kFloats floats.
class Counted {
 public:
  Counted(void (*kernel)(const float*, float*, int), int argument, int threads = 32) {
    const auto stream = Stream::create({DeviceKind::cuda, 0});
    const test::Tensor x = test::Tensor::random(*stream, DType::f32, {1, 1, 1, kFloats}, 1);
    const test::Tensor y(*stream, DType::f32, {1, 1, 1, kFloats});
    const AccessCounts counts;
    launch(*stream, "made", kernel, {1, dim3(static_cast<unsigned>(threads)), 16384},
           x.view().as<float>(), y.view().as<float>(), argument);
    for (const Access access : {global_load, global_store, shared_load, shared_store}) {
      costs_[static_cast<std::size_t>(access)] = counts.of("made", access);
    }
    report_ = counts.report();
  }

  const AccessCost& operator[](Access access) const {
    return costs_[static_cast<std::size_t>(access)];
  }
  const std::string& report() const { return report_; }

 private:
  simt::AccessCosts costs_;
  std::string report_;
};

__global__ void strided(const float* x, float* y, int stride) {
  y[threadIdx.x] = x[threadIdx.x * static_cast<unsigned>(stride)];
}

TEST(AccessCounts, CoalescingByStride) {
  for (const auto& [stride, sectors] : {std::pair{1, 4}, {2, 8}, {8, 32}, {32, 32}, {33, 32}}) {
    const Counted counted(strided, stride);
    expect(counted[global_load], 1, static_cast<std::uint64_t>(sectors), 4,
           "stride " + std::to_string(stride));
    expect(counted[global_store], 1, 4, 4, "the store beside it");
    expect(counted[shared_load], 0, 0, 0, "shared memory is not touched");
  }
}

__global__ void from_offset(const float* x, float* y, int offset) {
  y[threadIdx.x] = x[threadIdx.x + static_cast<unsigned>(offset)];
}

TEST(AccessCounts, AMisalignedStartCostsASectorMore) {
  expect(Counted(from_offset, 0)[global_load], 1, 4, 4, "aligned");
  expect(Counted(from_offset, 1)[global_load], 1, 5, 4, "one float on");
  expect(Counted(from_offset, 8)[global_load], 1, 4, 4, "a sector on");
}

__global__ void broadcast(const float* x, float* y, int at) {
  y[threadIdx.x] = x[at];
}

TEST(AccessCounts, ABroadcastIsOneSector) {
  expect(Counted(broadcast, 7)[global_load], 1, 1, 1, "the same float for all");
}

/// Packs of 16 bytes, lanes `stride` packs apart.
__global__ void packs_apart(const float* x, float* y, int stride) {
  store_pack(y + 4 * threadIdx.x, load_pack(x + 4 * threadIdx.x * static_cast<unsigned>(stride)));
}

TEST(AccessCounts, PacksAreOneAccess) {
  const Counted together(packs_apart, 1);
  expect(together[global_load], 1, 16, 16, "load");
  expect(together[global_store], 1, 16, 16, "store");
  expect(Counted(packs_apart, 2)[global_load], 1, 32, 16, "every other pack");
}

__global__ void halves(const float* x, float* y, int) {
  const auto* from = reinterpret_cast<const std::uint16_t*>(x);
  for (int k = 0; k < 8; ++k) {
    reinterpret_cast<std::uint16_t*>(y)[8 * threadIdx.x + static_cast<unsigned>(k)] =
        from[8 * threadIdx.x + static_cast<unsigned>(k)];
  }
}

TEST(AccessCounts, ElementByElementIsCountedSo) {
  expect(Counted(halves, 0)[global_load], 8, 8 * 16, 8 * 2, "eight accesses to 16 sectors each");
}

/// Lane i stores and loads word i * stride of shared memory.
__global__ void shared_strided(const float* x, float* y, int stride) {
  float* shared = &shared_memory<float>();
  shared[threadIdx.x * static_cast<unsigned>(stride)] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = shared[threadIdx.x * static_cast<unsigned>(stride)];
}

TEST(AccessCounts, BankConflictsByStride) {
  for (const auto& [stride, passes] :
       {std::pair{1, 1}, {2, 2}, {4, 4}, {32, 32}, {33, 1}, {0, 1}}) {
    const Counted counted(shared_strided, stride);
    const std::string what = "stride " + std::to_string(stride);
    expect(counted[shared_load], 1, static_cast<std::uint64_t>(passes), 1, what);
    expect(counted[shared_store], 1, static_cast<std::uint64_t>(passes), 1, what);
  }
}

/// A tile of 32 x 32 written by rows and read by columns.
template <int kPadding>
__global__ void transpose(const float* x, float* y, int) {
  auto& tile = shared_memory<float[32][32 + kPadding]>();
  for (int row = 0; row < 32; ++row) tile[row][threadIdx.x] = x[32u * row + threadIdx.x];
  __syncthreads();
  for (int row = 0; row < 32; ++row) y[32u * row + threadIdx.x] = tile[threadIdx.x][row];
}

TEST(AccessCounts, ATransposedTileNeedsItsPadding) {
  expect(Counted(transpose<0>, 0)[shared_load], 32, 32 * 32, 32, "without");
  const Counted padded(transpose<1>, 0);
  expect(padded[shared_load], 32, 32, 32, "with");
  expect(padded[shared_store], 32, 32, 32, "with");
  expect(padded[global_load], 32, 128, 128, "rows");
  EXPECT_EQ(padded.report(), "");
}

TEST(AccessCounts, TheReportNamesTheLine) {
  const Counted counted(transpose<0>, 0);
  EXPECT_TRUE(counted.report().starts_with("made: shared load at ")) << counted.report();
  EXPECT_NE(counted.report().find("1024 where 32 would do, in 32 accesses"), std::string::npos)
      << counted.report();
}

/// Lane i takes 16 (or 8) bytes at i * stride times that.
template <class Vector>
__global__ void shared_vectors(const float* x, float* y, int stride) {
  auto* shared = reinterpret_cast<Vector*>(&shared_memory<float>());
  shared[threadIdx.x * static_cast<unsigned>(stride)] =
      reinterpret_cast<const Vector*>(x)[threadIdx.x];
  __syncthreads();
  reinterpret_cast<Vector*>(y)[threadIdx.x] = shared[threadIdx.x * static_cast<unsigned>(stride)];
}

TEST(AccessCounts, WideAccessesGoByHalfAndQuarterWarps) {
  expect(Counted(shared_vectors<uint2>, 1)[shared_load], 1, 2, 2, "8 bytes");
  expect(Counted(shared_vectors<uint2>, 2)[shared_load], 1, 4, 2, "8 bytes, every other");
  expect(Counted(shared_vectors<uint4>, 1)[shared_load], 1, 4, 4, "16 bytes");
  expect(Counted(shared_vectors<uint4>, 2)[shared_store], 1, 8, 4, "16 bytes, every other");
  expect(Counted(shared_vectors<uint4>, 8)[shared_load], 1, 32, 4, "16 bytes, one bank");
  expect(Counted(shared_vectors<uint4>, 0)[shared_load], 1, 4, 4, "16 bytes, the same");
}

/// Rows of a tile at a stride of `units` times 16 bytes, through a copy that runs beside.
__global__ void tiles(const float* x, float* y, int units) {
  auto* shared = reinterpret_cast<unsigned char*>(&shared_memory<float>());
  unsigned char* row = shared + 16 * threadIdx.x * static_cast<unsigned>(units);
  copy_async_16(row, x + 4 * threadIdx.x);
  commit_copies();
  wait_for_copies<0>();
  __syncwarp();
  std::uint32_t parts[4];
  load_tiles(parts, row);
  y[threadIdx.x] = __uint_as_float(parts[0]);
}

TEST(AccessCounts, TilesAndAsynchronousCopiesCount) {
  const Counted close(tiles, 1);
  expect(close[global_load], 1, 16, 16, "source of the copies");
  expect(close[shared_store], 1, 4, 4, "copies");
  expect(close[shared_load], 1, 4, 4, "ldmatrix");
  const Counted apart(tiles, 8);  // rows of 128 bytes without a swizzle
  expect(apart[shared_store], 1, 32, 4, "copies");
  expect(apart[shared_load], 1, 32, 4, "ldmatrix");
}

/// Lanes leave a loop one after another and meet at a barrier before they enter it again.
__global__ void uneven_loops(const float* x, float* y, int) {
  float sum = 0;
  for (int round = 0; round < 3; ++round) {
    for (unsigned i = 0; i < 1 + threadIdx.x % 4; ++i) {
      sum += x[32 * (4u * static_cast<unsigned>(round) + i) + threadIdx.x];
    }
    __syncthreads();
  }
  y[threadIdx.x] = sum;
}

TEST(AccessCounts, LanesThatLeaveALoopEarlierStayWithTheOthers) {
  const Counted counted(uneven_loops, 0);
  EXPECT_EQ(counted[global_load].accesses, 12u);
  EXPECT_EQ(counted[global_load].cost, 12u * 4);
}

/// The same function called from two places, from one of them by some lanes only.
[[gnu::noinline]] __device__ float read_at(const float* x, unsigned at) {
  return x[at];
}
__global__ void called_twice(const float* x, float* y, int) {
  float sum = threadIdx.x % 2 == 0 ? read_at(x, 256) : 0;
  sum += read_at(x, threadIdx.x);
  y[threadIdx.x] = sum;
}

TEST(AccessCounts, CallsOfAFunctionAreToldApart) {
  expect(Counted(called_twice, 0)[global_load], 2, 5, 5, "a broadcast, and a row");
}

TEST(AccessCounts, WarpsAreCountedEachForItself) {
  expect(Counted(strided, 1, 80)[global_load], 3, 10, 10, "two warps and a half");
}

TEST(AccessCounts, NothingIsCountedWithoutThem) {
  const auto stream = Stream::create({DeviceKind::cuda, 0});
  const test::Tensor x = test::Tensor::random(*stream, DType::f32, {1, 1, 1, kFloats}, 1);
  const test::Tensor y(*stream, DType::f32, {1, 1, 1, kFloats});
  {
    const AccessCounts counts;
    EXPECT_THROW(
        launch(*stream, "wide", strided, {1, 2048}, x.view().as<float>(), y.view().as<float>(), 1),
        DeviceError);
    EXPECT_TRUE(counts.kernels().empty());
  }
  launch(*stream, "made", strided, {1, 32}, x.view().as<float>(), y.view().as<float>(), 1);
  const AccessCounts counts;
  EXPECT_TRUE(counts.kernels().empty());
}

}  // namespace
}  // namespace paretiny::cuda

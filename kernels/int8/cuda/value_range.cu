// The range of a tensor's values. Floats are compared as integers in the same order, so that a
// maximum can be an atomic and a rank a search by digits; the results do not depend on the order
// of the threads.
//
// Percentile 100: the largest bits and the largest complement of bits, one pass over x. Else a
// radix selection, the top 11, then 11, then 10 bits: each pass over x counts the next digit of the
// values that begin with the digits known so far, of both ends at once, in shared memory, and a
// small kernel finds the digit of the rank. 4 bytes a value and pass. No digit is ever read by the
// host.
#include <algorithm>

#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/reduce.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"
#include "kernels/int8/value_range.h"

namespace paretiny::cuda {
namespace {

constexpr int kThreads = 512;  ///< share the two tables of 8 KiB in a block's shared memory
constexpr int kFindThreads = kBlockThreads;
constexpr int kDigits = 3;      ///< 11 + 11 + 10 bits
constexpr int kBins = 1 << 11;  ///< of the largest digit

/// Bits `begin` .. `end` - 1 of the ordered bits; those from `end` on are known.
struct Digit {
  int index, begin, end;
};

/// Larger for a larger float; -0 just below 0, NaN beyond the infinities.
__device__ std::uint32_t ordered_bits(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
__device__ float from_ordered_bits(std::uint32_t bits) {
  return __uint_as_float((bits & 0x80000000u) != 0 ? bits & 0x7FFFFFFFu : ~bits);
}

/// f(value) for the block's share of x, 16 bytes a load where `aligned`.
template <class F>
__device__ void each_value(const float* x, std::int64_t count, bool aligned, F f) {
  const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  const std::int64_t packed = aligned ? count / kPack<float> : 0;
  constexpr int kAhead = 4;  // loads in flight
  for (std::int64_t p = thread; p < packed; p += kAhead * threads) {
    Pack<float> pack[kAhead];
    for (int a = 0; a < kAhead; ++a) {
      if (p + a * threads < packed) pack[a] = load_pack(x + (p + a * threads) * kPack<float>);
    }
    for (int a = 0; a < kAhead; ++a) {
      if (p + a * threads >= packed) break;
      for (int k = 0; k < kPack<float>; ++k) f(pack[a].value[k]);
    }
  }
  for (std::int64_t i = packed * kPack<float> + thread; i < count; i += threads) f(x[i]);
}

/// Both zero before the first value.
struct Extremes {
  std::uint32_t complement;  ///< of the least value's ordered bits
  std::uint32_t largest;
};

/// x: [count]. Whole numbers have a largest whatever the order, so that atomics give the same every
/// time.
__global__ void extremes_kernel(const float* x, std::int64_t count, bool aligned,
                                Extremes* extremes) {
  auto& block = shared_memory<Extremes>();
  if (threadIdx.x == 0) block = {0, 0};
  __syncthreads();
  Extremes mine{0, 0};
  each_value(x, count, aligned, [&](float value) {
    const std::uint32_t bits = ordered_bits(value);
    mine.complement = max(mine.complement, ~bits);
    mine.largest = max(mine.largest, bits);
  });
  const auto larger = [](std::uint32_t a, std::uint32_t b) { return max(a, b); };
  mine = {warp_combine(mine.complement, larger), warp_combine(mine.largest, larger)};
  if (threadIdx.x % kWarp == 0) {
    atomicMax(&block.complement, mine.complement);
    atomicMax(&block.largest, mine.largest);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    atomicMax(&extremes->complement, block.complement);
    atomicMax(&extremes->largest, block.largest);
  }
}

/// One thread. range: [2], the least and the largest; NaN where a value is not finite.
__global__ void finish_kernel(const Extremes* extremes, float* range) {
  const float low = from_ordered_bits(~extremes->complement);
  const float high = from_ordered_bits(extremes->largest);
  // 0 times what is not finite is NaN.
  const float nothing = low * 0 + high * 0;
  range[0] = low + nothing;
  range[1] = high + nothing;
}

using Count = unsigned long long;

/// Zero before the first pass.
struct Selection {
  Count counts[kDigits][2][kBins];  ///< by digit, end and bin; the first digit's under end 0 only
  std::uint32_t known[2];           ///< by end: the digits found so far, in their places
  Count rank[2];                    ///< by end: among the values that begin with them
};

struct CountShared {
  std::uint32_t counts[2][kBins];
};

/// Counts the values of x [count] by one digit of their ordered bits, where the digits before it
/// are those of the two values looked for.
__global__ void count_kernel(const float* x, std::int64_t count, bool aligned, Digit digit,
                             Selection* selection) {
  auto& shared = shared_memory<CountShared>();
  for (int i = static_cast<int>(threadIdx.x); i < 2 * kBins; i += kThreads) {
    shared.counts[i / kBins][i % kBins] = 0;
  }
  __syncthreads();
  const std::uint32_t bins = 1u << (digit.end - digit.begin);
  const std::uint32_t known[2] = {selection->known[0], selection->known[1]};
  each_value(x, count, aligned, [&](float value) {
    const std::uint32_t bits = ordered_bits(value);
    const std::uint32_t bin = bits >> digit.begin & (bins - 1);
    if (digit.index == 0) {
      atomicAdd(&shared.counts[0][bin], 1u);
      return;
    }
    for (int end = 0; end < 2; ++end) {
      if (bits >> digit.end == known[end] >> digit.end) atomicAdd(&shared.counts[end][bin], 1u);
    }
  });
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < 2 * kBins; i += kThreads) {
    const Count found = shared.counts[i / kBins][i % kBins];
    if (found != 0) atomicAdd(&selection->counts[digit.index][i / kBins][i % kBins], found);
  }
}

struct FindShared {
  Count sums[kFindThreads];
};

/// A block for each end finds the bin that holds its rank; low_rank and high_rank are those among
/// all values.
__global__ void find_kernel(Digit digit, Count low_rank, Count high_rank, Selection* selection,
                            float* range) {
  constexpr int kEach = kBins / kFindThreads;
  auto& shared = shared_memory<FindShared>();
  const int end = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const Count* counts = selection->counts[digit.index][digit.index == 0 ? 0 : end];
  const Count rank = digit.index > 0 ? selection->rank[end] : end == 0 ? low_rank : high_rank;
  int bin = thread * kEach;
  Count sum = 0;
  for (int k = 0; k < kEach; ++k) sum += counts[bin + k];
  shared.sums[thread] = sum;
  __syncthreads();
  Count before = 0;
  for (int t = 0; t < thread; ++t) before += shared.sums[t];
  if (rank < before || rank >= before + sum) return;
  for (; rank >= before + counts[bin]; ++bin) before += counts[bin];
  const std::uint32_t known = selection->known[end] | static_cast<std::uint32_t>(bin)
                                                          << digit.begin;
  selection->known[end] = known;
  selection->rank[end] = rank - before;
  if (digit.begin > 0) return;
  // Infinities and NaN have an exponent of ones: two bits of mantissa in the first digit.
  Count not_finite = 0;
  for (int i = 0; i < 4; ++i) {
    not_finite += selection->counts[0][0][i] + selection->counts[0][0][kBins - 1 - i];
  }
  range[end] = not_finite != 0 ? __uint_as_float(0x7FC00000u) : from_ordered_bits(known);
}

void value_range(Stream& stream, double percentile, ConstView x, View range) {
  const char* name = "value_range";
  const std::int64_t count = x.elements();
  const bool aligned = packs(x.as<float>(), kPack<float>);
  const std::int64_t work = ceil_div(count, kThreads * 8);
  const std::int64_t blocks =
      std::clamp<std::int64_t>(work, 1, std::int64_t{multiprocessors(stream)} * 4);
  const auto shape = [blocks](std::size_t shared_bytes) {
    return LaunchShape{dim3(static_cast<unsigned>(blocks)), dim3(kThreads), shared_bytes};
  };
  const int8::RangeRanks ranks = int8::range_ranks(count, percentile);
  Arena::Scope scratch(stream.scratch());
  if (ranks.low == 0) {
    auto* extremes = static_cast<Extremes*>(scratch.take(sizeof(Extremes)));
    stream.zero(extremes, sizeof(Extremes));
    launch(stream, name, extremes_kernel, shape(sizeof(Extremes)), x.as<float>(), count, aligned,
           extremes);
    launch(stream, name, finish_kernel, {dim3(1), dim3(1)}, extremes, range.as<float>());
    return;
  }
  auto* selection = static_cast<Selection*>(scratch.take(sizeof(Selection)));
  stream.zero(selection, sizeof(Selection));
  for (const Digit& digit : {Digit{0, 21, 32}, Digit{1, 10, 21}, Digit{2, 0, 10}}) {
    launch(stream, name, count_kernel, shape(sizeof(CountShared)), x.as<float>(), count, aligned,
           digit, selection);
    launch(stream, name, find_kernel, {dim3(2), dim3(kFindThreads), sizeof(FindShared)}, digit,
           ranks.low, ranks.high, selection, range.as<float>());
  }
}

const Twin twin(int8::twins::value_range, DeviceKind::cuda, value_range);

}  // namespace
}  // namespace paretiny::cuda

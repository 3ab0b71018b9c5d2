// Convolution of 3x3 taps and stride 1, and its data gradient, in bf16, with the pixels of a tile
// and their neighbours in shared memory: a block makes a rectangle of target pixels (or several
// small images) and a slice of channels. Each step brings 16 source channels of all pixels that the
// nine taps meet, once, and the weights of the nine taps for them.
//
// Both lie as [pack of 8 channels][pixel, or tap and target channel], 16 bytes each. So the eight
// rows that a phase of ldmatrix reads are neighbours, in eight different groups of banks whatever
// the tap, and a tap is an offset that all lanes share. Where a row comes from is worked out once a
// block.
//
// A Prologue is applied by the thread that copied, in place, before the others see it. Statistics
// of what is stored are taken as it leaves. Bytes: the source (rows + 2) (columns + 2) / (rows
// columns) times from the L2 cache, once from memory; the weights once a block, from L2.
#include <algorithm>
#include <limits>

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/core/cuda/shared.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/conv/conv_halo.h"
#include "kernels/nn/cuda/conv/conv_kernels.h"
#include "kernels/nn/cuda/conv/conv_tile.h"
#include "kernels/nn/cuda/merge_parts.h"

namespace paretiny::cuda {
namespace {

using namespace halo;

/// A block a tile and a slice of channels. source: [n, h, w, c]; weights: [target channels, 3, 3,
/// c]; target: [n, h, w, target channels]; partial: [tiles, target channels], or null. kReads: the
/// source goes through `input`.
template <int kGroups, int kFragments, bool kReads>
__global__ void __launch_bounds__(kThreads, kFragments > 4 ? 1 : 2)
    halo_kernel(GridDependency earlier, HaloShape h, const bf16* source, const bf16* weights,
                const float* bias, bf16* target, bool whole_packs, Moments* partial,
                InputTransform input) {
  earlier.wait();
  using T = Tile<kGroups, kFragments>;
  const auto slices = static_cast<unsigned>(ceil_div(h.target_channels, T::kChannels));
  const Corner first(h.cut, blockIdx.x / slices);
  const int first_channel = static_cast<int>(blockIdx.x % slices) * T::kChannels;
  const int channels = h.target_channels - first_channel;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;

  uint4* const memory = &shared_memory<uint4>();
  const int stage_units = kStepUnits * h.plane;
  // Packs before the first of a row's channels, or -1: zeros.
  int* const origin = reinterpret_cast<int*>(memory + kStages * stage_units);
  const int halo = h.cut.halo_pixels(), rows = halo + T::kWeightRows;
  const int packs = h.source_channels / kUnit;
  for (int i = thread; i < halo; i += kThreads) {
    const int pixel = source_pixel(h, first, i);
    origin[i] = pixel < 0 ? -1 : pixel * packs;
  }
  for (int i = thread; i < T::kWeightRows; i += kThreads) {
    const int place = i / T::kChannels, channel = i % T::kChannels;
    const int tap = h.backward ? kAllTaps - 1 - place : place;
    origin[halo + i] =
        channel < channels ? ((first_channel + channel) * kAllTaps + tap) * packs : -1;
  }
  __syncthreads();

  const auto load = [&](int step) {
    const int unit = thread % kStepUnits, pack = step * kStepUnits + unit;
    uint4* const to = memory + step % kStages * stage_units + unit * h.plane;
    const auto copy_rows = [&](int begin, int end, const bf16* from) {
#pragma unroll 4
      for (int i = begin + thread / kStepUnits; i < end; i += kThreads / kStepUnits) {
        const int at = origin[i];
        const bool valid = at >= 0 && pack < packs;
        copy_async_16(to + i, valid ? from + std::int64_t{at + pack} * kUnit : from, valid);
      }
    };
    copy_rows(0, halo, source);
    copy_rows(halo, rows, weights);
  };

  // What this thread copied of a step's pixels, in place.
  const auto read = [&](int step) {
    const int unit = thread % kStepUnits, pack = step * kStepUnits + unit;
    if (pack >= packs) return;
    uint4* const units = memory + step % kStages * stage_units + unit * h.plane;
    PackTransform transform(input, pack * kUnit, h.source_channels);
    const int pixels = h.cut.halo_width() * h.cut.halo_height();
    for (int i = thread / kStepUnits; i < halo; i += kThreads / kStepUnits) {
      if (origin[i] < 0) continue;
      auto* const at = reinterpret_cast<bf16*>(units + i);
      Pack<bf16> x = load_pack(at);
      transform.apply(x, input.gate != nullptr ? first.image + i / pixels : 0);
      store_pack(at, x);
    }
  };

  // Where a lane's rows of the fragments lie for the first tap, and its channels.
  const int warp = thread / 32;
  const int first_row = warp % kGroups * kWarpPixels;
  const int first_column = warp / kGroups * T::kWarpChannels;
  int pixel_at[4];
  for (int i = 0; i < 4; ++i) {
    pixel_at[i] = halo_place(h.cut, first_row + 16 * i + lane % 16) + lane / 16 * h.plane;
  }
  const int weight_at = lane / 8 % 2 * h.plane + halo + first_column + lane / 16 * 8 + lane % 8;

  const int steps = ceil_div(packs, kStepUnits);
  for (int s = 0; s < kStages - 1; ++s) {
    if (s < steps) load(s);
    commit_copies();
  }
  Fragments<4, kFragments> sums;
  for (int step = 0; step < steps; ++step) {
    wait_for_copies<kStages - 2>();
    if constexpr (kReads) read(step);
    __syncthreads();
    if (step + kStages - 1 < steps) load(step + kStages - 1);
    commit_copies();
    const uint4* const stage = memory + step % kStages * stage_units;
#pragma unroll
    for (int tap = 0; tap < kAllTaps; ++tap) {
      std::uint32_t a[4][4];
      std::uint32_t b[kFragments / 2][4];
      const int shift = tap / kTaps * h.cut.halo_width() + tap % kTaps;
#pragma unroll
      for (int i = 0; i < 4; ++i) load_tiles(a[i], stage + pixel_at[i] + shift);
#pragma unroll
      for (int j = 0; j < kFragments / 2; ++j) {
        load_tiles(b[j], stage + weight_at + tap * T::kChannels + 16 * j);
      }
      sums.add(a, b, kFragments);
    }
  }

  wait_for_copies<0>();
  __syncthreads();
  auto* const leaving = reinterpret_cast<bf16*>(memory);
#pragma unroll
  for (int j = 0; j < kFragments; ++j) {
    const int column = first_column + 8 * j + lane % 4 * 2;
    float addend[2] = {};
    for (int k = 0; k < 2; ++k) {
      if (bias != nullptr && column + k < channels) addend[k] = bias[first_channel + column + k];
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float(&sum)[4] = sums.value[i][j];
      for (int k = 0; k < 2; ++k) {
        const int row = first_row + 16 * i + lane / 4 + 8 * k;
        reinterpret_cast<std::uint32_t&>(leaving[row * T::kRow + column]) =
            narrow_pair(sum[2 * k] + addend[0], sum[2 * k + 1] + addend[1]);
      }
    }
  }
  __syncthreads();
  // Worked out again, rather than kept in registers that the products need.
  unsigned block = blockIdx.x;
  asm volatile("" : "+r"(block));
  const Corner corner(h.cut, block / slices);
  // Each thread has eight channels of some rows.
  const int channel = thread % T::kRowUnits * kUnit, row_thread = thread / T::kRowUnits;
  const bool leaves = row_thread < T::kRowThreads && channel < channels;
  const Pack<bf16> pivot = load_pack(leaving + channel);  // of the tile's first pixel
  LeavingSums sums_here;
  for (int row = row_thread; leaves && row < T::kPixels; row += T::kRowThreads) {
    const std::int64_t pixel = target_pixel(h.cut, corner, row);
    if (pixel < 0) continue;
    const bf16* const from = leaving + row * T::kRow + channel;
    if (whole_packs) {
      *reinterpret_cast<uint4*>(target + pixel * h.target_channels + first_channel + channel) =
          *reinterpret_cast<const uint4*>(from);
    }
    if (partial != nullptr) sums_here.add(load_pack(from), pivot);
  }
  for (int row = warp; !whole_packs && row < T::kPixels; row += kWarps) {
    const std::int64_t pixel = target_pixel(h.cut, corner, row);
    if (pixel < 0) continue;
    bf16* const to = target + pixel * h.target_channels + first_channel;
    for (int c = lane; c < T::kChannels && c < channels; c += 32) {
      to[c] = leaving[row * T::kRow + c];
    }
  }
  if (partial == nullptr) return;
  using Totals = LeavingTotals<T::kRowThreads, T::kChannels>;
  auto& totals = *reinterpret_cast<Totals*>(leaving + T::kPixels * T::kRow);
  if (leaves) totals.set(row_thread, channel, sums_here);
  __syncthreads();
  if (thread >= T::kChannels || thread >= channels) return;
  const std::int64_t tile = blockIdx.x / slices;
  partial[tile * h.target_channels + first_channel + thread] =
      totals.moments(thread, widen(leaving[thread]));
}

/// Calls f(groups, fragments), compile-time constants, for slices of so many channels at most.
template <class F>
void with_tile(int channels, F f) {
  using std::integral_constant;
  const int slice = ceil_div(channels, ceil_div(channels, kMostChannels));
  if (slice <= 16) return f(integral_constant<int, 8>{}, integral_constant<int, 2>{});
  if (slice <= 32) return f(integral_constant<int, 8>{}, integral_constant<int, 4>{});
  if (slice <= 48) return f(integral_constant<int, 8>{}, integral_constant<int, 6>{});
  if (slice <= 64) return f(integral_constant<int, 4>{}, integral_constant<int, 4>{});
  return f(integral_constant<int, 4>{}, integral_constant<int, 6>{});
}

template <int kGroups>
Cut cut_of(const Gather& gather) {
  static_assert(kGroups == 4 || kGroups == 8);
  return Cut(gather, kGroups == 4 ? 8 : 9);
}

template <int kGroups, int kFragments>
std::size_t shared_bytes(const Cut& cut) {
  using T = Tile<kGroups, kFragments>;
  const int rows = cut.halo_pixels() + T::kWeightRows;
  const std::size_t working =
      static_cast<std::size_t>(kStages * kStepUnits * plane(rows)) * sizeof(uint4) +
      static_cast<std::size_t>(rows) * sizeof(int);
  const std::size_t leaving = static_cast<std::size_t>(T::kPixels * T::kRow) * sizeof(bf16) +
                              sizeof(LeavingTotals<T::kRowThreads, T::kChannels>);
  return std::max(working, leaving);
}

}  // namespace

std::size_t halo_statistics_bytes(const Gather& gather) {
  std::int64_t tiles = 0;
  with_tile(gather.target_channels,
            [&](auto groups, auto) { tiles = cut_of<groups()>(gather).tiles(); });
  return aligned(static_cast<std::size_t>(tiles * gather.target_channels) * sizeof(Moments));
}

bool halo_takes(Stream& stream, const Gather& gather, DType dtype) {
  const auto fits = [](const GatherAxis& axis) { return axis.kernel == kTaps && axis.stride == 1; };
  if (dtype != DType::bf16 || !fits(gather.y) || !fits(gather.x)) return false;
  const std::int64_t source = std::int64_t{gather.images} * gather.y.source * gather.x.source;
  if (source * (gather.source_channels / kUnit) > std::numeric_limits<int>::max()) return false;
  bool takes = false;
  with_tile(gather.target_channels, [&](auto groups, auto fragments) {
    const Cut cut = cut_of<groups()>(gather);
    const std::int64_t pixels = std::int64_t{gather.images} * gather.y.target * gather.x.target;
    // Where most of its tiles would be empty the other kernel is the better one.
    takes = 2 * pixels >= cut.tiles() * Tile<groups(), fragments()>::kPixels &&
            shared_bytes<groups(), fragments()>(cut) <= shared_memory_limit(stream);
  });
  return takes;
}

void halo_convolution(Stream& stream, const char* name, const Gather& gather,
                      const HaloTensors& t) {
  with_tile(gather.target_channels, [&](auto groups, auto fragments) {
    const Cut cut = cut_of<groups()>(gather);
    const auto first = [](const GatherAxis& axis) {
      const Walk walk = axis.walk(0);
      return axis.backward ? walk.base - kFarthest : walk.base;
    };
    const HaloShape shape{cut,
                          gather.y.source,
                          gather.x.source,
                          gather.source_channels,
                          gather.target_channels,
                          first(gather.y),
                          first(gather.x),
                          gather.y.backward,
                          plane(cut.halo_pixels() + Tile<groups(), fragments()>::kWeightRows)};
    const std::int64_t blocks =
        cut.tiles() * ceil_div(gather.target_channels, Tile<groups(), fragments()>::kChannels);
    Arena::Scope scratch(stream.scratch());
    auto* const partial =
        t.mean ? static_cast<Moments*>(scratch.take(halo_statistics_bytes(gather))) : nullptr;
    const auto start = [&](auto* kernel) {
      launch_dependent(stream, name, kernel,
                       {dim3(static_cast<unsigned>(blocks)), dim3(kThreads),
                        shared_bytes<groups(), fragments()>(cut)},
                       shape, t.source.as<bf16>(), t.weights.as<bf16>(), t.b.as<float>(),
                       t.target.as<bf16>(), packs(t.target.as<bf16>(), t.target.shape.c), partial,
                       t.input);
    };
    if (t.input.any) {
      start(halo_kernel<groups(), fragments(), true>);
    } else {
      start(halo_kernel<groups(), fragments(), false>);
    }
    if (!t.mean) return;
    merge_parts(stream, name, partial, static_cast<int>(cut.tiles()), gather.target_channels,
                StoreStatistics{t.mean.as<float>(), t.variance.as<float>()});
  });
}

}  // namespace paretiny::cuda

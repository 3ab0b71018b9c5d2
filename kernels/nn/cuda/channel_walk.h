// Walks over tensors [samples, rows, channels] in which every thread keeps to the same few
// channels, so that their constants and sums stay in its registers, while a warp reads neighbouring
// 16-byte packs whatever the number of channels.
//
// A *line* is the fewest rows that fill whole packs: one where the pack divides the channels, up to
// kPack of them where it does not (37 channels of bf16: 8 rows are 37 packs). A block reads some
// lines at a time, a *step*; where a single row is longer than a block it reads a *slice* of it.
#pragma once

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"

namespace paretiny::cuda {

inline constexpr int kWalkThreads = 256;     ///< that a block has if lines can be cut to suit
inline constexpr int kMaxWalkThreads = 512;  ///< the longest line that is not cut, in packs

struct ChannelWalk {
  std::int64_t elements = 0;  ///< of a sample
  std::int64_t stride = 0;    ///< elements of a step
  std::int64_t steps = 0;     ///< of a sample
  std::int64_t part_steps = 0;
  std::int64_t samples = 0;
  int parts = 0;   ///< blocks that share the steps of a sample (and slice)
  int slices = 0;  ///< blocks that share a row
  int channels = 0;
  int columns = 0;  ///< channels that one block sees
  int line = 0;     ///< elements
  int width = 0;    ///< packs of a line in a slice
  int busy = 0;     ///< threads of a block that read
  /// From the last step to the first: where an earlier pass has just read the tensor, its end may
  /// still lie in the cache.
  bool backwards = false;

  LaunchShape shape(std::size_t shared_bytes = 0) const {
    return {dim3(static_cast<unsigned>(samples * parts), static_cast<unsigned>(slices)),
            dim3(static_cast<unsigned>(round_up(busy, 32))), shared_bytes};
  }
};

/// Packs in the shortest line of packs of `width` elements.
inline std::int64_t line_packs(std::int64_t channels, int width) {
  return channels / std::gcd(channels, std::int64_t{width});
}

/// A walk in packs of `width` elements by about `max_blocks` blocks, each with `min_steps` steps or
/// all there are.
inline ChannelWalk channel_walk(std::int64_t samples, std::int64_t rows, std::int64_t channels,
                                int width, std::int64_t max_blocks, int min_steps) {
  ChannelWalk walk;
  walk.elements = rows * channels;
  walk.samples = samples;
  walk.channels = static_cast<int>(channels);
  const std::int64_t packs = line_packs(channels, width);
  const bool cut = packs > kWalkThreads && channels % width == 0;
  const std::int64_t slices = cut ? ceil_div(packs, kWalkThreads) : 1;
  const std::int64_t slice = ceil_div(packs, slices);
  const std::int64_t lines = std::max<std::int64_t>(kWalkThreads / slice, 1);
  walk.slices = static_cast<int>(slices);
  walk.line = static_cast<int>(packs * width);
  walk.width = static_cast<int>(slice);
  walk.busy = static_cast<int>(slice * lines);
  walk.columns = static_cast<int>(cut ? slice * width : channels);
  walk.stride = lines * walk.line;
  walk.steps = ceil_div(walk.elements, walk.stride);
  const std::int64_t most = std::max<std::int64_t>(max_blocks / (samples * slices), 1);
  walk.part_steps = std::max<std::int64_t>(ceil_div(walk.steps, most), min_steps);
  walk.parts = static_cast<int>(ceil_div(walk.steps, walk.part_steps));
  return walk;
}

/// Blocks of a walk that has no results to merge: enough that the last ones to finish matter
/// little.
inline std::int64_t map_blocks(Stream& stream) {
  return std::int64_t{multiprocessors(stream)} * 24;
}

/// Whether tensors [samples, rows, channels] at `data` can be walked in 16-byte packs.
template <class T>
bool walks_in_packs(std::int64_t samples, std::int64_t rows, std::int64_t channels,
                    std::initializer_list<const T*> data) {
  const bool whole = samples == 1 || rows * channels % kPack<T> == 0;
  const bool short_line =
      channels % kPack<T> == 0 || line_packs(channels, kPack<T>) <= kMaxWalkThreads;
  return whole && short_line &&
         std::all_of(data.begin(), data.end(), [](const T* each) { return packs(each, kPack<T>); });
}

/// Calls f with the elements of an access as a compile-time constant: kPack<T> or one.
template <class T, class F>
void with_width(bool in_packs, F f) {
  if (in_packs) {
    f(std::integral_constant<int, kPack<T>>{});
  } else {
    f(std::integral_constant<int, 1>{});
  }
}

/// Calls f(walk, width) with a walk over the pixels of every sample by about `max_blocks` blocks; a
/// sample is one block's (a slice) where these are no more than the samples. `data`: all tensors
/// that are walked.
template <class T, class F>
void walk_samples(const Shape& shape, std::int64_t max_blocks, std::initializer_list<const T*> data,
                  F f) {
  const std::int64_t pixels = shape.h * shape.w;
  with_width<T>(walks_in_packs<T>(shape.n, pixels, shape.c, data), [&](auto width) {
    f(channel_walk(shape.n, pixels, shape.c, width, max_blocks, 2), width);
  });
}

/// kWidth neighbouring elements, in float.
template <int kWidth>
struct Values {
  float value[kWidth];
};

/// kWidth elements at `from` (aligned to a pack if there is more than one), or the first `count` of
/// them and zeros.
template <int kWidth, class T>
__device__ Values<kWidth> load_values(const T* from, int count) {
  Values<kWidth> values;
  if constexpr (kWidth == 1) {
    values.value[0] = widen(*from);
  } else {
    const Pack<T> pack = count == kWidth ? load_pack(from) : load_some(from, count);
    for (int k = 0; k < kWidth; ++k) values.value[k] = pack.value[k];
  }
  return values;
}

template <int kWidth, class T>
__device__ void store_values(T* to, const Values<kWidth>& values, int count) {
  if constexpr (kWidth == 1) {
    *to = narrow<T>(values.value[0]);
  } else {
    Pack<T> pack;
    for (int k = 0; k < kWidth; ++k) pack.value[k] = values.value[k];
    if (count == kWidth) {
      store_pack(to, pack);
    } else {
      store_some(to, pack, count);
    }
  }
}

/// A thread's way through a walk.
template <int kWidth>
class ChannelThread {
 public:
  std::int64_t sample;
  int part;

  __device__ explicit ChannelThread(const ChannelWalk& walk) : walk_(walk) {
    sample = blockIdx.x / static_cast<unsigned>(walk.parts);
    part = static_cast<int>(blockIdx.x % static_cast<unsigned>(walk.parts));
    if (walk.backwards) part = walk.parts - 1 - part;
    const int thread = static_cast<int>(threadIdx.x);
    const int slice = static_cast<int>(blockIdx.y);
    column_ = (slice * walk.width + thread % walk.width) * kWidth;
    offset_ = std::int64_t{thread / walk.width} * walk.line + column_;
    if (thread >= walk.busy || column_ >= walk.line) return;
    first_ = part * walk.part_steps;
    end_ = first_ + walk.part_steps < walk.steps ? first_ + walk.part_steps : walk.steps;
    // All steps but the sample's last one are whole.
    if (at(end_ - 1) + kWidth > walk.elements) {
      --end_;
      rest_ = at(end_) < walk.elements ? static_cast<int>(walk.elements - at(end_)) : 0;
    }
  }

  /// The channel of element k of each of the thread's packs.
  __device__ int channel(int k) const { return (column_ + k) % walk_.channels; }

  /// load(offset, count) gives what is to be read there, use(loaded[], offset[], count) takes an
  /// array of it, kGroup or one at a time; all loads of a group come before its use. Offsets are
  /// from the sample's first element. `count` is kWidth, or less, and then nothing else is in the
  /// array: the end of a sample of which packs are not a divisor.
  template <int kGroup, class Load, class Use>
  __device__ void each_group(Load load, Use use) const {
    using Loaded = decltype(load(offset_, kWidth));
    std::int64_t left = end_ - first_;
    std::int64_t next = at(walk_.backwards ? end_ - 1 : first_);
    const std::int64_t stride = walk_.backwards ? -walk_.stride : walk_.stride;
    for (; left >= kGroup; left -= kGroup) {
      Loaded loaded[kGroup];
      std::int64_t offset[kGroup];
      for (int i = 0; i < kGroup; ++i, next += stride) {
        offset[i] = next;
        loaded[i] = load(next, kWidth);
      }
      use(loaded, offset, kWidth);
    }
    for (; left > 0; --left, next += stride) {
      const Loaded loaded[1] = {load(next, kWidth)};
      const std::int64_t offset[1] = {next};
      use(loaded, offset, kWidth);
    }
    if (rest_ > 0) {
      const Loaded loaded[1] = {load(at(end_), rest_)};
      const std::int64_t offset[1] = {at(end_)};
      use(loaded, offset, rest_);
    }
  }

  /// The same, pack by pack: use(loaded, offset, count).
  template <int kGroup, class Load, class Use>
  __device__ void each_pack(Load load, Use use) const {
    each_group<kGroup>(
        load, [&]<class Loaded, int kCount>(const Loaded(&loaded)[kCount],
                                            const std::int64_t(&offset)[kCount], int count) {
          for (int i = 0; i < kCount; ++i) use(loaded[i], offset[i], count);
        });
  }

 private:
  __device__ std::int64_t at(std::int64_t step) const { return offset_ + step * walk_.stride; }

  const ChannelWalk& walk_;
  int column_;                        // of its first element in a line
  std::int64_t offset_;               // of its pack in step 0
  std::int64_t first_ = 0, end_ = 0;  // its steps whose packs are whole
  int rest_ = 0;                      // elements that are left at step end_
};

}  // namespace paretiny::cuda

// Sums over the rows of [samples, rows, channels] for every channel, in a fixed order: each thread
// adds up its rows, a block merges its threads in shared memory, and where a sample is shared among
// blocks their results go through scratch to a second pass.
#pragma once

#include "kernels/core/cuda/dependent_launch.h"
#include "kernels/nn/cuda/channel_walk.h"
#include "kernels/nn/cuda/merge_parts.h"

namespace paretiny::cuda {

/// Shared memory of merge_block.
template <class Sum>
std::size_t merge_bytes(const ChannelWalk& walk, int width) {
  return static_cast<std::size_t>(walk.busy * width) * sizeof(Sum);
}

/// Merges what the threads of a block have, mine[k] for channel(k), and calls
/// result((sample * parts + part) * channels + channel, sum) for every channel of the block.
template <class Sum, int kWidth, class Result>
__device__ void merge_block(const ChannelWalk& walk, const ChannelThread<kWidth>& me,
                            const Sum (&mine)[kWidth], Result result) {
  Sum* shared = &shared_memory<Sum>();
  // Packs are turned by one more place every 32 elements, so that a warp that writes element k of
  // its packs, or reads neighbours, uses all banks.
  const auto slot = [](int i) { return i - i % kWidth + (i + i / 32) % kWidth; };
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  if (thread < walk.busy) {
    for (int k = 0; k < kWidth; ++k) shared[slot(thread * kWidth + k)] = mine[k];
  }
  __syncthreads();
  const int columns = walk.columns;
  for (int rows = walk.busy * kWidth / columns; rows > 1;) {
    const int half = (rows + 1) / 2;
    for (int i = thread; i < (rows - half) * columns; i += threads) {
      shared[slot(i)].merge(shared[slot(i + half * columns)]);
    }
    __syncthreads();
    rows = half;
  }
  const std::int64_t first = (me.sample * walk.parts + me.part) * walk.channels;
  for (int i = thread; i < columns; i += threads) {
    const int channel = static_cast<int>(blockIdx.y) * columns + i;
    if (channel < walk.channels) result(first + channel, shared[slot(i)]);
  }
}

/// The Result that leaves a block's sums to merge_parts.
template <class Sum>
struct KeepPart {
  Sum* parts;
  __device__ void operator()(std::int64_t i, const Sum& sum) const { parts[i] = sum; }
};

/// Merges the sums [parts, channels] that KeepPart kept and calls finish(channel, sum).
template <class Sum, class Finish>
void merge_parts(Stream& stream, const char* name, const ChannelWalk& walk, const Sum* partial,
                 Finish finish) {
  merge_parts(stream, name, partial, walk.parts, walk.channels, finish);
}

/// The walk of a reduction over one sample: blocks enough to fill the device two or three times, as
/// two or three a multiprocessor fit with the registers that such kernels take, of enough rows each
/// that their results are few beside what they read.
inline ChannelWalk reduction_walk(Stream& stream, std::int64_t rows, std::int64_t channels,
                                  int width) {
  return channel_walk(1, rows, channels, width, std::int64_t{multiprocessors(stream)} * 6, 4);
}

/// Scratch for what KeepPart keeps.
template <class Sum>
Sum* take_parts(Arena::Scope& scratch, const ChannelWalk& walk) {
  return static_cast<Sum*>(
      scratch.take(static_cast<std::size_t>(walk.parts) * walk.channels * sizeof(Sum)));
}

/// Scratch of a reduction of a tensor [rows, channels] of T, at most.
template <class T, class Sum>
std::size_t reduction_bytes(Stream& stream, std::int64_t rows, std::int64_t channels) {
  std::size_t most = 0;
  for (const int width : {1, kPack<T>}) {
    const ChannelWalk walk = reduction_walk(stream, rows, channels, width);
    most = std::max(most, static_cast<std::size_t>(walk.parts) * walk.channels * sizeof(Sum));
  }
  return aligned(most);
}

/// Reads each of `from` [samples, pixels, channels] once; result takes each block's [channels].
template <class T, int kWidth, class F, class Result, class... From>
__global__ void sum_channels_kernel(GridDependency earlier, ChannelWalk walk, F f, Result result,
                                    const From*... from) {
  earlier.wait();
  const ChannelThread<kWidth> me(walk);
  const std::int64_t sample = me.sample * walk.elements;
  PlainSum sums[kWidth];
  struct Loaded {
    Values<kWidth> values[sizeof...(From)];
  };
  me.template each_pack<4>(
      [&](std::int64_t offset, int count) {
        return Loaded{{load_values<kWidth>(from + sample + offset, count)...}};
      },
      [&](const Loaded& loaded, std::int64_t, int count) {
        for (int k = 0; k < kWidth; ++k) {
          const auto addend = [&]<std::size_t... kInput>(std::index_sequence<kInput...>) {
            return f(loaded.values[kInput].value[k]...);
          }
          (std::index_sequence_for<From...>{});
          if (k < count) sums[k].sum += addend;
        }
      });
  merge_block(walk, me, sums, result);
}

/// finish(channel, sum) with the sum of f(from[row, channel]...) over the rows, for every channel.
/// f, finish: functors for the device. Takes reduction_bytes<T, PlainSum> of scratch.
template <class T, class F, class Finish, class... From>
void sum_channels(Stream& stream, const char* name, std::int64_t rows, std::int64_t channels, F f,
                  Finish finish, const T* first, const From*... more) {
  static_assert((std::is_same_v<T, From> && ...), "one element type a reduction");
  with_width<T>(walks_in_packs<T>(1, rows, channels, {first, more...}), [&](auto width) {
    const ChannelWalk walk = reduction_walk(stream, rows, channels, width);
    Arena::Scope scratch(stream.scratch());
    PlainSum* parts = take_parts<PlainSum>(scratch, walk);
    launch_dependent(stream, name,
                     sum_channels_kernel<T, width(), F, KeepPart<PlainSum>, T, From...>,
                     walk.shape(merge_bytes<PlainSum>(walk, width)), walk, f,
                     KeepPart<PlainSum>{parts}, first, more...);
    merge_parts(stream, name, walk, parts, finish);
  });
}

}  // namespace paretiny::cuda

// How the depthwise kernels move data. A block takes a slice of channels and, one after another,
// strips of the result: some rows of some columns of some samples. Source rows flow through a ring
// of stages in shared memory, 16 bytes a cp.async, so that what is in flight (all stages but one)
// costs no registers. Every source element comes from memory once; the halo between strips is read
// again, from L2.
//
// A thread computes kColumns neighbouring results of kVector channels, row after row, with weights
// and sums in registers. Lanes follow channels, then columns, then samples.
#pragma once

#include <algorithm>

#include "kernels/cuda/async_copy.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/vector.h"
#include "kernels/depthwise.h"
#include "kernels/host_device.h"

namespace paretiny::cuda::depthwise {

inline constexpr int kMostBlocks = 4;          ///< a multiprocessor; bounds the scratch
inline constexpr int kStageBytes = 16 * 1024;  ///< of 256 threads, about

/// A thread's share: kColumns results of kVector channels a row, by a window of kKernelH x kKernelW
/// and one stride. A kernel of height 1 also serves narrower ones: taps past the window are left
/// out when it runs. Blocks of 128 threads leave a thread 168 registers, those of 256 leave it 128.
template <int kernel_h, int kernel_w, int stride, int vector, int columns, int threads = 256>
struct Taps {
  static constexpr int kKernelH = kernel_h, kKernelW = kernel_w;
  static constexpr int kStrideH = kernel_h == 1 ? 1 : stride, kStrideW = stride;
  static constexpr int kVector = vector, kColumns = columns;
  static constexpr int kThreads = threads;                ///< of a block, at most
  static constexpr int kBlocks = threads == 128 ? 3 : 2;  ///< a multiprocessor, at least
  /// Result rows (columns) that one source row (column) reaches, or the reverse.
  static constexpr int kDepthH = (kernel_h + kStrideH - 1) / kStrideH;
  static constexpr int kDepthW = (kernel_w + kStrideW - 1) / kStrideW;
};

/// What a thread reads of a source: kReach columns, kGroup after its left neighbour's, and kRows
/// rows a step, which is what one more row of results asks for; a stage of the ring holds kSteps.
template <class T, int group, int reach, int rows, int vector, int steps>
struct SourceShare {
  using Element = T;
  static constexpr int kGroup = group, kReach = reach, kRows = rows, kVector = vector;
  static constexpr int kSteps = steps;
  static constexpr int kPadded = group | 1;
  static constexpr int kCopies = (reach * vector + kPack<T> - 1) / kPack<T>;
};

/// Steps that fill a stage.
template <class T>
constexpr int stage_steps(int columns, int rows, int vector) {
  const int step = 256 * columns * rows * vector * static_cast<int>(sizeof(T));
  return std::max(kStageBytes / step, 1);
}

/// A source row in shared memory, in chunks of 16 bytes: [sample][group of columns][chunk][column],
/// where columns are padded to an odd number, so that lanes, one after another in all the rest,
/// meet all banks.
struct RowLayout {
  int columns;  ///< that a strip needs
  int group, sample, row;
};

/// Rows [row, row_end) of the results in some columns, of sample_threads samples.
struct Strip {
  int sample, column_strip, row, row_end;
};

/// How a result is cut into strips, and a block's threads into channels, columns and samples.
struct Plan {
  int samples, channels, result_h, result_w;
  int chunks;  ///< of 16 bytes: the channels of a block
  int channel_threads, column_threads, sample_threads;
  int copy_step;  ///< columns that the threads of a sample copy at a time
  int slices, column_strips, row_strips, strip_rows;
  int strips;  ///< of a slice
  int blocks;  ///< of a slice
  bool aligned;

  int threads() const { return channel_threads * column_threads * sample_threads; }
  PARETINY_HOST_DEVICE int lanes() const { return column_threads * sample_threads; }
  dim3 grid() const { return {static_cast<unsigned>(slices), static_cast<unsigned>(blocks)}; }

  template <class S>
  RowLayout layout() const {
    const int columns = (column_threads - 1) * S::kGroup + S::kReach;
    const int groups = (columns + S::kGroup - 1) / S::kGroup;
    const int group = chunks * S::kPadded;
    return {columns, group, groups * group, sample_threads * groups * group};
  }

  __device__ Strip strip(int index) const {
    const int row = index % row_strips * strip_rows;
    const int rest = index / row_strips;
    return {rest / column_strips * sample_threads, rest % column_strips, row,
            min(row + strip_rows, result_h)};
  }
};

/// What a plan needs to know of a kernel.
struct PlanRequest {
  Shape result;
  int margin = 0;       ///< columns that the first thread has before the first of the result
  int pack;             ///< elements a chunk
  int vector, columns;  ///< of a thread
  int threads, blocks;  ///< of a block at most, a multiprocessor at least
  int step_rows = 1;    ///< of the result, that a step completes
  int lead;             ///< steps that a strip takes beyond those of its rows
  int stage_steps;
  bool aligned = true;
};

Plan make_plan(Stream& stream, const PlanRequest& request);

/// A thread's place in its block.
struct Place {
  int channel;  ///< the first of its results
  int column_lane, sample_lane;
  int read_chunk;               ///< of those of the block
  int copy_chunk, copy_column;  ///< it copies this column and every copy_step-th after it

  template <class T, class W>
  __device__ static Place of(const Plan& plan) {
    const int thread = static_cast<int>(threadIdx.x);
    const int a_sample = plan.channel_threads * plan.column_threads;
    const int lane = thread / plan.channel_threads;
    const int within = thread % plan.channel_threads * W::kVector;
    const int first_chunk = static_cast<int>(blockIdx.x) * plan.chunks;
    return {first_chunk * kPack<T> + within, lane % plan.column_threads,
            lane / plan.column_threads,      within / kPack<T>,
            thread % a_sample % plan.chunks, thread % a_sample / plan.chunks};
  }
};

/// kCount neighbouring elements, 4 to 16 bytes and aligned to as many, in float.
template <class T, int kCount>
__device__ void load_vector(const T* from, float (&to)[kCount]) {
  constexpr int kWords = kCount * static_cast<int>(sizeof(T)) / 4;
  std::uint32_t word[4];
  if constexpr (kWords == 4) {
    const uint4 raw = *reinterpret_cast<const uint4*>(from);
    word[0] = raw.x, word[1] = raw.y, word[2] = raw.z, word[3] = raw.w;
  } else if constexpr (kWords == 2) {
    const uint2 raw = *reinterpret_cast<const uint2*>(from);
    word[0] = raw.x, word[1] = raw.y;
  } else {
    word[0] = *reinterpret_cast<const std::uint32_t*>(from);
  }
  for (int i = 0; i < kWords; ++i) {
    if constexpr (sizeof(T) == 4) {
      to[i] = __uint_as_float(word[i]);
    } else {
      to[2 * i] = __uint_as_float(word[i] << 16);
      to[2 * i + 1] = __uint_as_float(word[i] & 0xFFFF0000u);
    }
  }
}

/// Rounds the values to T in place and stores them; without `whole` the first `count` alone.
template <class T, int kCount>
__device__ void store_vector(T* to, float (&values)[kCount], bool whole, int count) {
  T rounded[kCount];
  for (int i = 0; i < kCount; ++i) {
    rounded[i] = narrow<T>(values[i]);
    values[i] = widen(rounded[i]);
  }
  if (!whole) {
    for (int i = 0; i < kCount; ++i) {
      if (i < count) to[i] = rounded[i];
    }
    return;
  }
  constexpr int kWords = kCount * static_cast<int>(sizeof(T)) / 4;
  std::uint32_t word[kWords];
  for (int i = 0; i < kWords; ++i) {
    if constexpr (sizeof(T) == 4) {
      word[i] = __float_as_uint(values[i]);
    } else {
      word[i] = rounded[2 * i].bits | std::uint32_t{rounded[2 * i + 1].bits} << 16;
    }
  }
  if constexpr (kWords == 4) {
    *reinterpret_cast<uint4*>(to) = {word[0], word[1], word[2], word[3]};
  } else if constexpr (kWords == 2) {
    *reinterpret_cast<uint2*>(to) = {word[0], word[1]};
  } else {
    *reinterpret_cast<std::uint32_t*>(to) = word[0];
  }
}

/// Chunks of a source in a stage.
template <class S>
PARETINY_HOST_DEVICE int stage_chunks(const RowLayout& layout) {
  return S::kSteps * S::kRows * layout.row;
}

/// A tensor that flows through the ring. Step t brings rows [t * kRows - top, ... + kRows) of it.
template <class T>
struct SourceTensor {
  const T* data;
  int height, width;
  int top, left;  ///< before the first row (column) of the first step (thread)
  RowLayout layout;

  SourceTensor(const T* of, const Shape& shape, std::int64_t above, std::int64_t before,
               const RowLayout& by)
      : data(of),
        height(static_cast<int>(shape.h)),
        width(static_cast<int>(shape.w)),
        top(static_cast<int>(above)),
        left(static_cast<int>(before)),
        layout(by) {}
};

/// The same for a thread, which copies some chunks of every row and reads its columns of it.
template <class S>
struct Source {
  using T = typename S::Element;
  const SourceTensor<T>& tensor;
  const Plan& plan;
  const Place& place;

  /// The first of the chunk that it copies.
  __device__ int copy_channel() const {
    return (static_cast<int>(blockIdx.x) * plan.chunks + place.copy_chunk) * kPack<T>;
  }

  __device__ bool has_row(int step, int of_step) const {
    const int row = step * S::kRows + of_step - tensor.top;
    return row >= 0 && row < tensor.height;
  }

  /// Calls f(where in memory, where in the ring, in range) for what this thread copies of the rows
  /// of a stage, whose steps end before `end`.
  template <class F>
  __device__ void each_chunk(const Strip& strip, int step, int end, uint4* stage, F f) const {
    const RowLayout& layout = tensor.layout;
    const int sample = strip.sample + place.sample_lane;
    const bool inside = sample < plan.samples && copy_channel() < plan.channels;
    const int column = strip.column_strip * plan.column_threads * S::kGroup - tensor.left;
    const int rows = min(end - step, S::kSteps) * S::kRows;
    stage += place.sample_lane * layout.sample + place.copy_chunk * S::kPadded;
#pragma unroll 1
    for (int r = 0; r < rows; ++r, stage += layout.row) {
      const int row = step * S::kRows + r - tensor.top;
      if (row < 0 || row >= tensor.height) continue;
      const T* const line =
          tensor.data +
          (std::int64_t{sample} * tensor.height + row) * tensor.width * plan.channels +
          copy_channel();
#pragma unroll
      for (int k = 0; k < S::kCopies; ++k) {
        const unsigned at = static_cast<unsigned>(place.copy_column + k * plan.copy_step);
        if (at >= static_cast<unsigned>(layout.columns)) break;
        const int from = column + static_cast<int>(at);
        const bool valid = inside && from >= 0 && from < tensor.width;
        f(valid ? line + from * plan.channels : tensor.data,
          stage + at / S::kGroup * layout.group + at % S::kGroup, valid);
      }
    }
  }

  /// Starts to copy the rows of a stage; padding becomes zero. Channels that come in no whole
  /// chunks go element by element.
  __device__ void copy(const Strip& strip, int step, int end, uint4* stage) const {
    each_chunk(strip, step, end, stage, [&](const T* from, uint4* to, bool valid) {
      if (plan.aligned) {
        copy_async_16(to, from, valid);
      } else {
        const int count = valid ? plan.channels - copy_channel() : 0;
        store_pack(reinterpret_cast<T*>(to), load_some(from, count));
      }
    });
  }

  /// The columns that this thread reads of a row.
  __device__ void load(const uint4* row, float (&to)[S::kReach][S::kVector]) const {
    const RowLayout& layout = tensor.layout;
    const uint4* const first = row + place.sample_lane * layout.sample +
                               place.column_lane * layout.group + place.read_chunk * S::kPadded;
#pragma unroll
    for (int i = 0; i < S::kReach; ++i) {
      load_vector(reinterpret_cast<const T*>(first + i / S::kGroup * layout.group + i % S::kGroup) +
                      place.channel % kPack<T>,
                  to[i]);
    }
  }
};

/// Walks the stages of all strips of a block. Steps, from the kernel: those of a strip are
/// [first(strip), end(strip)).
template <class Steps>
struct Cursor {
  const Plan& plan;
  const Steps& steps;
  int index;
  Strip strip{};
  int step = 0;

  __device__ Cursor(const Plan& of, const Steps& by)
      : plan(of), steps(by), index(static_cast<int>(blockIdx.y)) {
    enter();
  }
  __device__ bool done() const { return index >= plan.strips; }
  __device__ int first() const { return steps.first(strip); }
  __device__ int end() const { return steps.end(strip); }
  __device__ void enter() {
    if (done()) return;
    strip = plan.strip(index);
    step = first();
  }
  __device__ void next(int count) {
    step += count;
    if (step < end()) return;
    index += static_cast<int>(gridDim.y);
    enter();
  }
};

/// Runs copy(cursor, stage) kStages - 1 stages ahead of prepare(cursor, stage), which sees what
/// this thread copied, and use(cursor, stage), which sees all of it.
template <int kStages, class Steps, class Copy, class Prepare, class Use>
__device__ void stream_stages(const Plan& plan, const Steps& steps, int stage_steps, Copy copy,
                              Prepare prepare, Use use) {
  Cursor<Steps> ahead(plan, steps);
  Cursor<Steps> here(plan, steps);
  const auto copy_next = [&](int stage) {
    if (!ahead.done()) {
      copy(ahead, stage);
      ahead.next(stage_steps);
    }
    commit_copies();
  };
  for (int stage = 0; stage + 1 < kStages; ++stage) copy_next(stage);
  int stage = 0;
  for (; !here.done(); here.next(stage_steps)) {
    wait_for_copies<kStages - 2>();
    prepare(here, stage);
    __syncthreads();
    copy_next(stage == 0 ? kStages - 1 : stage - 1);
    use(here, stage);
    stage = stage + 1 == kStages ? 0 : stage + 1;
  }
  wait_for_copies<0>();
  __syncthreads();
}

}  // namespace paretiny::cuda::depthwise

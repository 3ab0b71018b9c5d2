// How the depthwise kernels divide their work. A block takes a slice of channels and, one after
// another, strips of the result: some rows of some columns of some samples. Source rows flow
// through a ring of stages in shared memory (depthwise_stream.h), 16 bytes a cp.async, so that what
// is in flight, all stages but one, costs no registers. Every source element comes from memory
// once; the halo between strips is read again, from L2.
//
// A thread computes kColumns neighbouring results of kVector channels, row after row, with weights
// and sums in registers. Lanes follow channels, then columns, then samples.
#pragma once

#include <algorithm>

#include "kernels/core/cuda/launch.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/core/host_device.h"
#include "kernels/nn/depthwise.h"

namespace paretiny::cuda::depthwise {

inline constexpr int kMostBlocks = 4;          ///< a multiprocessor; bounds the scratch
inline constexpr int kMostStageSteps = 8;      ///< a strip begins when its first stage is there
inline constexpr int kRingBytes = 150 * 1024;  ///< of all blocks of a multiprocessor, about

/// A thread's share: kColumns results of kVector channels a row, by a window of kKernelH x kKernelW
/// and one stride. A kernel of height 1 also serves narrower ones: taps past the window are left
/// out when it runs. Blocks of 128 threads leave a thread 168 registers, those of 256 leave it 128.
template <int kernel_h, int kernel_w, int stride, int vector, int columns, int threads = 256>
struct Taps {
  static constexpr int kKernelH = kernel_h, kKernelW = kernel_w;
  static constexpr int kStrideH = kernel_h == 1 ? 1 : stride, kStrideW = stride;
  static constexpr int kVector = vector, kColumns = columns;
  static constexpr int kShareColumns = columns, kColumnStep = 1;
  static constexpr int kThreads = threads;                ///< of a block, at most
  static constexpr int kBlocks = threads == 128 ? 3 : 2;  ///< a multiprocessor, at least
  /// Result rows (columns) that one source row (column) reaches, or the reverse.
  static constexpr int kDepthH = ceil_div(kernel_h, kStrideH);
  static constexpr int kDepthW = ceil_div(kernel_w, kStrideW);
};

/// What a thread reads of a source: kReach columns, kGroup after its left neighbour's, and kRows
/// rows a step, which is what one more row of results asks for.
template <class T, int group, int reach, int rows, int vector>
struct SourceShare {
  using Element = T;
  static constexpr int kGroup = group, kReach = reach, kRows = rows, kVector = vector;
  static constexpr int kPadded = group | 1;  ///< odd, so that neighbours use other banks
  static constexpr int kCopies = ceil_div(reach * vector, kPack<T>);
};

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
  int stage_steps;
  bool aligned;

  int threads() const { return channel_threads * column_threads * sample_threads; }
  PARETINY_HOST_DEVICE int lanes() const { return column_threads * sample_threads; }
  dim3 grid() const { return {static_cast<unsigned>(slices), static_cast<unsigned>(blocks)}; }

  RowLayout layout(int group_columns, int reach) const {
    const int columns = (column_threads - 1) * group_columns + reach;
    const int groups = ceil_div(columns, group_columns);
    const int group = chunks * (group_columns | 1);
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
  bool aligned;
  int pack;             ///< elements a chunk
  int vector, columns;  ///< of a thread
  int threads, blocks;  ///< of a block at most, a multiprocessor at least
  int lead;             ///< steps that a strip takes beyond those of its rows
  int group, reach, rows;
  int margin = 0;     ///< columns that the first thread has before the first of the result
  int step_rows = 1;  ///< of the result, that a step completes
  int stages = 1;
  int stage_steps = 0;  ///< 0: as many as there is room for
};

/// S: the share of the source that the stages hold.
template <class T, class W, class S>
PlanRequest plan_request(const Shape& result, bool aligned) {
  return {result,     aligned,        kPack<T>,  W::kVector, W::kColumns, W::kThreads,
          W::kBlocks, W::kDepthH - 1, S::kGroup, S::kReach,  S::kRows};
}

/// How the threads of a block are cut, out of as many chunks and columns (of a thread) as there
/// are.
struct BlockCut {
  std::int64_t all_chunks, all_columns;
  std::int64_t chunks, channel_threads, column_threads, sample_threads;
};

Plan make_plan(Stream& stream, const PlanRequest& request);
/// For threads that are cut already.
Plan make_plan(Stream& stream, const PlanRequest& request, const BlockCut& cut);

/// A thread's place in its block.
struct Place {
  int channel;  ///< the first of its results
  int column_lane, sample_lane;
  int column;  ///< of its first result, within the columns that a column_lane stands for

  template <class T, class W>
  __device__ static Place of(const Plan& plan) {
    const int thread = static_cast<int>(threadIdx.x);
    const int first_chunk = static_cast<int>(blockIdx.x) * plan.chunks;
    const int lane = thread / plan.channel_threads;
    return {first_chunk * kPack<T> + thread % plan.channel_threads * W::kVector,
            lane % plan.column_threads, lane / plan.column_threads, 0};
  }
};

}  // namespace paretiny::cuda::depthwise

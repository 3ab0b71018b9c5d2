// The ring of stages through which source rows flow (depthwise.h).
#pragma once

#include "kernels/core/cuda/async_copy.h"
#include "kernels/core/cuda/vector.h"
#include "kernels/nn/cuda/depthwise/depthwise.h"

namespace paretiny::cuda::depthwise {

/// kCount neighbouring elements as memory has them, 4 to 16 bytes, aligned to as many.
template <class T, int kCount>
struct Packed {
  static constexpr int kWords = kCount * static_cast<int>(sizeof(T)) / 4;
  std::uint32_t word[kWords];

  Packed() = default;
  __device__ explicit Packed(const T* from) {
    if constexpr (kWords == 4) {
      const uint4 raw = *reinterpret_cast<const uint4*>(from);
      word[0] = raw.x, word[1] = raw.y, word[2] = raw.z, word[3] = raw.w;
    } else if constexpr (kWords == 2) {
      const uint2 raw = *reinterpret_cast<const uint2*>(from);
      word[0] = raw.x, word[1] = raw.y;
    } else {
      word[0] = *reinterpret_cast<const std::uint32_t*>(from);
    }
  }
  /// Rounds.
  __device__ explicit Packed(const float (&values)[kCount]) {
    for (int i = 0; i < kWords; ++i) {
      if constexpr (sizeof(T) == 4) {
        word[i] = __float_as_uint(values[i]);
      } else {
        word[i] = narrow_pair(values[2 * i], values[2 * i + 1]);
      }
    }
  }

  __device__ void unpack(float (&to)[kCount]) const {
    for (int i = 0; i < kWords; ++i) {
      if constexpr (sizeof(T) == 4) {
        to[i] = __uint_as_float(word[i]);
      } else {
        to[2 * i] = widen_low(word[i]);
        to[2 * i + 1] = widen_high(word[i]);
      }
    }
  }

  __device__ void store(T* to) const {
    if constexpr (kWords == 4) {
      *reinterpret_cast<uint4*>(to) = {word[0], word[1], word[2], word[3]};
    } else if constexpr (kWords == 2) {
      *reinterpret_cast<uint2*>(to) = {word[0], word[1]};
    } else {
      *reinterpret_cast<std::uint32_t*>(to) = word[0];
    }
  }
  /// The first `count` elements; no alignment asked.
  __device__ void store_some(T* to, int count) const {
    float values[kCount];
    unpack(values);
    for (int i = 0; i < kCount; ++i) {
      if (i < count) to[i] = narrow<T>(values[i]);
    }
  }
};

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

  /// Of a stage.
  template <class S>
  PARETINY_HOST_DEVICE int chunks(const Plan& plan) const {
    return plan.stage_steps * S::kRows * layout.row;
  }
};

/// The same for a thread, which copies some chunks of every row, all of the same channels, and
/// reads its columns of it.
template <class S>
class Source {
 public:
  using T = typename S::Element;

  __device__ Source(const SourceTensor<T>& tensor, const Plan& plan, const Place& place)
      : tensor_(tensor), plan_(plan), sample_lane_(place.sample_lane) {
    const RowLayout& layout = tensor.layout;
    const int a_sample = plan.channel_threads * plan.column_threads;
    const int thread = static_cast<int>(threadIdx.x) % a_sample;
    const int chunk = thread % plan.chunks;
    const int first = place.sample_lane * layout.sample;
    const int block_channel = static_cast<int>(blockIdx.x) * plan.chunks * kPack<T>;
    channel_ = block_channel + chunk * kPack<T>;
    column_ = thread / plan.chunks;
#pragma unroll
    for (int k = 0; k < S::kCopies; ++k) {
      const unsigned at = static_cast<unsigned>(column_ + k * plan.copy_step);
      const int to = first + static_cast<int>(at / S::kGroup) * layout.group + chunk * S::kPadded +
                     static_cast<int>(at % S::kGroup);
      to_[k] = at < static_cast<unsigned>(layout.columns) ? to : -1;
    }
    const int channel = place.channel - block_channel;
    read_ =
        (first + place.column_lane * layout.group + channel / kPack<T> * S::kPadded) * kPack<T> +
        channel % kPack<T>;
  }

  __device__ int channel() const {
    return channel_;
  }

  __device__ bool has_row(int step, int of_step) const {
    const int row = step * S::kRows + of_step - tensor_.top;
    return row >= 0 && row < tensor_.height;
  }

  /// A bit for each chunk of a row that this thread copies and that is no padding.
  __device__ unsigned valid_chunks(const Strip& strip) const {
    const int column = first_column(strip);
    unsigned valid = 0;
    if (strip.sample + sample_lane_ >= plan_.samples || channel_ >= plan_.channels) return valid;
#pragma unroll
    for (int k = 0; k < S::kCopies; ++k) {
      const int at = column + k * plan_.copy_step;
      if (to_[k] >= 0 && at >= 0 && at < tensor_.width) valid |= 1u << k;
    }
    return valid;
  }

  /// Where the copies of a strip have got to.
  struct Way {
    const T* from;  ///< of the first chunk of the next row
    unsigned valid;
  };

  __device__ Way enter(const Strip& strip, int step) const {
    const std::int64_t row = std::int64_t{strip.sample + sample_lane_} * tensor_.height +
                             (step * S::kRows - tensor_.top);
    return {tensor_.data + (row * tensor_.width + first_column(strip)) * plan_.channels + channel_,
            valid_chunks(strip)};
  }

  /// Starts to copy the rows of a stage, whose steps end before `end`; padding becomes zero.
  __device__ void copy(Way& way, int step, int end, uint4* stage) const {
    const int rows = min(end - step, plan_.stage_steps) * S::kRows;
    const int first = step * S::kRows - tensor_.top;
#pragma unroll 1
    for (int r = 0; r < rows; ++r, stage += tensor_.layout.row) {
      if (first + r >= 0 && first + r < tensor_.height) copy_row(way, stage);
      way.from += tensor_.width * plan_.channels;
    }
  }

  /// Calls f(chunk) for the chunks of a stage that `copy` brought, but for padding.
  template <class F>
  __device__ void each_chunk(const Strip& strip, int step, int end, uint4* stage, F f) const {
    const unsigned valid = valid_chunks(strip);
    const int rows = min(end - step, plan_.stage_steps) * S::kRows;
    const int first = step * S::kRows - tensor_.top;
#pragma unroll 1
    for (int r = 0; r < rows; ++r, stage += tensor_.layout.row) {
      if (first + r < 0 || first + r >= tensor_.height) continue;
#pragma unroll
      for (int k = 0; k < S::kCopies; ++k) {
        if (valid >> k & 1) f(reinterpret_cast<T*>(stage + to_[k]));
      }
    }
  }

  /// The columns that this thread reads of a row.
  __device__ void load(const uint4* row, float (&to)[S::kReach][S::kVector]) const {
    const T* const first = reinterpret_cast<const T*>(row) + read_;
#pragma unroll
    for (int i = 0; i < S::kReach; ++i) {
      const int chunk = i / S::kGroup * tensor_.layout.group + i % S::kGroup;
      Packed<T, S::kVector>(first + chunk * kPack<T>).unpack(to[i]);
    }
  }

 private:
  /// Of the first chunk of a row that this thread copies.
  __device__ int first_column(const Strip& strip) const {
    return strip.column_strip * plan_.column_threads * S::kGroup - tensor_.left + column_;
  }

  __device__ void copy_row(const Way& way, uint4* row) const {
    const int step = plan_.copy_step * plan_.channels;
    const uint4 zeros{};
#pragma unroll
    for (int k = 0; k < S::kCopies; ++k) {
      uint4* const to = row + to_[k];
      if (!(way.valid >> k & 1)) {
        if (to_[k] >= 0) *to = zeros;
      } else if (plan_.aligned) {
        copy_async_16(to, way.from + k * step);
      } else {  // channels that come in no whole chunks
        store_pack(reinterpret_cast<T*>(to),
                   load_some(way.from + k * step, plan_.channels - channel_));
      }
    }
  }

  const SourceTensor<T>& tensor_;
  const Plan& plan_;
  int sample_lane_;
  int channel_, column_;  ///< of its first chunk
  int to_[S::kCopies];    ///< in a row of the ring, -1 past its end
  int read_;              ///< the first element that it reads of a row
};

/// At step t the source rows that result row t newly meets; for a weight gradient the gradients of
/// output row t, and the rows of x that only it meets.
template <class W>
struct RowSteps {
  __device__ int first(const Strip& strip) const { return strip.row; }
  __device__ int end(const Strip& strip) const { return strip.row_end + W::kDepthH - 1; }
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
  __device__ bool at_first() const { return step == steps.first(strip); }
  __device__ int end() const { return steps.end(strip); }
  __device__ void enter() {
    if (done()) return;
    strip = plan.strip(index);
    step = steps.first(strip);
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
__device__ void stream_stages(const Plan& plan, const Steps& steps, Copy copy, Prepare prepare,
                              Use use) {
  Cursor<Steps> ahead(plan, steps);
  Cursor<Steps> here(plan, steps);
  const auto copy_next = [&](int stage) {
    if (!ahead.done()) {
      copy(ahead, stage);
      ahead.next(plan.stage_steps);
    }
    commit_copies();
  };
  for (int stage = 0; stage + 1 < kStages; ++stage) copy_next(stage);
  int stage = 0;
  for (; !here.done(); here.next(plan.stage_steps)) {
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

// The results of the depthwise forward kernel on their way out: bias, epilogue, statistics.
#pragma once

#include "kernels/core/host_device.h"
#include "kernels/nn/cuda/depthwise/depthwise_fusion.h"

namespace paretiny::cuda::depthwise {

/// The shared memory of Results, in floats: a factor and an addend for every channel of the block,
/// and the running moments of every thread, which would crowd the registers of its sums.
template <class T, class W>
struct ResultsLayout {
  int channels;
  int moments;  ///< of a kind

  PARETINY_HOST_DEVICE ResultsLayout(const Plan& plan, bool statistics)
      : channels(plan.chunks * kPack<T>),
        moments(statistics ? plan.channel_threads * plan.lanes() * W::kVector : 0) {}
  /// Chunks of 16 bytes.
  PARETINY_HOST_DEVICE int chunks() const { return ceil_div(2 * channels + 3 * moments, 4); }
};

/// What a thread writes: rows of kColumns results of kVector channels, down a strip.
template <class T, class W>
class Results {
 public:
  static constexpr int kVector = W::kVector;
  using Row = float[W::kColumns][kVector];
  using Packed = depthwise::Packed<T, kVector>;
  using Floats = depthwise::Packed<float, kVector>;

  /// The constants in `shared` are there after the next barrier.
  __device__ Results(const Writing<T>& writing, const Plan& plan, const Place& place, float* shared)
      : writing_(writing), plan_(plan), place_(place), layout_(plan, true) {
    const int first = static_cast<int>(blockIdx.x) * layout_.channels;
    factors_ = shared + (place.channel - first);
    moments_ = shared + 2 * layout_.channels + static_cast<int>(threadIdx.x) * kVector;
    for (int i = static_cast<int>(threadIdx.x); i < layout_.channels; i += blockDim.x) {
      const bool exists = first + i < plan.channels;
      shared[i] = exists ? writing.factor(first + i) : 0;
      shared[layout_.channels + i] = exists ? writing.addend(first + i) : 0;
    }
  }

  /// Of the thread's channels those that exist.
  __device__ int count() const { return min(plan_.channels - place_.channel, kVector); }

  __device__ void enter(const Strip& strip) {
    const int sample = strip.sample + place_.sample_lane;
    const int share = strip.column_strip * plan_.column_threads + place_.column_lane;
    const int first = share * W::kShareColumns + place_.column;
    const bool exists = sample < plan_.samples && place_.channel < plan_.channels;
    columns_ = exists ? min(ceil_div(plan_.result_w - first, W::kColumnStep), W::kColumns) : 0;
    const std::int64_t row = std::int64_t{sample} * plan_.result_h + strip.row;
    next_ = (row * plan_.result_w + first) * plan_.channels + place_.channel;
  }

  /// Makes the sums of the next row results and stores them.
  __device__ void store_row(Row& sums) {
    if (columns_ > 0) {
      if (!writing_.plain) finish(sums);
      Packed packed[W::kColumns];
      for (int i = 0; i < W::kColumns; ++i) packed[i] = Packed(sums[i]);
      T* const to = writing_.y + next_;
#pragma unroll
      for (int i = 0; i < W::kColumns; ++i) {
        if (plan_.aligned) {
          if (i < columns_) packed[i].store(to + i * W::kColumnStep * plan_.channels);
        } else {
          if (i < columns_) packed[i].store_some(to + i * W::kColumnStep * plan_.channels, count());
        }
      }
      if (writing_.moments != nullptr) add_moments(packed);
    }
    next_ += plan_.result_w * plan_.channels;
  }

  /// Writes the block's moments. `shared`: as of merge_lanes.
  __device__ void merge_moments(Moments* shared) {
    load_moments();
    Moments mine[kVector];
    for (int v = 0; v < kVector; ++v) mine[v] = running_.moments(v);
    if constexpr (W::kColumnStep > 1) merge_columns(mine);
    merge_lanes(plan_.channel_threads, plan_.lanes(), mine, shared);
    if (static_cast<int>(threadIdx.x) >= plan_.channel_threads) return;
    if (W::kColumnStep > 1 && place_.column != 0) return;
    Moments* const to = writing_.moments + std::int64_t{blockIdx.y} * plan_.channels;
    for (int v = 0; v < kVector; ++v) {
      if (v < count()) to[place_.channel + v] = mine[v];
    }
  }

 private:
  /// Into the first of kColumnStep neighbours, which are four lanes of channels apart.
  __device__ static void merge_columns(Moments (&mine)[kVector]) {
    for (int lanes = 4 * W::kColumnStep / 2; lanes >= 4; lanes /= 2) {
      for (Moments& each : mine) {
        each.merge({__shfl_down_sync(kAllLanes, each.count, lanes),
                    __shfl_down_sync(kAllLanes, each.mean, lanes),
                    __shfl_down_sync(kAllLanes, each.square, lanes)});
      }
    }
  }

  __device__ void finish(Row& sums) const {
    float factor[kVector], addend[kVector];
    Floats(factors_).unpack(factor);
    Floats(factors_ + layout_.channels).unpack(addend);
    for (int i = 0; i < W::kColumns; ++i) {
      for (int v = 0; v < kVector; ++v) sums[i][v] = sums[i][v] * factor[v] + addend[v];
    }
    if (writing_.residual != nullptr) add_residual(sums);
    with_activation(writing_.activation, [&]<nn::Activation kActivation>() {
      for (auto& column : sums) {
        for (float& value : column) value = nn::activate(kActivation, value);
      }
    });
  }

  __device__ void add_residual(Row& sums) const {
    const T* const from = writing_.residual + next_;
    for (int i = 0; i < W::kColumns; ++i) {
      if (i >= columns_) return;
      float residual[kVector] = {};
      if (plan_.aligned) {
        Packed(from + i * W::kColumnStep * plan_.channels).unpack(residual);
      } else {
        for (int v = 0; v < kVector; ++v) {
          if (v < count()) residual[v] = widen(from[i * W::kColumnStep * plan_.channels + v]);
        }
      }
      for (int v = 0; v < kVector; ++v) sums[i][v] += residual[v];
    }
  }

  __device__ void add_moments(const Packed (&stored)[W::kColumns]) {
    load_moments();
    for (int i = 0; i < W::kColumns; ++i) {
      float values[kVector];
      stored[i].unpack(values);
      if (i == 0) running_.begin(values);
      if (i < columns_) running_.add(values);
    }
    Floats(running_.first).store(moments_);
    Floats(running_.sum).store(moments_ + layout_.moments);
    Floats(running_.square).store(moments_ + 2 * layout_.moments);
  }
  __device__ void load_moments() {
    Floats(moments_).unpack(running_.first);
    Floats(moments_ + layout_.moments).unpack(running_.sum);
    Floats(moments_ + 2 * layout_.moments).unpack(running_.square);
  }

  const Writing<T>& writing_;
  const Plan& plan_;
  const Place& place_;
  ResultsLayout<T, W> layout_;
  float* factors_;
  float* moments_;
  RunningMoments<kVector> running_;  ///< its count stays in a register
  int columns_ = 0;                  ///< of the strip that exist
  std::int64_t next_ = 0;            ///< element of the next row
};

}  // namespace paretiny::cuda::depthwise

// What the depthwise kernels do on the way in and out (fusion.h), and sums over the lanes of a
// block that share their channels.
#pragma once

#include "kernels/core/cuda/reduce.h"
#include "kernels/nn/cuda/depthwise/depthwise_stream.h"
#include "kernels/nn/cuda/fixed_activation.h"
#include "kernels/nn/fusion.h"

namespace paretiny::cuda::depthwise {

/// A Prologue.
template <class T>
struct Reading {
  const float* scale = nullptr;
  const float* shift = nullptr;
  const T* gate = nullptr;
  nn::Activation activation = nn::Activation::none;
  bool any = false;

  explicit Reading(const nn::Prologue& prologue)
      : scale(prologue.scale.as<float>()),
        shift(prologue.shift.as<float>()),
        gate(prologue.gate.as<T>()),
        activation(prologue.activation),
        any(!prologue.empty()) {}
};

/// A bias and an Epilogue: y = activation(factor * p + addend + residual).
template <class T>
struct Writing {
  T* y;
  const float* bias = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
  const T* residual = nullptr;
  nn::Activation activation = nn::Activation::none;
  bool plain = true;           ///< y = p
  Moments* moments = nullptr;  ///< [blocks][channels], or null

  Writing(const View& to, const ConstView& b, const nn::Epilogue& epilogue)
      : y(to.as<T>()),
        bias(b.as<float>()),
        scale(epilogue.scale.as<float>()),
        shift(epilogue.shift.as<float>()),
        residual(epilogue.residual.as<T>()),
        activation(epilogue.activation),
        plain(bias == nullptr && scale == nullptr && residual == nullptr &&
              activation == nn::Activation::none) {}

  __device__ float factor(std::int64_t channel) const {
    return scale != nullptr ? scale[channel] : 1.0f;
  }
  __device__ float addend(std::int64_t channel) const {
    const float b = bias != nullptr ? bias[channel] : 0.0f;
    return scale != nullptr ? scale[channel] * b + shift[channel] : b;
  }
};

/// Reads what this thread copied of a stage through the prologue, in place, and rounds it as a
/// tensor between two ops would be; padding stays zero.
template <class S, class Cursor>
__device__ void read_through(const Reading<typename S::Element>& reading, const Source<S>& source,
                             const Plan& plan, const Place& place, const Cursor& at, uint4* stage) {
  using T = typename S::Element;
  const int sample = at.strip.sample + place.sample_lane;
  const int count = min(plan.channels - source.channel(), kPack<T>);
  if (sample >= plan.samples || count <= 0) return;
  float scale[kPack<T>], shift[kPack<T>], gate[kPack<T>];
  for (int i = 0; i < kPack<T>; ++i) {
    const int channel = source.channel() + min(i, count - 1);
    const std::int64_t gated = std::int64_t{sample} * plan.channels + channel;
    scale[i] = reading.scale != nullptr ? reading.scale[channel] : 1;
    shift[i] = reading.shift != nullptr ? reading.shift[channel] : 0;
    gate[i] = reading.gate != nullptr ? widen(reading.gate[gated]) : 1;
  }
  with_activation(reading.activation, [&]<nn::Activation kActivation>() {
    source.each_chunk(at.strip, at.step, at.end(), stage, [&](T* chunk) {
      Pack<T> pack = load_pack(chunk);
      for (int i = 0; i < kPack<T>; ++i) {
        pack.value[i] = nn::activate(kActivation, pack.value[i] * scale[i] + shift[i]);
      }
      if (reading.gate != nullptr) {
        for (int i = 0; i < kPack<T>; ++i) pack.value[i] *= gate[i];
      }
      store_pack(chunk, pack);
    });
  });
}

/// The moments of what a thread stores: sums of deviations from the first value of a channel, which
/// do not cancel where the mean is large.
template <int kVector>
struct RunningMoments {
  float count = 0;
  float first[kVector], sum[kVector], square[kVector];

  /// Before values are added: what they are likely to be near.
  __device__ void begin(const float (&values)[kVector]) {
    if (count != 0) return;
    for (int v = 0; v < kVector; ++v) {
      first[v] = values[v];
      sum[v] = square[v] = 0;
    }
  }

  __device__ void add(const float (&values)[kVector]) {
    for (int v = 0; v < kVector; ++v) {
      const float deviation = values[v] - first[v];
      sum[v] += deviation;
      square[v] += deviation * deviation;
    }
    count += 1;
  }

  __device__ Moments moments(int v) const {
    if (count == 0) return {};
    const float mean = sum[v] / count;
    return {count, first[v] + mean, square[v] - sum[v] * mean};
  }
};

/// Merges what the threads of a block that share their channels have into the first one's, pair by
/// pair in a fixed order: mine[k].merge(other). Threads: `width` channel lanes of each of `lanes`.
template <class Sum, int kCount>
__device__ void merge_lanes(int width, int lanes, Sum (&mine)[kCount], Sum* shared) {
  const int thread = static_cast<int>(threadIdx.x);
  while (lanes > 1) {
    const int half = (lanes + 1) / 2 * width;
    const int others = lanes * width - half;
    if (thread >= half && thread < half + others) {
      for (int k = 0; k < kCount; ++k) shared[k * others + thread - half] = mine[k];
    }
    __syncthreads();
    if (thread < others) {
      for (int k = 0; k < kCount; ++k) mine[k].merge(shared[k * others + thread]);
    }
    __syncthreads();
    lanes = (lanes + 1) / 2;
  }
}

/// Shared memory of merge_lanes.
template <class Sum, int kCount>
std::size_t merge_lanes_bytes(int width, int lanes) {
  return static_cast<std::size_t>(kCount * width * (lanes / 2)) * sizeof(Sum);
}

}  // namespace paretiny::cuda::depthwise

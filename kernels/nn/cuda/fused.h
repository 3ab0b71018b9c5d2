// Prologue and Epilogue (kernels/nn/fusion.h) as kernels over pixels x channels take them.
#pragma once

#include "kernels/core/cuda/vector.h"
#include "kernels/nn/cuda/fixed_activation.h"
#include "kernels/nn/fusion.h"

namespace paretiny::cuda {

/// x[i] = activate(activation, x[i]), with one branch for all of them.
template <int kCount>
__device__ void activate_all(nn::Activation activation, float (&x)[kCount]) {
  with_activation(activation, [&]<nn::Activation kActivation>() {
    for (int i = 0; i < kCount; ++i) x[i] = nn::activate(kActivation, x[i]);
  });
}

/// A Prologue over rows of channels, one a pixel.
struct InputTransform {
  const float* scale = nullptr;
  const float* shift = nullptr;
  const void* gate = nullptr;  ///< a row for each image, of the type of the input
  std::uint32_t pixels = 1;    ///< of an image; there are fewer than 2^32 in all
  nn::Activation activation = nn::Activation::none;
  bool any = false;
  bool aligned = false;  ///< scale, shift and bf16 rows of the gate can be read 16 bytes at a time

  InputTransform() = default;
  InputTransform(const nn::Prologue& prologue, const Shape& input)
      : scale(prologue.scale.as<float>()),
        shift(prologue.shift.as<float>()),
        gate(prologue.gate.data),
        pixels(static_cast<std::uint32_t>(input.h * input.w)),
        activation(prologue.activation),
        any(!prologue.empty()),
        aligned(packs(scale, input.c) && packs(shift, input.c) &&
                packs(static_cast<const bf16*>(gate), input.c)) {}

  /// Four of the values from `channel` on, of which `count` exist; `absent` where there are none.
  __device__ Pack<float> four(const float* values, int channel, int count, float absent) const {
    if (values == nullptr) return {{absent, absent, absent, absent}};
    return aligned ? load_pack(values + channel) : load_some(values + channel, count);
  }
  __device__ std::int64_t image(std::int64_t pixel) const {
    return static_cast<std::uint32_t>(pixel) / pixels;
  }
};

/// A Prologue of bf16 for the kPack channels from `channel` on, of `channels`, of which some may
/// not exist.
struct PackTransform {
  const InputTransform& input;
  int channel, channels;
  float scale[kPack<bf16>], shift[kPack<bf16>];
  std::int64_t image = -1;  ///< whose gate is here
  Pack<bf16> gate{};

  __device__ PackTransform(const InputTransform& of, int first, int all)
      : input(of), channel(first), channels(all) {
    for (int k = 0; k < kPack<bf16>; k += 4) {
      const Pack<float> factor = input.four(input.scale, channel + k, count() - k, 1);
      const Pack<float> addend = input.four(input.shift, channel + k, count() - k, 0);
      for (int i = 0; i < 4; ++i) {
        scale[k + i] = factor.value[i];
        shift[k + i] = addend.value[i];
      }
    }
  }
  __device__ int count() const { return channels - channel; }

  /// x of a pixel of image `now`, which counts where there is a gate.
  __device__ void apply(Pack<bf16>& x, std::int64_t now) {
    for (int k = 0; k < kPack<bf16>; ++k) x.value[k] = scale[k] * x.value[k] + shift[k];
    activate_all(input.activation, x.value);
    if (input.gate == nullptr) return;
    if (now != image) {
      const bf16* from = static_cast<const bf16*>(input.gate) + now * channels + channel;
      gate = input.aligned ? load_pack(from) : load_some(from, count());
      image = now;
    }
    for (int k = 0; k < kPack<bf16>; ++k) x.value[k] *= gate.value[k];
  }
};

/// Bias and Epilogue without the statistics: activation(factor * p + addend + residual).
struct OutputTransform {
  const float* bias = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
  const void* residual = nullptr;
  nn::Activation activation = nn::Activation::none;

  OutputTransform() = default;
  OutputTransform(const ConstView& b, const nn::Epilogue& epilogue)
      : bias(b.as<float>()),
        scale(epilogue.scale.as<float>()),
        shift(epilogue.shift.as<float>()),
        residual(epilogue.residual.data),
        activation(epilogue.activation) {}

  /// Whether it does no more than add a bias.
  bool plain() const {
    return scale == nullptr && residual == nullptr && activation == nn::Activation::none;
  }
  __device__ float factor(std::int64_t channel) const {
    return scale != nullptr ? scale[channel] : 1.0f;
  }
  __device__ float addend(std::int64_t channel) const {
    const float b = bias != nullptr ? bias[channel] : 0.0f;
    return scale != nullptr ? scale[channel] * b + shift[channel] : b;
  }
};

}  // namespace paretiny::cuda

// What a program does where it may choose: the answer of its device, which alone knows its kernels.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

struct Preferences {
  /// Dense and pointwise convolutions take, for activations in bf16, weights in bf16 as well as in
  /// f32, which their tensor cores want rounded to it, and gain by it.
  bool bf16_weights = false;
  /// Tensors whose channels are no multiple of it are slower by more than dead channels up to it
  /// would cost.
  std::int64_t channel_multiple = 1;
};

Preferences preferences(Stream&, DType activations);

namespace twins {
extern Op<decltype(preferences)> preferences;
}  // namespace twins

}  // namespace paretiny::nn

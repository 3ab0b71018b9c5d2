// Where there is more than one way to do a thing on a GPU: which is taken. All such choices stand
// in one table (variants.cu), to be edited when a GPU has measured them; docs/kernels.md says why
// they are what they are. Every variant keeps the contract; sums may round otherwise.
//
// PARETINY_CUDA_VARIANTS=launch=dependent,conv_forward=gather in the environment overrules the
// table for a whole program, such as a test. Words that it does not know are a UsageError.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/core/tensor.h"

namespace paretiny::cuda {

enum class Choice {
  launch,
  weights,
  channels,
  depthwise_3x3,
  depthwise_5x5,
  conv_input,
  conv_forward,
  conv_backward_data
};

enum class Variant {
  serial,        ///< of launch: a kernel starts when the one before it has ended
  dependent,     ///< in recordings a kernel that can wait starts before that (dependent_launch.h)
  cast_each,     ///< of weights in bf16: a pass that needs them so casts the f32 ones
  cast_once,     ///< the optimiser's step does, for all passes
  packed,        ///< channels of networks lie one behind the other
  padded,        ///< dead ones fill up packs of 16 bytes (engine/compress/padding.h)
  fma,           ///< of depthwise convolutions of stride 1 in bf16: products in f32
  diagonals,     ///< products with diagonal matrices, on tensor cores (depthwise_diagonals.cu)
  stored,        ///< a batch norm before a dense convolution is applied and stored
  read_through,  ///< a convolution by `halo` applies it on the way in
  cudnn,         ///< of convolutions: NVIDIA's where it takes the job, else as `halo`
  halo,          ///< conv_halo.cu where it takes the job, else as `gather`
  gather,        ///< conv_gather.cu
};

/// What is chosen for a layer of this type with so many channels on its narrower side; `launch`
/// knows neither, `weights` and `channels` no channels.
Variant variant_of(Choice choice, DType dtype = DType::f32, std::int64_t channels = 0);

/// "gather", as benchmarks name it.
std::string_view name_of(Variant variant);

/// While it lives, `choice` is `variant` for what the calling thread gives to streams. What is
/// recorded stays as it was recorded.
class UseVariant {
 public:
  UseVariant(Choice choice, Variant variant);
  ~UseVariant();
  UseVariant(const UseVariant&) = delete;
  UseVariant& operator=(const UseVariant&) = delete;

 private:
  Choice choice_;
  int before_;
};

}  // namespace paretiny::cuda

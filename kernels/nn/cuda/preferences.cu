#include "kernels/core/cuda/variants.h"
#include "kernels/nn/preferences.h"

namespace paretiny::cuda {
namespace {

nn::Preferences preferences(Stream&, DType activations) {
  nn::Preferences prefers;
  prefers.bf16_weights =
      activations == DType::bf16 && variant_of(Choice::weights, activations) == Variant::cast_once;
  if (variant_of(Choice::channels, activations) == Variant::padded) {
    prefers.channel_multiple = 16 / static_cast<std::int64_t>(size_of(activations));
  }
  return prefers;
}

const Twin twin(nn::twins::preferences, DeviceKind::cuda, preferences);

}  // namespace
}  // namespace paretiny::cuda

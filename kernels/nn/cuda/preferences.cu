#include "kernels/core/cuda/variants.h"
#include "kernels/nn/preferences.h"

namespace paretiny::cuda {
namespace {

nn::Preferences preferences(Stream&, DType activations) {
  return {.bf16_weights = activations == DType::bf16 &&
                          variant_of(Choice::weights, activations) == Variant::cast_once};
}

const Twin twin(nn::twins::preferences, DeviceKind::cuda, preferences);

}  // namespace
}  // namespace paretiny::cuda

// oneDNN reorders weights in every pass, whatever their type.
#include "kernels/nn/preferences.h"

namespace paretiny::cpu {
namespace {

nn::Preferences preferences(Stream&, DType) {
  return {};
}

const Twin twin(nn::twins::preferences, DeviceKind::cpu, preferences);

}  // namespace
}  // namespace paretiny::cpu

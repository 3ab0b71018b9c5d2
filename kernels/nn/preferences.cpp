#include "kernels/nn/preferences.h"

namespace paretiny::nn {

namespace twins {
constinit Op<decltype(nn::preferences)> preferences("preferences");
}  // namespace twins

Preferences preferences(Stream& stream, DType activations) {
  return twins::preferences(stream, activations);
}

}  // namespace paretiny::nn

// NVIDIA's libraries (kernels/nn/cuda/libraries.h) on the SIMT twin: there are none, so that our
// own kernels do every job.
#include "kernels/nn/cuda/libraries.h"

namespace paretiny::cuda {

std::string library_versions() {
  return "no libraries";
}

std::optional<std::size_t> cudnn_conv_scratch_bytes(Stream&, const nn::ConvShape&, DType,
                                                    ConvPass) {
  return std::nullopt;
}
bool cudnn_conv_forward(Stream&, const nn::ConvShape&, ConstView, ConstView, View) {
  return false;
}
bool cudnn_conv_backward_data(Stream&, const nn::ConvShape&, ConstView, ConstView, View) {
  return false;
}
bool cudnn_conv_backward_weights(Stream&, const nn::ConvShape&, ConstView, ConstView, View) {
  return false;
}

std::optional<std::size_t> cublaslt_scratch_bytes(Stream&, const Product&) {
  return std::nullopt;
}
bool cublaslt_product(Stream&, const Product&, const float*, const float*, const float*, float*) {
  return false;
}

}  // namespace paretiny::cuda

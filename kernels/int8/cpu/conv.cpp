// Chooses the way of the int8 convolution.
#include "kernels/int8/cpu/conv.h"

namespace paretiny::cpu {
namespace {

void conv(Stream& stream, const nn::ConvShape& shape, const int8::Int8LayerParameters& parameters,
          const int8::Int8LayerTensors& t) {
  const auto way = int8_conv_fits_onednn(t.w) ? int8_conv_onednn : int8_conv_loops;
  way(stream, shape, parameters, t);
}

const Twin conv_twin(int8::twins::int8_conv, DeviceKind::cpu, conv);

}  // namespace
}  // namespace paretiny::cpu

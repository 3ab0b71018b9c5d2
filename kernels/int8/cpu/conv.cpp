// Chooses the way of the int8 convolution.
#include "kernels/int8/cpu/conv.h"

namespace paretiny::cpu {
namespace {

void conv(Stream& stream, const ConvShape& shape, const Int8LayerParameters& parameters,
          ConstView x, ConstView w, ConstView b, ConstView multipliers, ConstView shifts, View y) {
  const auto way = int8_conv_fits_onednn(w) ? int8_conv_onednn : int8_conv_loops;
  way(stream, shape, parameters, x, w, b, multipliers, shifts, y);
}

const Twin conv_twin(twins::int8_conv, DeviceKind::cpu, conv);

}  // namespace
}  // namespace paretiny::cpu

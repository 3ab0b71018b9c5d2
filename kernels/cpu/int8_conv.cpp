// Chooses the way of the int8 convolution.
#include "kernels/cpu/int8_conv.h"

namespace paretiny::cpu {
namespace {

const Twin conv_twin(twins::int8_conv, DeviceKind::cpu, int8_conv_loops);

}  // namespace
}  // namespace paretiny::cpu

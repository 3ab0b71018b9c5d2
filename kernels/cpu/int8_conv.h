// The two ways of the int8 convolution on the CPU. They give the same result to the bit.
#pragma once

#include "kernels/int8.h"

namespace paretiny::cpu {

/// Products of 16-bit numbers into 32-bit sums, in loops: any processor, any weights.
void int8_conv_loops(Stream&, const ConvShape&, const Int8LayerParameters&, ConstView x,
                     ConstView w, ConstView b, ConstView multipliers, ConstView shifts, View y);

}  // namespace paretiny::cpu

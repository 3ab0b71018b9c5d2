// The two ways of the int8 convolution on the CPU. They give the same result to the bit.
#pragma once

#include "kernels/int8/int8.h"

namespace paretiny::cpu {

/// Products of 16-bit numbers into 32-bit sums, in loops: any processor, any weights.
void int8_conv_loops(Stream&, const nn::ConvShape&, const int8::Int8LayerParameters&,
                     const int8::Int8LayerTensors&);

/// oneDNN's int8 convolution into 32-bit sums, requantized here. Only where
/// `int8_conv_fits_onednn`.
void int8_conv_onednn(Stream&, const nn::ConvShape&, const int8::Int8LayerParameters&,
                      const int8::Int8LayerTensors&);

/// Whether oneDNN's sums are exact for these weights on this processor. Without VNNI or AMX it adds
/// pairs of products in 16 bits, which saturate. With them it adds in 32 bits, inputs shifted to
/// 0 .. 255, but may pass the sums through floats: 256 times the positive weights of a filter, and
/// the negative ones, must stay within 2^24.
bool int8_conv_fits_onednn(ConstView w);

}  // namespace paretiny::cpu

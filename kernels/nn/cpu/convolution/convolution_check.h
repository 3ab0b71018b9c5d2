// Whether an implementation of a convolution is right. Libraries compute some shapes wrong (oneDNN
// 2.6: bf16 weight gradients of images one pixel wide, strided pixels of few channels on AVX2), and
// which ones depends on the version and the processor; so each is asked once, for its very shape.
//
// The operands are small whole numbers, of which every sum is exact in whatever order it is taken:
// a right result is right to the last bit. It is compared through one random weighted sum of all
// its elements, in integers modulo 2^64 (Freivalds, "Probabilistic machines can use less running
// time", 1977), which costs as much as a single channel of the convolution; a wrong result passes
// once in 2^32 times.
#pragma once

#include <functional>

#include "kernels/nn/cpu/convolution/convolution.h"

namespace paretiny::cpu {

/// `run` computes `convolution` in `direction` once. What it must not read is NaN, and so is what
/// it must write; the operands begin where the batch's later samples would.
bool computes_right(const Convolution& convolution, Direction direction, bool bias,
                    const std::function<void(const ConvolutionData&)>& run);

/// The same for a forward pass of s8 into s32, without bias.
bool computes_int8_right(const Convolution& convolution,
                         const std::function<void(const ConvolutionData&)>& run);

}  // namespace paretiny::cpu

#pragma once

#include "kernels/nn/cpu/convolution/convolution.h"

namespace paretiny::cpu {

/// Any convolution in any direction, in loops along the channels; no scratch. Several times slower
/// than oneDNN: for the shapes that oneDNN computes wrong.
void convolution_loops(const Convolution& convolution, Direction direction,
                       const ConvolutionData& data);

}  // namespace paretiny::cpu

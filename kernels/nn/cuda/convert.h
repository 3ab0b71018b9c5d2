// Arrays from one float type to the other: weights for tensor cores, and gradients back.
#pragma once

#include <cstdint>

#include "kernels/core/stream.h"
#include "kernels/core/tensor.h"

namespace paretiny::cuda {

/// to[i] = from[i] for i < count; to bf16 rounded to nearest even.
void convert(Stream& stream, const float* from, bf16* to, std::int64_t count);
void convert(Stream& stream, const bf16* from, float* to, std::int64_t count);

}  // namespace paretiny::cuda

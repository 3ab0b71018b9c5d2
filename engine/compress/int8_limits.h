// What the numbers of an int8 network keep to, so that its integers stay in 32 bits and every form
// of it (model file, C code, TFLite, ONNX) can hold it. The quantizer makes no other network and
// the reader of model files takes no other. Each check throws DataError with what is out of range.
#pragma once

#include <cstdint>

#include "engine/compress/int8_network.h"

namespace paretiny::compress {

/// Scales keep to these, so that input * weight / output, which lies between 2^-104 and 2^88 then,
/// is a normal float.
inline constexpr double kLeastScale = 0x1p-40;
inline constexpr double kMostScale = 0x1p24;

/// `whose`: "a tensor's", "a weight's".
void check_scale(double scale, const char* whose);

/// A multiplier is a ratio of an input's scale to the output's and must stay below 2^31.
void check_ratio(double input_scale, double output_scale);
/// The ratio of an addition, a product of two tensors.
void check_add_ratio(const int8::Quantization& a, const int8::Quantization& b,
                     const int8::Quantization& y);
void check_mul_ratio(const int8::Quantization& a, const int8::Quantization& b,
                     const int8::Quantization& y);

/// Whether no input can take the sum of a channel, bias and products, out of 32 bits. `weights`:
/// `taps` of them, `stride` apart.
bool sum_fits(const std::int8_t* weights, std::int64_t taps, std::int64_t stride,
              std::int32_t bias);

}  // namespace paretiny::compress

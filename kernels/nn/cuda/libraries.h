// What NVIDIA's libraries are asked for first. Each function says whether it took the job; where it
// returns false our own kernel does it. The test machine of tests/simt has none.
// Algorithms come from a library's own heuristics, never from timing, and only those that give the
// same bits every time; they are chosen once a shape and kept with the stream.
#pragma once

#include <optional>

#include "kernels/core/cuda/libraries.h"
#include "kernels/nn/conv.h"

namespace paretiny::cuda {

enum class ConvPass { forward, backward_data, backward_weights };

/// What cuDNN's convolution takes from the stream's arena: workspace and bf16 copies of weights.
/// Nothing where cuDNN declines: shapes that it has no exact, deterministic engine for, or none
/// that does with a 64th of the device's memory as workspace. Also chooses the algorithm, so that
/// nothing is left to choose while a graph is captured.
std::optional<std::size_t> cudnn_conv_scratch_bytes(Stream&, const nn::ConvShape&,
                                                    DType activations, ConvPass);

/// As in conv.h, without bias. In bf16 weights are rounded to bf16, and so is dw, since no engine
/// has an f32 output for bf16 inputs: an error of 2^-9 of each value. Tensors that are not aligned
/// to 16 bytes are declined.
[[nodiscard]] bool cudnn_conv_forward(Stream&, const nn::ConvShape&, ConstView x, ConstView w,
                                      View y);
[[nodiscard]] bool cudnn_conv_backward_data(Stream&, const nn::ConvShape&, ConstView dy,
                                            ConstView w, View dx);
[[nodiscard]] bool cudnn_conv_backward_weights(Stream&, const nn::ConvShape&, ConstView x,
                                               ConstView dy, View dw);

/// Matrices of f32, rows one after another: d [rows x columns] = a b + bias.
struct Product {
  std::int64_t rows = 0, columns = 0, depth = 0;
  bool a_transposed = false;  ///< a lies as [depth x rows], else [rows x depth]
  bool b_transposed = false;  ///< b lies as [columns x depth], else [depth x columns]
};

/// What the product takes from the stream's arena, or nothing where cuBLASLt declines it.
std::optional<std::size_t> cublaslt_scratch_bytes(Stream&, const Product&);

/// In f32 throughout (no TF32), bias fused: a value a column, or null. All four aligned to 16
/// bytes, or it declines.
[[nodiscard]] bool cublaslt_product(Stream&, const Product&, const float* a, const float* b,
                                    const float* bias, float* d);

}  // namespace paretiny::cuda

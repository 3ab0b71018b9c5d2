// Pointwise layers of bf16 on tensor cores.
#pragma once

#include "kernels/core/stream.h"
#include "kernels/nn/cuda/fused.h"

namespace paretiny::cuda {

/// y [pixels, columns] = x [pixels, inner] times weights, all dense rows, of bf16; weights also of
/// f32.
struct PixelProduct {
  std::int64_t pixels;
  std::int64_t inner, columns;
  const void* x;
  ConstView weights;
  bool inner_first;  ///< weights are [inner, columns], else [columns, inner]
  void* y;
};

/// With a Prologue and an Epilogue where weights are [columns, inner]. False, and nothing done,
/// where not even 16 columns of the weights fit into shared memory: a job for product.h.
[[nodiscard]] bool pixel_product(Stream& stream, const char* name, const PixelProduct& product,
                                 const InputTransform& input = {},
                                 const OutputTransform& output = {}, View mean = {},
                                 View variance = {});

std::size_t pixel_product_scratch_bytes(Stream& stream, const PixelProduct& product);

/// dw [rows, columns] = the transpose of dy [pixels, rows] times x [pixels, columns]; db [rows], or
/// null: the sums of dy's columns.
struct WeightProduct {
  std::int64_t pixels;
  std::int64_t rows, columns;
  const void* dy;
  const void* x;
  float* dw;
  float* db;
};

void weight_product(Stream& stream, const char* name, const WeightProduct& product,
                    const InputTransform& input = {});

std::size_t weight_product_scratch_bytes(Stream& stream, const WeightProduct& product);

}  // namespace paretiny::cuda

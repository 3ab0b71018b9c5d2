// Pointwise layers of bf16 on tensor cores. Each function says whether it took the job; what it
// declines (weights of which not even 16 columns fit into shared memory) is left to product.h.
#pragma once

#include "kernels/cuda/fused.h"
#include "kernels/stream.h"

namespace paretiny::cuda {

/// y [pixels, columns] = x [pixels, inner] times weights, all dense rows of bf16 but the weights.
struct PixelProduct {
  std::int64_t pixels;
  std::int64_t inner, columns;
  const void* x;
  const float* weights;
  bool inner_first;  ///< weights are [inner, columns], else [columns, inner]
  void* y;
};

/// With a Prologue and an Epilogue where weights are [columns, inner].
bool pixel_product(Stream& stream, const char* name, const PixelProduct& product,
                   const InputTransform& input = {}, const OutputTransform& output = {},
                   View mean = {}, View variance = {});

std::size_t pixel_product_scratch_bytes(Stream& stream, const PixelProduct& product);

}  // namespace paretiny::cuda

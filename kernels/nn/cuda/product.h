// Matrix products of any sizes, strides and types in plain float arithmetic: exact f32 layers, the
// classifier, and whatever the tensor-core kernels of pointwise layers do not take.
#pragma once

#include "kernels/core/stream.h"
#include "kernels/nn/cuda/fused.h"

namespace paretiny::cuda {

/// f32 or bf16; element (r, c) lies at data[r * row_step + c * column_step].
struct Matrix {
  const void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t rows = 0, columns = 0;
  std::int64_t row_step = 0, column_step = 1;

  /// Dense rows.
  static Matrix of(const ConstView& tensor, std::int64_t rows, std::int64_t columns) {
    return {tensor.data, tensor.dtype, rows, columns, columns, 1};
  }
  Matrix transposed() const { return {data, dtype, columns, rows, column_step, row_step}; }
};

/// What a product does besides multiplying; none of it unless set.
struct ProductExtras {
  InputTransform a{}, b{};      ///< of a's and b's elements, a row a pixel and a column a channel
  OutputTransform output{};     ///< of y's
  View mean{}, variance{};      ///< of the stored y a column, biased
  float* a_row_sums = nullptr;  ///< [a.rows]
};

/// y = a b, dense rows [a.rows, b.columns] of f32 or bf16. Sums in a fixed order; where y is small
/// and a.columns large the sum is split over blocks and merged through scratch.
void product(Stream& stream, const char* name, const Matrix& a, const Matrix& b, View y,
             const ProductExtras& extras = {});

/// The most scratch that `product` takes, in bytes.
std::size_t product_scratch_bytes(Stream& stream, std::int64_t rows, std::int64_t columns,
                                  std::int64_t inner);

}  // namespace paretiny::cuda

// Cholesky factors and their inverses, batched, of whole matrices or of their leading parts.
#pragma once

#include <string>

#include "kernels/core/cuda/launch.h"

namespace paretiny::cuda {

/// Items of room x room by rows, of which the leading n x n part counts.
struct SquareBatch {
  std::int64_t items;
  int room;
  const std::int32_t* counts = nullptr;  ///< n of item i is counts[i / share]; null: n is room
  std::int64_t share = 1;

  __host__ __device__ int used(std::int64_t item) const {
    return counts == nullptr ? room : counts[item / share];
  }
  __host__ __device__ std::int64_t offset(std::int64_t item) const { return item * room * room; }
};

/// l[i] = the root of source[i], zeros above the diagonal; jitter[i] as in `cholesky`, with NaN the
/// lower triangle is NaN. Only the lower triangle of source[i] is read; the two must not overlap.
void factorise(Stream& stream, const char* name, const SquareBatch& batch, const double* source,
               double* l, double* jitter);

/// inverse[i] = l[i]^-1, continued by the identity. Only the lower triangle of l[i] is read.
void invert(Stream& stream, const char* name, const SquareBatch& batch, const double* l,
            double* inverse);

/// Rows and columns that are taken at a time.
inline constexpr int kPanel = 16;

/// A 16 x 16 block on the diagonal; its inverse diagonal.
struct Corner {
  double l[kPanel][kPanel + 1];
  double inverse[kPanel];
};

/// Throws where `bytes` of shared memory, for matrices of `room` rows, are more than a block can
/// have.
void check_room(Stream& stream, const char* name, std::size_t bytes, int room);

}  // namespace paretiny::cuda

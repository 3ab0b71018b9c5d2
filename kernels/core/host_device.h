// What marks functions that CUDA kernels and host code share, and the arithmetic of pieces for
// both.
#pragma once

#include <type_traits>

#ifdef __CUDACC__
#define PARETINY_HOST_DEVICE __host__ __device__
#else
#define PARETINY_HOST_DEVICE
#endif

namespace paretiny {

/// How many pieces of `size` hold `count`: count / size, rounded up. count > -size, size > 0.
template <class Count, class Size>
PARETINY_HOST_DEVICE constexpr std::common_type_t<Count, Size> ceil_div(Count count, Size size) {
  using Wide = std::common_type_t<Count, Size>;
  const auto whole = static_cast<Wide>(size);
  return (static_cast<Wide>(count) + whole - 1) / whole;
}

/// The first multiple of `size` that is not below `count`.
template <class Count, class Size>
PARETINY_HOST_DEVICE constexpr std::common_type_t<Count, Size> round_up(Count count, Size size) {
  return ceil_div(count, size) * static_cast<std::common_type_t<Count, Size>>(size);
}

}  // namespace paretiny

// The sliding window of convolutions and pools.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/core/host_device.h"
#include "kernels/core/tensor.h"

namespace paretiny::nn {

/// Kernel, stride and zero padding, in elements. A time series has kernel_h = stride_h = 1.
struct Window {
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;

  friend bool operator==(const Window&, const Window&) = default;

  std::int64_t out_h(std::int64_t h) const { return (h + top + bottom - kernel_h) / stride_h + 1; }
  std::int64_t out_w(std::int64_t w) const { return (w + left + right - kernel_w) / stride_w + 1; }

  bool valid(std::int64_t h, std::int64_t w) const {
    return kernel_h > 0 && kernel_w > 0 && stride_h > 0 && stride_w > 0 && top >= 0 && left >= 0 &&
           bottom >= 0 && right >= 0 && h + top + bottom >= kernel_h &&
           w + left + right >= kernel_w;
  }

  /// "Same" padding of an h x w input: ceil(in / stride) outputs, the odd element at the bottom and
  /// right (TensorFlow's rule).
  static Window same(std::int64_t h, std::int64_t w, std::int64_t kernel_h, std::int64_t kernel_w,
                     std::int64_t stride_h, std::int64_t stride_w) {
    const auto total = [](std::int64_t in, std::int64_t kernel, std::int64_t stride) {
      return std::max<std::int64_t>((ceil_div(in, stride) - 1) * stride + kernel - in, 0);
    };
    const std::int64_t y = total(h, kernel_h, stride_h);
    const std::int64_t x = total(w, kernel_w, stride_w);
    return {kernel_h, kernel_w, stride_h, stride_w, y / 2, x / 2, y - y / 2, x - x / 2};
  }
};

}  // namespace paretiny::nn

// Which positions of a pool's input and output meet: the same on every device.
#pragma once

#include "kernels/core/host_device.h"
#include "kernels/nn/pool.h"

namespace paretiny::nn {

/// A half-open interval of positions.
template <class Int>
struct PoolRange {
  Int begin, end;
  PARETINY_HOST_DEVICE Int size() const { return end - begin; }
};

/// One direction, h or w, of a pool. `Int` is what the device counts in.
template <class Int>
struct PoolAxis {
  Int in, out, kernel, stride, before;

  /// The input positions in the window of output position o, without padding.
  PARETINY_HOST_DEVICE PoolRange<Int> held(Int o) const {
    const Int first = o * stride - before;
    return {first < 0 ? 0 : first, first + kernel < in ? first + kernel : in};
  }
  /// The output positions whose windows hold input position i.
  PARETINY_HOST_DEVICE PoolRange<Int> over(Int i) const {
    const Int last = i + before;  // of the positions o with o * stride <= i + before
    const Int first = last - kernel + 1;
    const Int end = last / stride + 1;
    return {first <= 0 ? 0 : ceil_div(first, stride), end < out ? end : out};
  }
};

template <class Int>
struct PoolWindows {
  PoolAxis<Int> h, w;

  explicit PoolWindows(const PoolShape& shape) {
    const Shape &in = shape.input, out = shape.output();
    const Window& window = shape.window;
    h = axis(in.h, out.h, window.kernel_h, window.stride_h, window.top);
    w = axis(in.w, out.w, window.kernel_w, window.stride_w, window.left);
  }

 private:
  static PoolAxis<Int> axis(std::int64_t in, std::int64_t out, std::int64_t kernel,
                            std::int64_t stride, std::int64_t before) {
    return {static_cast<Int>(in), static_cast<Int>(out), static_cast<Int>(kernel),
            static_cast<Int>(stride), static_cast<Int>(before)};
  }
};

}  // namespace paretiny::nn

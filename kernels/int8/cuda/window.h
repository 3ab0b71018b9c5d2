// What the int8 kernels that slide a window need to know of it.
#pragma once

#include <cstdint>

#include "kernels/nn/window.h"

namespace paretiny::cuda {

struct Int8Window {
  std::int64_t pixels;  ///< of y
  int h, w, c;          ///< of x
  int out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w, top, left;

  Int8Window(const Shape& in, const Shape& out, const nn::Window& window)
      : pixels(out.n * out.h * out.w),
        h(static_cast<int>(in.h)),
        w(static_cast<int>(in.w)),
        c(static_cast<int>(in.c)),
        out_h(static_cast<int>(out.h)),
        out_w(static_cast<int>(out.w)),
        kernel_h(static_cast<int>(window.kernel_h)),
        kernel_w(static_cast<int>(window.kernel_w)),
        stride_h(static_cast<int>(window.stride_h)),
        stride_w(static_cast<int>(window.stride_w)),
        top(static_cast<int>(window.top)),
        left(static_cast<int>(window.left)) {}
};

}  // namespace paretiny::cuda

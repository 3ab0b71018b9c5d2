// Pooling, NHWC, f32 or bf16. Padding is never counted.
#pragma once

#include "kernels/core/dispatch.h"
#include "kernels/core/tensor.h"
#include "kernels/nn/window.h"

namespace paretiny::nn {

struct PoolShape {
  Shape input;
  Window window;  ///< every window must hold at least one element of the input

  Shape output() const { return {input.n, window.out_h(input.h), window.out_w(input.w), input.c}; }
};

void max_pool_forward(Stream&, const PoolShape&, ConstView x, View y);

/// The gradient goes to the first of equal largest elements. dx is overwritten.
void max_pool_backward(Stream&, const PoolShape&, ConstView x, ConstView dy, View dx);

/// Mean of the window's elements that lie inside the input.
void average_pool_forward(Stream&, const PoolShape&, ConstView x, View y);
void average_pool_backward(Stream&, const PoolShape&, ConstView dy, View dx);

/// x: [n, h, w, c] -> y: [n, 1, 1, c].
void global_average_pool_forward(Stream&, ConstView x, View y);
void global_average_pool_backward(Stream&, ConstView dy, View dx);

namespace twins {
extern Op<decltype(max_pool_forward)> max_pool_forward;
extern Op<decltype(max_pool_backward)> max_pool_backward;
extern Op<decltype(average_pool_forward)> average_pool_forward;
extern Op<decltype(average_pool_backward)> average_pool_backward;
extern Op<decltype(global_average_pool_forward)> global_average_pool_forward;
extern Op<decltype(global_average_pool_backward)> global_average_pool_backward;
}  // namespace twins

}  // namespace paretiny::nn

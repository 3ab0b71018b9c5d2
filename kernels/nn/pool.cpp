#include "kernels/nn/pool.h"

#include "kernels/core/check.h"

namespace paretiny::nn {
namespace {

/// Every window holds an element when the padding on each side is smaller than the kernel.
void check_pool(const char* op, const PoolShape& shape) {
  const Window& window = shape.window;
  check(shape.input.elements() > 0 && window.valid(shape.input.h, shape.input.w), op,
        "the window does not fit input " + to_string(shape.input));
  check(window.top < window.kernel_h && window.bottom < window.kernel_h &&
            window.left < window.kernel_w && window.right < window.kernel_w,
        op, "padding must be smaller than the kernel, else a window holds no element");
}

Shape pooled_globally(const Shape& x) {
  return {x.n, 1, 1, x.c};
}

}  // namespace

namespace twins {
constinit Op<decltype(nn::max_pool_forward)> max_pool_forward("max_pool_forward");
constinit Op<decltype(nn::max_pool_backward)> max_pool_backward("max_pool_backward");
constinit Op<decltype(nn::average_pool_forward)> average_pool_forward("average_pool_forward");
constinit Op<decltype(nn::average_pool_backward)> average_pool_backward("average_pool_backward");
constinit Op<decltype(nn::global_average_pool_forward)> global_average_pool_forward(
    "global_average_pool_forward");
constinit Op<decltype(nn::global_average_pool_backward)> global_average_pool_backward(
    "global_average_pool_backward");
}  // namespace twins

void max_pool_forward(Stream& stream, const PoolShape& shape, ConstView x, View y) {
  const char* op = "max_pool_forward";
  check_pool(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "y", y, shape.output(), {x.dtype});
  twins::max_pool_forward(stream, shape, x, y);
}

void max_pool_backward(Stream& stream, const PoolShape& shape, ConstView x, ConstView dy, View dx) {
  const char* op = "max_pool_backward";
  check_pool(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "dy", dy, shape.output(), {x.dtype});
  check_tensor(op, "dx", dx, shape.input, {x.dtype});
  twins::max_pool_backward(stream, shape, x, dy, dx);
}

void average_pool_forward(Stream& stream, const PoolShape& shape, ConstView x, View y) {
  const char* op = "average_pool_forward";
  check_pool(op, shape);
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
  check_tensor(op, "y", y, shape.output(), {x.dtype});
  twins::average_pool_forward(stream, shape, x, y);
}

void average_pool_backward(Stream& stream, const PoolShape& shape, ConstView dy, View dx) {
  const char* op = "average_pool_backward";
  check_pool(op, shape);
  check_tensor(op, "dy", dy, shape.output(), {DType::f32, DType::bf16});
  check_tensor(op, "dx", dx, shape.input, {dy.dtype});
  twins::average_pool_backward(stream, shape, dy, dx);
}

void global_average_pool_forward(Stream& stream, ConstView x, View y) {
  const char* op = "global_average_pool_forward";
  check(x.elements() > 0, op, "x has no elements");
  check_tensor(op, "x", x, x.shape, {DType::f32, DType::bf16});
  check_tensor(op, "y", y, pooled_globally(x.shape), {x.dtype});
  twins::global_average_pool_forward(stream, x, y);
}

void global_average_pool_backward(Stream& stream, ConstView dy, View dx) {
  const char* op = "global_average_pool_backward";
  check(dx.elements() > 0, op, "dx has no elements");
  check_tensor(op, "dx", dx, dx.shape, {DType::f32, DType::bf16});
  check_tensor(op, "dy", dy, pooled_globally(dx.shape), {dx.dtype});
  twins::global_average_pool_backward(stream, dy, dx);
}

}  // namespace paretiny::nn

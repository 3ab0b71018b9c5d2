#include "kernels/nn/elementwise.h"

#include "kernels/core/check.h"

namespace paretiny::nn {
namespace {

Shape scale_shape(const Shape& x) {
  return {x.n, 1, 1, x.c};
}

}  // namespace

namespace twins {
constinit Op<decltype(nn::add_forward)> add_forward("add_forward");
constinit Op<decltype(nn::add_backward)> add_backward("add_backward");
constinit Op<decltype(nn::channel_scale_forward)> channel_scale_forward("channel_scale_forward");
constinit Op<decltype(nn::channel_scale_backward)> channel_scale_backward("channel_scale_backward");
}  // namespace twins

void check_slope_follows_from_y(const char* op, Activation activation) {
  check(activation == Activation::none || activation == Activation::relu ||
            activation == Activation::relu6,
        op, std::string("activation ") + name_of(activation) + " is not one of none, relu, relu6");
}

void add_forward(Stream& stream, Activation activation, ConstView a, ConstView b, View y) {
  const char* op = "add_forward";
  check_slope_follows_from_y(op, activation);
  check_tensor(op, "a", a, a.shape, {DType::f32, DType::bf16});
  check_tensor(op, "b", b, a.shape, {a.dtype});
  check_tensor(op, "y", y, a.shape, {a.dtype});
  twins::add_forward(stream, activation, a, b, y);
}

void add_backward(Stream& stream, Activation activation, ConstView y, ConstView dy, View d) {
  const char* op = "add_backward";
  check_slope_follows_from_y(op, activation);
  check_tensor(op, "dy", dy, dy.shape, {DType::f32, DType::bf16});
  if (activation != Activation::none) check_tensor(op, "y", y, dy.shape, {dy.dtype});
  check_tensor(op, "d", d, dy.shape, {dy.dtype});
  twins::add_backward(stream, activation, y, dy, d);
}

void channel_scale_forward(Stream& stream, ConstView x, ConstView s, View y) {
  const char* op = "channel_scale_forward";
  check_tensor(op, "x", x, x.shape, {DType::f32, DType::bf16});
  check_tensor(op, "s", s, scale_shape(x.shape), {x.dtype});
  check_tensor(op, "y", y, x.shape, {x.dtype});
  twins::channel_scale_forward(stream, x, s, y);
}

void channel_scale_backward(Stream& stream, const ChannelScaleGradient& g) {
  const char* op = "channel_scale_backward";
  check_tensor(op, "x", g.x, g.x.shape, {DType::f32, DType::bf16});
  check_tensor(op, "s", g.s, scale_shape(g.x.shape), {g.x.dtype});
  check_tensor(op, "dy", g.dy, g.x.shape, {g.x.dtype});
  check_tensor(op, "dx", g.dx, g.x.shape, {g.x.dtype});
  check_tensor(op, "ds", g.ds, scale_shape(g.x.shape), {g.x.dtype});
  twins::channel_scale_backward(stream, g);
}

}  // namespace paretiny::nn

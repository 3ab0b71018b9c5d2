#include "kernels/nn/activation.h"

#include "kernels/core/check.h"

namespace paretiny::nn {

const char* name_of(Activation activation) {
  switch (activation) {
    case Activation::none:
      return "none";
    case Activation::relu:
      return "relu";
    case Activation::relu6:
      return "relu6";
    case Activation::hard_swish:
      return "hard_swish";
    case Activation::hard_sigmoid:
      return "hard_sigmoid";
  }
  return "?";
}

namespace twins {
constinit Op<decltype(nn::activation_forward)> activation_forward("activation_forward");
constinit Op<decltype(nn::activation_backward)> activation_backward("activation_backward");
}  // namespace twins

void activation_forward(Stream& stream, Activation activation, ConstView x, View y) {
  const char* op = "activation_forward";
  check_tensor(op, "x", x, x.shape, {DType::f32, DType::bf16});
  check_tensor(op, "y", y, x.shape, {x.dtype});
  twins::activation_forward(stream, activation, x, y);
}

void activation_backward(Stream& stream, Activation activation, ConstView x, ConstView dy,
                         View dx) {
  const char* op = "activation_backward";
  check_tensor(op, "x", x, x.shape, {DType::f32, DType::bf16});
  check_tensor(op, "dy", dy, x.shape, {x.dtype});
  check_tensor(op, "dx", dx, x.shape, {x.dtype});
  twins::activation_backward(stream, activation, x, dy, dx);
}

}  // namespace paretiny::nn

#include "kernels/nn/batchnorm.h"

#include "kernels/core/check.h"
#include "kernels/nn/elementwise.h"

namespace paretiny::nn {
namespace {

void check_input(const char* op, const BatchNormShape& shape, const ConstView& x) {
  check(shape.input.elements() > 0, op, "input " + to_string(shape.input) + " has no elements");
  check(shape.epsilon >= 0, op, "epsilon is negative");
  check_tensor(op, "x", x, shape.input, {DType::f32, DType::bf16});
}

template <class AnyView>
void check_channels(const char* op, const char* argument, const BatchNormShape& shape,
                    const AnyView& tensor) {
  check_tensor(op, argument, tensor, shape.channels(), {DType::f32});
}

void check_addend(const char* op, const BatchNormShape& shape, const ConstView& addend,
                  const View& y) {
  if (!addend) return;
  check_tensor(op, "addend", addend, shape.input, {y.dtype});
  check(addend.data != y.data, op, "y aliases the addend");
}

void check_backward(const char* op, const BatchNormShape& shape, const BatchNormBackward& t) {
  check_input(op, shape, t.x);
  check_tensor(op, "dy", t.dy, shape.input, {t.x.dtype});
  check_channels(op, "gamma", shape, t.gamma);
  check_channels(op, "beta", shape, t.beta);
  check_channels(op, "mean", shape, t.mean);
  check_channels(op, "var", shape, t.var);
  check_tensor(op, "dx", t.dx, shape.input, {t.x.dtype});
  check_channels(op, "dgamma", shape, t.dgamma);
  check_channels(op, "dbeta", shape, t.dbeta);
  if (!t.y && !t.daddend) return;
  check_tensor(op, "y", t.y, shape.input, {t.x.dtype});
  check_tensor(op, "daddend", t.daddend, shape.input, {t.x.dtype});
  check(t.daddend.data != t.dx.data, op, "dx aliases daddend");
  check_slope_follows_from_y(op, shape.activation);
}

}  // namespace

namespace twins {
constinit Op<decltype(nn::batchnorm_forward)> batchnorm_forward("batchnorm_forward");
constinit Op<decltype(nn::batchnorm_backward)> batchnorm_backward("batchnorm_backward");
constinit Op<decltype(nn::batchnorm_inference_forward)> batchnorm_inference_forward(
    "batchnorm_inference_forward");
constinit Op<decltype(nn::batchnorm_inference_backward)> batchnorm_inference_backward(
    "batchnorm_inference_backward");
constinit Op<decltype(nn::batchnorm_fold)> batchnorm_fold("batchnorm_fold");
constinit Op<decltype(nn::batchnorm_scratch_bytes)> batchnorm_scratch_bytes(
    "batchnorm_scratch_bytes");
}  // namespace twins

void batchnorm_forward(Stream& stream, const BatchNormShape& shape, const BatchNormForward& t) {
  const char* op = "batchnorm_forward";
  check_input(op, shape, t.x);
  check_channels(op, "gamma", shape, t.gamma);
  check_channels(op, "beta", shape, t.beta);
  check_channels(op, "running_mean", shape, t.running_mean);
  check_channels(op, "running_var", shape, t.running_var);
  check_channels(op, "saved_mean", shape, t.saved_mean);
  check_channels(op, "saved_var", shape, t.saved_var);
  check_tensor(op, "y", t.y, shape.input, {t.x.dtype});
  check(t.x.data != t.y.data, op, "y aliases x, which the backward pass reads");
  check_addend(op, shape, t.addend, t.y);
  twins::batchnorm_forward(stream, shape, t);
}

void batchnorm_backward(Stream& stream, const BatchNormShape& shape, const BatchNormBackward& t) {
  check_backward("batchnorm_backward", shape, t);
  twins::batchnorm_backward(stream, shape, t);
}

void batchnorm_inference_forward(Stream& stream, const BatchNormShape& shape,
                                 const BatchNormInference& t) {
  const char* op = "batchnorm_inference_forward";
  check_input(op, shape, t.x);
  check_channels(op, "gamma", shape, t.gamma);
  check_channels(op, "beta", shape, t.beta);
  check_channels(op, "mean", shape, t.mean);
  check_channels(op, "var", shape, t.var);
  check_tensor(op, "y", t.y, shape.input, {t.x.dtype});
  check_addend(op, shape, t.addend, t.y);
  twins::batchnorm_inference_forward(stream, shape, t);
}

void batchnorm_inference_backward(Stream& stream, const BatchNormShape& shape,
                                  const BatchNormBackward& t) {
  check_backward("batchnorm_inference_backward", shape, t);
  twins::batchnorm_inference_backward(stream, shape, t);
}

void batchnorm_fold(Stream& stream, const BatchNormShape& shape, const BatchNormFold& t) {
  const char* op = "batchnorm_fold";
  check(shape.input.elements() > 0, op, "input " + to_string(shape.input) + " has no elements");
  check(shape.epsilon >= 0, op, "epsilon is negative");
  check_channels(op, "gamma", shape, t.gamma);
  check_channels(op, "beta", shape, t.beta);
  check_channels(op, "mean", shape, t.mean);
  check_channels(op, "var", shape, t.var);
  if (t.running_mean || t.running_var) {
    check_channels(op, "running_mean", shape, t.running_mean);
    check_channels(op, "running_var", shape, t.running_var);
  }
  check_channels(op, "scale", shape, t.scale);
  check_channels(op, "shift", shape, t.shift);
  twins::batchnorm_fold(stream, shape, t);
}

std::size_t batchnorm_scratch_bytes(Stream& stream, const BatchNormShape& shape,
                                    DType activations) {
  return twins::batchnorm_scratch_bytes(stream, shape, activations);
}

}  // namespace paretiny::nn

#include "kernels/nn/batchnorm.h"

#include "kernels/core/check.h"

namespace paretiny {
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

void check_backward(const char* op, const BatchNormShape& shape, const ConstView& x,
                    const ConstView& dy, const ConstView& gamma, const ConstView& beta,
                    const ConstView& mean, const ConstView& var, const View& dx, const View& dgamma,
                    const View& dbeta) {
  check_input(op, shape, x);
  check_tensor(op, "dy", dy, shape.input, {x.dtype});
  check_channels(op, "gamma", shape, gamma);
  check_channels(op, "beta", shape, beta);
  check_channels(op, "mean", shape, mean);
  check_channels(op, "var", shape, var);
  check_tensor(op, "dx", dx, shape.input, {x.dtype});
  check_channels(op, "dgamma", shape, dgamma);
  check_channels(op, "dbeta", shape, dbeta);
}

}  // namespace

namespace twins {
constinit Op<decltype(paretiny::batchnorm_forward)> batchnorm_forward("batchnorm_forward");
constinit Op<decltype(paretiny::batchnorm_backward)> batchnorm_backward("batchnorm_backward");
constinit Op<decltype(paretiny::batchnorm_inference_forward)> batchnorm_inference_forward(
    "batchnorm_inference_forward");
constinit Op<decltype(paretiny::batchnorm_inference_backward)> batchnorm_inference_backward(
    "batchnorm_inference_backward");
constinit Op<decltype(paretiny::batchnorm_fold)> batchnorm_fold("batchnorm_fold");
constinit Op<decltype(paretiny::batchnorm_scratch_bytes)> batchnorm_scratch_bytes(
    "batchnorm_scratch_bytes");
}  // namespace twins

void batchnorm_forward(Stream& stream, const BatchNormShape& shape, ConstView x, ConstView gamma,
                       ConstView beta, View running_mean, View running_var, View saved_mean,
                       View saved_var, View y) {
  const char* op = "batchnorm_forward";
  check_input(op, shape, x);
  check_channels(op, "gamma", shape, gamma);
  check_channels(op, "beta", shape, beta);
  check_channels(op, "running_mean", shape, running_mean);
  check_channels(op, "running_var", shape, running_var);
  check_channels(op, "saved_mean", shape, saved_mean);
  check_channels(op, "saved_var", shape, saved_var);
  check_tensor(op, "y", y, shape.input, {x.dtype});
  check(x.data != y.data, op, "y aliases x, which the backward pass reads");
  twins::batchnorm_forward(stream, shape, x, gamma, beta, running_mean, running_var, saved_mean,
                           saved_var, y);
}

void batchnorm_backward(Stream& stream, const BatchNormShape& shape, ConstView x, ConstView dy,
                        ConstView gamma, ConstView beta, ConstView saved_mean, ConstView saved_var,
                        View dx, View dgamma, View dbeta) {
  check_backward("batchnorm_backward", shape, x, dy, gamma, beta, saved_mean, saved_var, dx, dgamma,
                 dbeta);
  twins::batchnorm_backward(stream, shape, x, dy, gamma, beta, saved_mean, saved_var, dx, dgamma,
                            dbeta);
}

void batchnorm_inference_forward(Stream& stream, const BatchNormShape& shape, ConstView x,
                                 ConstView gamma, ConstView beta, ConstView mean, ConstView var,
                                 View y) {
  const char* op = "batchnorm_inference_forward";
  check_input(op, shape, x);
  check_channels(op, "gamma", shape, gamma);
  check_channels(op, "beta", shape, beta);
  check_channels(op, "mean", shape, mean);
  check_channels(op, "var", shape, var);
  check_tensor(op, "y", y, shape.input, {x.dtype});
  twins::batchnorm_inference_forward(stream, shape, x, gamma, beta, mean, var, y);
}

void batchnorm_inference_backward(Stream& stream, const BatchNormShape& shape, ConstView x,
                                  ConstView dy, ConstView gamma, ConstView beta, ConstView mean,
                                  ConstView var, View dx, View dgamma, View dbeta) {
  check_backward("batchnorm_inference_backward", shape, x, dy, gamma, beta, mean, var, dx, dgamma,
                 dbeta);
  twins::batchnorm_inference_backward(stream, shape, x, dy, gamma, beta, mean, var, dx, dgamma,
                                      dbeta);
}

void batchnorm_fold(Stream& stream, const BatchNormShape& shape, ConstView gamma, ConstView beta,
                    ConstView mean, ConstView var, View running_mean, View running_var, View scale,
                    View shift) {
  const char* op = "batchnorm_fold";
  check(shape.input.elements() > 0, op, "input " + to_string(shape.input) + " has no elements");
  check(shape.epsilon >= 0, op, "epsilon is negative");
  check_channels(op, "gamma", shape, gamma);
  check_channels(op, "beta", shape, beta);
  check_channels(op, "mean", shape, mean);
  check_channels(op, "var", shape, var);
  if (running_mean || running_var) {
    check_channels(op, "running_mean", shape, running_mean);
    check_channels(op, "running_var", shape, running_var);
  }
  check_channels(op, "scale", shape, scale);
  check_channels(op, "shift", shape, shift);
  twins::batchnorm_fold(stream, shape, gamma, beta, mean, var, running_mean, running_var, scale,
                        shift);
}

std::size_t batchnorm_scratch_bytes(Stream& stream, const BatchNormShape& shape,
                                    DType activations) {
  return twins::batchnorm_scratch_bytes(stream, shape, activations);
}

}  // namespace paretiny

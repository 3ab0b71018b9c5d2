#include "kernels/int8/fake_quantize.h"

#include "kernels/core/check.h"

namespace paretiny::int8 {

namespace twins {
constinit Op<decltype(int8::fake_quantize_forward)> fake_quantize_forward("fake_quantize_forward");
constinit Op<decltype(int8::fake_quantize_backward)> fake_quantize_backward(
    "fake_quantize_backward");
constinit Op<decltype(int8::fake_quantize_weights)> fake_quantize_weights("fake_quantize_weights");
}  // namespace twins

namespace {

void check_quantization(const char* op, const Quantization& q) {
  check(q.scale > 0, op, "scale " + std::to_string(q.scale) + " is not positive");
  check(q.zero_point >= -128 && q.zero_point <= 127, op,
        "zero point " + std::to_string(q.zero_point) + " is not an int8 number");
}

}  // namespace

void fake_quantize_forward(Stream& stream, const Quantization& quantization, ConstView x, View y) {
  const char* op = "fake_quantize_forward";
  check_quantization(op, quantization);
  check_tensor(op, "x", x, x.shape, {DType::f32});
  check_tensor(op, "y", y, x.shape, {DType::f32});
  twins::fake_quantize_forward(stream, quantization, x, y);
}

void fake_quantize_backward(Stream& stream, const Quantization& quantization, ConstView x,
                            ConstView dy, View dx) {
  const char* op = "fake_quantize_backward";
  check_quantization(op, quantization);
  check_tensor(op, "x", x, x.shape, {DType::f32});
  check_tensor(op, "dy", dy, x.shape, {DType::f32});
  check_tensor(op, "dx", dx, x.shape, {DType::f32});
  twins::fake_quantize_backward(stream, quantization, x, dy, dx);
}

void fake_quantize_weights(Stream& stream, WeightChannels channels, ConstView w, View y) {
  const char* op = "fake_quantize_weights";
  check_tensor(op, "w", w, w.shape, {DType::f32});
  check_tensor(op, "y", y, w.shape, {DType::f32});
  check(channels == WeightChannels::first || w.shape.n == 1, op,
        "depthwise weights " + to_string(w.shape) + " do not begin with 1");
  check(w.elements() > 0, op, "w " + to_string(w.shape) + " has no elements");
  twins::fake_quantize_weights(stream, channels, w, y);
}

}  // namespace paretiny::int8

#include "kernels/int8/int8.h"

#include "kernels/core/check.h"

namespace paretiny::int8 {
namespace twins {
constinit Op<decltype(int8::int8_conv)> int8_conv("int8_conv");
constinit Op<decltype(int8::int8_depthwise)> int8_depthwise("int8_depthwise");
constinit Op<decltype(int8::int8_add)> int8_add("int8_add");
constinit Op<decltype(int8::int8_mul)> int8_mul("int8_mul");
constinit Op<decltype(int8::int8_lookup)> int8_lookup("int8_lookup");
constinit Op<decltype(int8::int8_average_pool)> int8_average_pool("int8_average_pool");
constinit Op<decltype(int8::int8_max_pool)> int8_max_pool("int8_max_pool");
constinit Op<decltype(int8::int8_mean)> int8_mean("int8_mean");
constinit Op<decltype(int8::int8_softmax)> int8_softmax("int8_softmax");
constinit Op<decltype(int8::int8_quantize)> int8_quantize("int8_quantize");
}  // namespace twins

namespace {

void check_int8(const char* op, const char* argument, ConstView tensor, const Shape& shape) {
  check_tensor(op, argument, tensor, shape, {DType::i8});
}

void check_zero_point(const char* op, std::int32_t zero_point) {
  check(zero_point >= -128 && zero_point <= 127, op,
        "zero point " + std::to_string(zero_point) + " is outside -128 .. 127");
}

void check_range(const char* op, const Int8Range& range) {
  check(range.low >= -128 && range.low <= range.high && range.high <= 127, op,
        "the output range " + std::to_string(range.low) + " .. " + std::to_string(range.high) +
            " is not within -128 .. 127");
}

/// A layer's tensors for the shapes `input`, `weights` and `output`.
void check_layer(const char* op, const Int8LayerParameters& parameters, const Int8LayerTensors& t,
                 const Shape& input, const Shape& weights, const Shape& output) {
  const Shape channels{1, 1, 1, output.c};
  check_int8(op, "x", t.x, input);
  check_int8(op, "w", t.w, weights);
  check_zero_point(op, parameters.input_zero_point);
  check_zero_point(op, parameters.output_zero_point);
  check_range(op, parameters.range);
  if (t.b) check_tensor(op, "b", t.b, channels, {DType::i32});
  check_tensor(op, "multipliers", t.multipliers, channels, {DType::i32});
  check_tensor(op, "shifts", t.shifts, channels, {DType::i32});
  check_int8(op, "y", t.y, output);
}

void check_window(const char* op, const nn::Window& window, const Shape& input) {
  check(window.valid(input.h, input.w), op,
        "the window does not fit the input " + to_string(input));
}

void check_operands(const char* op, ConstView a, ConstView b, ConstView y) {
  const auto fits = [](std::int64_t extent, std::int64_t of) {
    return extent == of || extent == 1;
  };
  check_int8(op, "a", a, a.shape);
  check(fits(b.shape.n, a.shape.n) && fits(b.shape.h, a.shape.h) && fits(b.shape.w, a.shape.w) &&
            fits(b.shape.c, a.shape.c),
        op, "b of shape " + to_string(b.shape) + " cannot be repeated to " + to_string(a.shape));
  check_int8(op, "b", b, b.shape);
  check_int8(op, "y", y, a.shape);
}

/// Operands, zero points and range of an addition or a product.
template <class Parameters>
void check_binary(const char* op, const Parameters& parameters, ConstView a, ConstView b, View y) {
  check_operands(op, a, b, y);
  check_zero_point(op, parameters.zero_point1);
  check_zero_point(op, parameters.zero_point2);
  check_zero_point(op, parameters.output_zero_point);
  check_range(op, parameters.range);
}

void check_pool(const char* op, const nn::PoolShape& shape, const Int8Range& range, ConstView x,
                ConstView y) {
  const nn::Window& window = shape.window;
  check_window(op, window, shape.input);
  check(window.top < window.kernel_h && window.bottom < window.kernel_h &&
            window.left < window.kernel_w && window.right < window.kernel_w,
        op, "a window holds padding only; the padding must be smaller than the kernel");
  check_range(op, range);
  check_int8(op, "x", x, shape.input);
  check_int8(op, "y", y, shape.output());
}

}  // namespace

void int8_conv(Stream& stream, const nn::ConvShape& shape, const Int8LayerParameters& parameters,
               const Int8LayerTensors& t) {
  check_window("int8_conv", shape.window, shape.input);
  check_layer("int8_conv", parameters, t, shape.input, shape.weights(), shape.output());
  twins::int8_conv(stream, shape, parameters, t);
}

void int8_depthwise(Stream& stream, const nn::DepthwiseShape& shape,
                    const Int8LayerParameters& parameters, const Int8LayerTensors& t) {
  check_window("int8_depthwise", shape.window, shape.input);
  check_layer("int8_depthwise", parameters, t, shape.input, shape.weights(), shape.output());
  twins::int8_depthwise(stream, shape, parameters, t);
}

/// A convolution of images of one pixel.
void int8_fully_connected(Stream& stream, const nn::FullyConnectedShape& shape,
                          const Int8LayerParameters& parameters, const Int8LayerTensors& t) {
  check_layer("int8_fully_connected", parameters, t, shape.input, shape.weights(), shape.output());
  Int8LayerTensors flat = t;
  flat.x.shape = {shape.input.n, 1, 1, shape.in_features()};
  twins::int8_conv(stream, {flat.x.shape, shape.out_features, {}}, parameters, flat);
}

void int8_add(Stream& stream, const Int8AddParameters& parameters, ConstView a, ConstView b,
              View y) {
  check_binary("int8_add", parameters, a, b, y);
  twins::int8_add(stream, parameters, a, b, y);
}

void int8_mul(Stream& stream, const Int8MulParameters& parameters, ConstView a, ConstView b,
              View y) {
  check_binary("int8_mul", parameters, a, b, y);
  twins::int8_mul(stream, parameters, a, b, y);
}

void int8_lookup(Stream& stream, ConstView x, ConstView table, View y) {
  check_int8("int8_lookup", "x", x, x.shape);
  check_int8("int8_lookup", "table", table, {1, 1, 1, 256});
  check_int8("int8_lookup", "y", y, x.shape);
  twins::int8_lookup(stream, x, table, y);
}

void int8_average_pool(Stream& stream, const nn::PoolShape& shape, const Int8Range& range,
                       ConstView x, View y) {
  check_pool("int8_average_pool", shape, range, x, y);
  twins::int8_average_pool(stream, shape, range, x, y);
}

void int8_max_pool(Stream& stream, const nn::PoolShape& shape, const Int8Range& range, ConstView x,
                   View y) {
  check_pool("int8_max_pool", shape, range, x, y);
  twins::int8_max_pool(stream, shape, range, x, y);
}

void int8_mean(Stream& stream, const Int8MeanParameters& parameters, ConstView x, View y) {
  check_int8("int8_mean", "x", x, x.shape);
  check_int8("int8_mean", "y", y, {x.shape.n, 1, 1, x.shape.c});
  check_zero_point("int8_mean", parameters.input_zero_point);
  check_zero_point("int8_mean", parameters.output_zero_point);
  twins::int8_mean(stream, parameters, x, y);
}

void int8_softmax(Stream& stream, const Int8SoftmaxParameters& parameters, ConstView x, View y) {
  check_int8("int8_softmax", "x", x, x.shape);
  check_int8("int8_softmax", "y", y, x.shape);
  check(x.shape.c < 4096, "int8_softmax", "a row has 4096 elements or more");
  twins::int8_softmax(stream, parameters, x, y);
}

void int8_quantize(Stream& stream, const Quantization& output, ConstView x, View y) {
  check_tensor("int8_quantize", "x", x, x.shape, {DType::f32});
  check_int8("int8_quantize", "y", y, x.shape);
  check_zero_point("int8_quantize", output.zero_point);
  check(output.scale > 0, "int8_quantize", "the scale must be positive");
  twins::int8_quantize(stream, output, x, y);
}

}  // namespace paretiny::int8

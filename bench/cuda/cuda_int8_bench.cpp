// The integer operators of the quantized network over the shapes of the models' graphs: the floor
// is the larger of a copy of their bytes and of a large int8 product on tensor cores.

#include "bench/cuda/model_layers.h"
#include "bench/cuda/operands.h"
#include "kernels/int8/int8.h"

namespace paretiny::bench {
namespace {

/// What a layer is given beside its input and weights: bias, multipliers and shifts a channel.
std::vector<Operand> layer_operands(const Shape& input, const Shape& weights, const Shape& output) {
  const Shape channels{1, 1, 1, output.c};
  return {{DType::i8, input},
          {DType::i8, weights},
          {DType::i32, channels, 1, constant(100)},
          {DType::i32, channels, 1, constant(0x1p30f)},
          {DType::i32, channels, 1, constant(-7)},
          {DType::i8, output}};
}

double operations(const Shape& output, std::int64_t products) {
  return 2 * static_cast<double>(output.elements() * products);
}

void add_conv(const nn::ConvShape& shape) {
  const nn::Window& w = shape.window;
  add_op(
      w == nn::Window{} ? "int8_pointwise/forward" : "int8_conv/forward", DType::i8, label(shape),
      layer_operands(shape.input, shape.weights(), shape.output()),
      [=](Stream& s, const Views& v) {
        int8::int8_conv(
            s, shape, {},
            {.x = v[0], .w = v[1], .b = v[2], .multipliers = v[3], .shifts = v[4], .y = v[5]});
      },
      operations(shape.output(), w.kernel_h * w.kernel_w * shape.input.c));
}

void add_depthwise(const nn::DepthwiseShape& shape) {
  // Counted at no rate: no matrix unit multiplies channel by channel.
  add_op("int8_depthwise/forward", DType::i8, label(shape),
         layer_operands(shape.input, shape.weights(), shape.output()),
         [=](Stream& s, const Views& v) {
           int8::int8_depthwise(
               s, shape, {},
               {.x = v[0], .w = v[1], .b = v[2], .multipliers = v[3], .shifts = v[4], .y = v[5]});
         });
}

void add_classifier(const nn::FullyConnectedShape& shape) {
  add_op(
      "int8_fully_connected/forward", DType::i8, label(shape),
      layer_operands(shape.input, shape.weights(), shape.output()),
      [=](Stream& s, const Views& v) {
        int8::int8_fully_connected(
            s, shape, {},
            {.x = v[0], .w = v[1], .b = v[2], .multipliers = v[3], .shifts = v[4], .y = v[5]});
      },
      operations(shape.output(), shape.in_features()));
}

void add_rest(const ModelLayers& layers) {
  for (const Shape& shape : layers.add) {
    const Operand x{DType::i8, shape};
    const int8::Int8AddParameters p = int8::add_parameters({0.1f, 3}, {0.07f, -5}, {0.12f, 1});
    add_op("int8_add/forward", DType::i8, to_string(shape), {x, x, x},
           [=](Stream& s, const Views& v) { int8::int8_add(s, p, v[0], v[1], v[2]); });
  }
  for (const Shape& shape : layers.channel_scale) {
    const Operand x{DType::i8, shape}, gate{DType::i8, {shape.n, 1, 1, shape.c}};
    const int8::Int8MulParameters p = int8::mul_parameters({0.1f, 3}, {0.07f, -5}, {0.12f, 1});
    add_op("int8_mul/forward", DType::i8, to_string(shape), {x, gate, x},
           [=](Stream& s, const Views& v) { int8::int8_mul(s, p, v[0], v[1], v[2]); });
    add_op("int8_lookup/forward", DType::i8, to_string(shape), {x, {DType::i8, {1, 1, 1, 256}}, x},
           [](Stream& s, const Views& v) { int8::int8_lookup(s, v[0], v[1], v[2]); });
  }
  for (const Shape& shape : layers.global_average_pool) {
    const int8::Int8MeanParameters p =
        int8::mean_parameters({0.1f, 3}, {0.1f, 3}, shape.h * shape.w);
    add_op("int8_mean/forward", DType::i8, to_string(shape),
           {{DType::i8, shape}, {DType::i8, {shape.n, 1, 1, shape.c}}},
           [=](Stream& s, const Views& v) { int8::int8_mean(s, p, v[0], v[1]); });
  }
  const Shape image{512, 32, 32, 3}, logits{512, 1, 1, 10};
  add_op("int8_quantize/forward", DType::i8, to_string(image),
         {{DType::f32, image}, {DType::i8, image}}, [](Stream& s, const Views& v) {
           int8::int8_quantize(s, {0.02f, -3}, v[0], v[1]);
         });
  add_op("int8_softmax/forward", DType::i8, to_string(logits),
         {{DType::i8, logits}, {DType::i8, logits}}, [](Stream& s, const Views& v) {
           int8::int8_softmax(s, int8::softmax_parameters(0.1f), v[0], v[1]);
         });
}

}  // namespace
}  // namespace paretiny::bench

int main(int argc, char** argv) {
  using namespace paretiny;
  const bench::ModelLayers& layers = bench::model_layers();
  for (const nn::ConvShape& shape : layers.conv) bench::add_conv(shape);
  for (const nn::PointwiseShape& shape : layers.pointwise) {
    bench::add_conv({shape.input, shape.out_channels, {}});
  }
  for (const nn::DepthwiseShape& shape : layers.depthwise) bench::add_depthwise(shape);
  for (const nn::FullyConnectedShape& shape : layers.fully_connected) bench::add_classifier(shape);
  bench::add_rest(layers);
  return bench::run(argc, argv);
}

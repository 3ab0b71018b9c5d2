// Every case of the int8 reference vectors, exactly: derived integers and outputs.
#include "int8_vectors.h"

#include "kernels/int8/cpu/conv.h"
#include "kernels/int8/tables.h"

namespace paretiny::int8 {
namespace {

using nlohmann::json;

Stream& stream() {
  static const std::unique_ptr<Stream> the_stream = test::test_stream();
  return *the_stream;
}

Bytes expected(const json& c) {
  return c.at("expected").get<Bytes>();
}
Bytes data(const json& tensor) {
  return tensor.at("data").get<Bytes>();
}

/// What a convolution, depthwise or fully connected case gives besides its shape.
struct Layer {
  explicit Layer(const json& c)
      : input(quantization_of(c.at("input"))),
        output(quantization_of(c.at("output"))),
        parameters{input.zero_point, output.zero_point, activation_range(activation_of(c), output)},
        x(data(c.at("input"))),
        w(data(c.at("weights"))),
        bias(c.at("bias").get<Words>()),
        scales(c.at("weights").at("scales").get<std::vector<float>>()) {
    EXPECT_EQ(parameters.range.low, c.at("activation_min").get<int>());
    EXPECT_EQ(parameters.range.high, c.at("activation_max").get<int>());
  }

  /// The pairs of all `channels`, after comparing them with the case's.
  void derive(const json& c, std::int64_t channels, bool per_channel) {
    for (std::int64_t o = 0; o < channels; ++o) {
      const QuantizedMultiplier m =
          per_channel
              ? layer_multiplier(input.scale, scales.at(static_cast<std::size_t>(o)), output.scale)
              : fully_connected_multiplier(input.scale, scales.at(0), output.scale);
      multipliers.push_back(m.multiplier);
      shifts.push_back(m.shift);
    }
    const auto given = [&](const char* key) {
      Words values = c.at(key).get<Words>();
      values.resize(static_cast<std::size_t>(channels), values.at(0));
      return values;
    };
    EXPECT_EQ(multipliers, given("output_multiplier"));
    EXPECT_EQ(shifts, given("output_shift"));
  }

  DeviceCopy bias_view() const {
    return {stream(), bias, {1, 1, 1, static_cast<std::int64_t>(bias.size())}};
  }
  DeviceCopy channel_view(const Words& values) const {
    return {stream(), values, {1, 1, 1, static_cast<std::int64_t>(values.size())}};
  }

  Quantization input, output;
  Int8LayerParameters parameters;
  Bytes x, w;
  Words bias, multipliers, shifts;
  std::vector<float> scales;
};

TEST(Int8Vectors, QuantizeMultiplier) {
  for_each_case("quantize_multiplier", [](const json& c) {
    const auto real = c.at("real_multiplier").get<std::vector<double>>();
    const auto multiplier = c.at("expected_multiplier").get<Words>();
    const auto shift = c.at("expected_shift").get<Words>();
    for (std::size_t i = 0; i < real.size(); ++i) {
      const QuantizedMultiplier m = quantize_multiplier(real[i]);
      EXPECT_EQ(m.multiplier, multiplier[i]) << real[i];
      EXPECT_EQ(m.shift, shift[i]) << real[i];
    }
  });
}

TEST(Int8Vectors, MultiplyByQuantizedMultiplier) {
  for_each_case("multiply_by_quantized_multiplier", [](const json& c) {
    const auto x = c.at("x").get<Words>();
    const auto multiplier = c.at("multiplier").get<Words>();
    const auto shift = c.at("shift").get<Words>();
    const auto want = c.at("expected").get<Words>();
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(multiply_by_quantized_multiplier(x[i], {multiplier[i], shift[i]}), want[i])
          << x[i] << " * " << multiplier[i] << " << " << shift[i];
    }
  });
}

TEST(Int8Vectors, Conv) {
  for_each_case("conv2d", [](const json& c) {
    Layer layer(c);
    const auto w = shape_of(c.at("weights").at("shape"));
    layer.derive(c, w.n, true);
    const nn::ConvShape shape{shape_of(c.at("input").at("shape")), w.n, window_of(c, w.h, w.w)};
    EXPECT_EQ(shape.output(), shape_of(c.at("output").at("shape")));
    const auto run = [&](decltype(&int8_conv) conv) {
      Output y(stream(), shape.output());
      conv(stream(), shape, layer.parameters,
           {.x = DeviceCopy(stream(), layer.x, shape.input),
            .w = DeviceCopy(stream(), layer.w, w),
            .b = layer.bias_view(),
            .multipliers = layer.channel_view(layer.multipliers),
            .shifts = layer.channel_view(layer.shifts),
            .y = y.view()});
      EXPECT_EQ(y.values(), expected(c));
    };
    run(int8_conv);
    if (stream().device().kind != DeviceKind::cpu) return;
    run(cpu::int8_conv_loops);
    if (!cpu::int8_conv_fits_onednn(view_of(layer.w, w))) return;
    run(cpu::int8_conv_onednn);
  });
}

TEST(Int8Vectors, Depthwise) {
  for_each_case("depthwise_conv2d", [](const json& c) {
    Layer layer(c);
    const auto w = shape_of(c.at("weights").at("shape"));
    layer.derive(c, w.c, true);
    const nn::DepthwiseShape shape{shape_of(c.at("input").at("shape")), window_of(c, w.h, w.w)};
    Output y(stream(), shape.output());
    int8_depthwise(stream(), shape, layer.parameters,
                   {.x = DeviceCopy(stream(), layer.x, shape.input),
                    .w = DeviceCopy(stream(), layer.w, w),
                    .b = layer.bias_view(),
                    .multipliers = layer.channel_view(layer.multipliers),
                    .shifts = layer.channel_view(layer.shifts),
                    .y = y.view()});
    EXPECT_EQ(y.values(), expected(c));
  });
}

TEST(Int8Vectors, FullyConnected) {
  for_each_case("fully_connected", [](const json& c) {
    Layer layer(c);
    const auto w = shape_of(c.at("weights").at("shape"));
    layer.derive(c, w.n, c.at("per_channel").get<bool>());
    const nn::FullyConnectedShape shape{shape_of(c.at("input").at("shape")), w.n};
    Output y(stream(), shape.output());
    int8_fully_connected(stream(), shape, layer.parameters,
                         {.x = DeviceCopy(stream(), layer.x, shape.input),
                          .w = DeviceCopy(stream(), layer.w, w),
                          .b = layer.bias_view(),
                          .multipliers = layer.channel_view(layer.multipliers),
                          .shifts = layer.channel_view(layer.shifts),
                          .y = y.view()});
    EXPECT_EQ(y.values(), expected(c));
  });
}

TEST(Int8Vectors, Add) {
  for_each_case("add", [](const json& c) {
    const Bytes a = data(c.at("input")), b = data(c.at("input2"));
    const Shape shape = shape_of(c.at("input").at("shape"));
    const Int8AddParameters p =
        add_parameters(quantization_of(c.at("input")), quantization_of(c.at("input2")),
                       quantization_of(c.at("output")), activation_of(c));
    EXPECT_EQ(p.input1.multiplier, c.at("input1_multiplier").get<int>());
    EXPECT_EQ(p.input1.shift, c.at("input1_shift").get<int>());
    EXPECT_EQ(p.input2.multiplier, c.at("input2_multiplier").get<int>());
    EXPECT_EQ(p.input2.shift, c.at("input2_shift").get<int>());
    EXPECT_EQ(p.output.multiplier, c.at("output_multiplier").at(0).get<int>());
    EXPECT_EQ(p.output.shift, c.at("output_shift").at(0).get<int>());
    EXPECT_EQ(p.range.low, c.at("activation_min").get<int>());
    EXPECT_EQ(p.range.high, c.at("activation_max").get<int>());
    Output y(stream(), shape);
    int8_add(stream(), p, DeviceCopy(stream(), a, shape),
             DeviceCopy(stream(), b, shape_of(c.at("input2").at("shape"))), y.view());
    EXPECT_EQ(y.values(), expected(c));
  });
}

TEST(Int8Vectors, Mul) {
  for_each_case("mul", [](const json& c) {
    const Bytes a = data(c.at("input")), b = data(c.at("input2"));
    const Shape shape = shape_of(c.at("input").at("shape"));
    const Int8MulParameters p =
        mul_parameters(quantization_of(c.at("input")), quantization_of(c.at("input2")),
                       quantization_of(c.at("output")), activation_of(c));
    EXPECT_EQ(p.output.multiplier, c.at("output_multiplier").at(0).get<int>());
    EXPECT_EQ(p.output.shift, c.at("output_shift").at(0).get<int>());
    Output y(stream(), shape);
    int8_mul(stream(), p, DeviceCopy(stream(), a, shape),
             DeviceCopy(stream(), b, shape_of(c.at("input2").at("shape"))), y.view());
    EXPECT_EQ(y.values(), expected(c));
  });
}

void run_pool(const json& c, decltype(&int8_max_pool) pool) {
  const auto filter = c.at("filter").get<std::vector<std::int64_t>>();
  const nn::PoolShape shape{shape_of(c.at("input").at("shape")),
                            window_of(c, filter[0], filter[1])};
  EXPECT_EQ(shape.output(), shape_of(c.at("output").at("shape")));
  const Int8Range range = activation_range(activation_of(c), quantization_of(c.at("output")));
  const Bytes x = data(c.at("input"));
  Output y(stream(), shape.output());
  pool(stream(), shape, range, DeviceCopy(stream(), x, shape.input), y.view());
  EXPECT_EQ(y.values(), expected(c));
}

TEST(Int8Vectors, AveragePool) {
  for_each_case("average_pool2d", [](const json& c) { run_pool(c, int8_average_pool); });
}

TEST(Int8Vectors, MaxPool) {
  for_each_case("max_pool2d", [](const json& c) { run_pool(c, int8_max_pool); });
}

TEST(Int8Vectors, Mean) {
  for_each_case("mean", [](const json& c) {
    const Shape in = shape_of(c.at("input").at("shape"));
    const Int8MeanParameters p = mean_parameters(quantization_of(c.at("input")),
                                                 quantization_of(c.at("output")), in.h * in.w);
    EXPECT_EQ(p.output.multiplier, c.at("mean_multiplier").get<int>());
    EXPECT_EQ(p.output.shift, c.at("mean_shift").get<int>());
    const Bytes x = data(c.at("input"));
    Output y(stream(), {in.n, 1, 1, in.c});
    int8_mean(stream(), p, DeviceCopy(stream(), x, in), y.view());
    EXPECT_EQ(y.values(), expected(c));
  });
}

void run_lookup(const json& c, const Int8Table& table) {
  const Shape shape = shape_of(c.at("input").at("shape"));
  const Bytes x = data(c.at("input"));
  Output y(stream(), shape);
  int8_lookup(stream(), DeviceCopy(stream(), x, shape), DeviceCopy(stream(), table, {1, 1, 1, 256}),
              y.view());
  EXPECT_EQ(y.values(), expected(c));
}

TEST(Int8Vectors, HardSwish) {
  for_each_case("hard_swish", [](const json& c) {
    const Quantization x = quantization_of(c.at("input")), y = quantization_of(c.at("output"));
    const HardSwishParameters p = hard_swish_parameters(x, y);
    EXPECT_EQ(p.output_multiplier, c.at("output_multiplier_fixedpoint_int16").get<int>());
    EXPECT_EQ(p.output_exponent, c.at("output_multiplier_exponent").get<int>());
    EXPECT_EQ(p.reluish_multiplier, c.at("reluish_multiplier_fixedpoint_int16").get<int>());
    EXPECT_EQ(p.reluish_exponent, c.at("reluish_multiplier_exponent").get<int>());
    run_lookup(c, hard_swish_table(x, y));
  });
}

TEST(Int8Vectors, Logistic) {
  for_each_case("logistic", [](const json& c) {
    run_lookup(c, logistic_table(quantization_of(c.at("input"))));
  });
}

TEST(Int8Vectors, Requantize) {
  for_each_case("requantize", [](const json& c) {
    run_lookup(c,
               requantize_table(quantization_of(c.at("input")), quantization_of(c.at("output"))));
  });
}

TEST(Int8Vectors, Softmax) {
  for_each_case("softmax", [](const json& c) {
    const Shape shape = shape_of(c.at("input").at("shape"));
    const Int8SoftmaxParameters p =
        softmax_parameters(c.at("input").at("scale").get<float>(), c.at("beta").get<float>());
    EXPECT_EQ(p.input.multiplier, c.at("input_multiplier").get<int>());
    EXPECT_EQ(p.input.shift, c.at("input_left_shift").get<int>());
    EXPECT_EQ(p.least_difference, c.at("diff_min").get<int>());
    const Bytes x = data(c.at("input"));
    Output y(stream(), shape);
    int8_softmax(stream(), p, DeviceCopy(stream(), x, shape), y.view());
    EXPECT_EQ(y.values(), expected(c));
  });
}

TEST(Int8Vectors, Quantize) {
  for_each_case("quantize", [](const json& c) {
    const Shape shape = shape_of(c.at("input").at("shape"));
    const auto x = c.at("input").at("data").get<std::vector<float>>();
    Output y(stream(), shape);
    int8_quantize(stream(), quantization_of(c.at("output")), DeviceCopy(stream(), x, shape),
                  y.view());
    EXPECT_EQ(y.values(), expected(c));
  });
}

}  // namespace
}  // namespace paretiny::int8

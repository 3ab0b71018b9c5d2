// TensorFlow Lite files read back: the flatbuffer holds together, and what the tables say is what
// the network is. That runtimes give the same bytes is tests/peers/check_formats.py's to show.
#include "engine/deploy/formats/tflite.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "base/error.h"
#include "base/one_line.h"
#include "tests/engine/deploy/hostile_names.h"
#include "tests/engine/deploy/tflite_file.h"

namespace paretiny::deploy {
namespace {

using namespace test;
using tflite::BuiltinOperator;
using tflite::FusedActivation;
using tflite::Padding;
using tflite::TensorType;

TfliteFile file_of(const compress::Int8Network& network) {
  return TfliteFile(tflite_model(deployed(network, "network")));
}

std::vector<BuiltinOperator> codes_of(const TfliteFile& file) {
  std::vector<BuiltinOperator> codes;
  for (const auto* operation : file.operations()) codes.push_back(file.code(*operation));
  return codes;
}

std::int64_t elements_of(const FileTensor& tensor) {
  std::int64_t count = 1;
  for (const std::int32_t extent : tensor.values<std::int32_t>(tflite::tensor::shape)) {
    count *= extent;
  }
  return count;
}

int8::Quantization quantization_of(const FileTensor& tensor) {
  using namespace tflite::quantization_parameters;
  return {tensor.parameters()->vector<float>(scale)->Get(0),
          static_cast<std::int32_t>(tensor.parameters()->vector<std::int64_t>(zero_point)->Get(0))};
}

/// What a reader relies on before it looks at any operator.
void expect_sound(const TfliteFile& file, const compress::Int8Network& network) {
  ASSERT_TRUE(file.verified());
  EXPECT_EQ(file.model().value<std::uint32_t>(tflite::model::version), 3u);
  const auto inputs = file.graph().values<std::int32_t>(tflite::sub_graph::inputs);
  const auto outputs = file.graph().values<std::int32_t>(tflite::sub_graph::outputs);
  ASSERT_EQ(inputs.size(), 1u);
  ASSERT_EQ(outputs.size(), 1u);
  const Shape& in = network.input().shape;
  const FileTensor& input = file.tensor(inputs[0]);
  EXPECT_EQ(input.text(tflite::tensor::name), network.input().name);
  EXPECT_EQ(input.values<std::int32_t>(tflite::tensor::shape),
            (std::vector<std::int32_t>{1, static_cast<std::int32_t>(in.h),
                                       static_cast<std::int32_t>(in.w),
                                       static_cast<std::int32_t>(in.c)}));
  EXPECT_EQ(quantization_of(input), network.input().quantization);
  const FileTensor& logits = file.tensor(outputs[0]);
  EXPECT_EQ(logits.text(tflite::tensor::name), "logits");
  EXPECT_EQ(logits.values<std::int32_t>(tflite::tensor::shape),
            (std::vector<std::int32_t>{1, static_cast<std::int32_t>(network.output().shape.c)}));
  EXPECT_EQ(quantization_of(logits), network.output().quantization);

  std::set<std::int32_t> known{inputs[0]};
  for (fb::uoffset_t i = 0; i < file.tensors().size(); ++i) {
    const FileTensor& tensor = *file.tensors().Get(i);
    const auto* data = file.data(tensor);
    if (data == nullptr) continue;
    known.insert(static_cast<std::int32_t>(i));
    const auto type = static_cast<TensorType>(tensor.value<std::int8_t>(tflite::tensor::type));
    EXPECT_EQ(data->size(), elements_of(tensor) * (type == TensorType::int8 ? 1 : 4));
    EXPECT_EQ(file.offset_of(data->data()) % 16, 0);
  }
  for (const auto* operation : file.operations()) {
    for (const std::int32_t tensor : file.inputs(*operation)) {
      EXPECT_TRUE(known.contains(tensor)) << "read before it is written";
    }
    EXPECT_TRUE(known.insert(file.output(*operation)).second) << "written twice";
  }
  EXPECT_TRUE(known.contains(outputs[0]));
}

TEST(Tflite, FilesHoldTogether) {
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    const graph::Graph graph =
        models::build_model({.name = name, .input = {1, 32, 32, 3}, .classes = 10, .width = 0.5});
    const compress::Int8Network network = random_network(graph, 3);
    expect_sound(file_of(network), network);
  }
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const compress::Int8Network network = random_network(random_graph(seed), seed);
    expect_sound(file_of(network), network);
  }
}

TEST(Tflite, NamesAreText) {
  const TfliteFile file(tflite_model(hostile_model(3)));
  ASSERT_TRUE(file.verified());
  EXPECT_TRUE(is_utf8(file.model().text(tflite::model::description)));
  for (fb::uoffset_t i = 0; i < file.tensors().size(); ++i) {
    const std::string name = file.tensors().Get(i)->text(tflite::tensor::name);
    EXPECT_EQ(name, one_line(name));
  }
}

TEST(Tflite, SaysWhatItIs) {
  const TfliteFile file = file_of(random_network(random_graph(1), 1));
  const std::string text = file.model().text(tflite::model::description);
  for (const char* part : {"network", "scale = 0.5", "shift = -0.25", "class 0, class 1"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  const auto* entries = file.model().vector<fb::Offset<FileMetadata>>(tflite::model::metadata);
  EXPECT_EQ(entries->Get(0)->text(tflite::metadata::name), "min_runtime_version");
}

TEST(Tflite, LayersKeepWeightsScalesAndBiases) {
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 6, 6, 3});
  x = graph.conv("conv", x, 5, nn::Window::same(6, 6, 3, 2, 2, 1), true);
  x = graph.depthwise("depthwise", x, nn::Window{3, 3}, true);
  graph.fully_connected("classifier", x, 4);
  const compress::Int8Network network = random_network(graph, 5);
  const TfliteFile file = file_of(network);
  ASSERT_EQ(codes_of(file),
            (std::vector{BuiltinOperator::conv_2d, BuiltinOperator::depthwise_conv_2d,
                         BuiltinOperator::conv_2d, BuiltinOperator::reshape}));
  const std::vector<std::int32_t> shapes[] = {{5, 3, 2, 3}, {1, 3, 3, 5}, {4, 1, 4, 5}};
  const std::int32_t dimensions[] = {0, 3, 0};
  const Padding paddings[] = {Padding::same, Padding::valid, Padding::valid};
  for (fb::uoffset_t i = 0; i < 3; ++i) {
    SCOPED_TRACE(i);
    const FileOperation& operation = *file.operations().Get(i);
    // Its slots of padding and strides are those of a depthwise convolution too.
    using namespace tflite::conv_2d_options;
    EXPECT_EQ(operation.options()->value<std::int8_t>(padding), static_cast<int>(paddings[i]));
    EXPECT_EQ(operation.options()->value<std::int32_t>(stride_h), i == 0 ? 2 : 1);
    EXPECT_EQ(operation.options()->value<std::int32_t>(stride_w), 1);

    const compress::Int8Layer& layer = std::visit(
        [](const auto& op) -> const compress::Int8Layer& {
          if constexpr (std::is_base_of_v<compress::Int8Layer, std::decay_t<decltype(op)>>)
            return op;
          throw UsageError("not a layer");
        },
        network.steps[i].operation);
    const FileTensor& weights = file.tensor(file.inputs(operation).at(1));
    EXPECT_EQ(weights.values<std::int32_t>(tflite::tensor::shape), shapes[i]);
    EXPECT_EQ(std::memcmp(file.data(weights)->data(), layer.weights.data(), layer.weights.size()),
              0);
    using namespace tflite::quantization_parameters;
    EXPECT_EQ(weights.parameters()->values<float>(scale), layer.weight_scales);
    EXPECT_EQ(weights.parameters()->value<std::int32_t>(quantized_dimension), dimensions[i]);

    const FileTensor& bias = file.tensor(file.inputs(operation).at(2));
    EXPECT_EQ(std::memcmp(file.data(bias)->data(), layer.bias.data(), 4 * layer.bias.size()), 0);
    const float input_scale = network.tensors[i].quantization.scale;
    const auto bias_scales = bias.parameters()->values<float>(scale);
    ASSERT_EQ(bias_scales.size(), layer.bias.size());
    for (std::size_t c = 0; c < bias_scales.size(); ++c) {
      EXPECT_EQ(bias_scales[c], input_scale * layer.weight_scales[c]);
    }
  }
}

TEST(Tflite, OtherPaddingIsAnOperatorOfItsOwn) {
  const nn::Window symmetric{3, 3, 2, 2, 1, 1, 1, 1};  // SAME pads 8 pixels at the bottom and right
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 8, 8, 3});
  x = graph.conv("conv", x, 4, symmetric, true);
  x = graph.max_pool("pool", x, {3, 3, 2, 2, 1, 1, 0, 0});
  graph.fully_connected("classifier", x, 2);
  const compress::Int8Network network = random_network(graph, 1);
  const TfliteFile file = file_of(network);
  EXPECT_EQ(codes_of(file), (std::vector{BuiltinOperator::pad, BuiltinOperator::conv_2d,
                                         BuiltinOperator::padv2, BuiltinOperator::max_pool_2d,
                                         BuiltinOperator::conv_2d, BuiltinOperator::reshape}));
  const FileOperation& pad = *file.operations().Get(0);
  const FileTensor& padded = file.tensor(file.output(pad));
  EXPECT_EQ(padded.values<std::int32_t>(tflite::tensor::shape),
            (std::vector<std::int32_t>{1, 10, 10, 3}));
  EXPECT_EQ(quantization_of(padded), network.input().quantization);
  const auto* least = file.data(file.tensor(file.inputs(*file.operations().Get(2)).at(2)));
  EXPECT_EQ(static_cast<std::int8_t>(least->Get(0)), -128);
}

TEST(Tflite, NamesTheStepItCannotExpress) {
  graph::Graph graph;
  const graph::NodeId x =
      graph.average_pool("blur", graph.input({1, 8, 8, 3}), {3, 3, 2, 2, 1, 1, 1, 1});
  graph.fully_connected("classifier", x, 2);
  try {
    file_of(random_network(graph, 1));
    FAIL() << "nothing was said";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("step blur"), std::string::npos) << error.what();
  }
}

TEST(Tflite, BoundsAreActivationsOrOperators) {
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 4, 4, 3});
  x = graph.conv("conv", x, 4, {}, true);
  x = graph.activation("relu6", x, nn::Activation::relu6);
  graph.fully_connected("classifier", x, 2);
  const graph::ParameterLayout layout(graph);
  compress::Int8Network network =
      compress::quantize(graph::Network{graph, graph::initial_parameters(graph, layout, 1)},
                         {{-1, 1}, {-9, 9}, {-2, 8}, {-1, 1}});
  const auto activation = [](const TfliteFile& file) {
    return static_cast<FusedActivation>(file.operations().Get(0)->options()->value<std::int8_t>(
        tflite::conv_2d_options::fused_activation_function));
  };
  EXPECT_EQ(activation(file_of(network)), FusedActivation::relu6);
  auto& conv = std::get<compress::Int8Conv>(network.steps[0].operation);
  conv.parameters.range =
      int8::activation_range(nn::Activation::relu, network.tensors[1].quantization);
  EXPECT_EQ(activation(file_of(network)), FusedActivation::relu);
  conv.parameters.range = {};
  EXPECT_EQ(activation(file_of(network)), FusedActivation::none);
  conv.parameters.range = {-100, 50};
  const TfliteFile file = file_of(network);
  EXPECT_EQ(activation(file), FusedActivation::none);
  expect_sound(file, network);
  ASSERT_EQ(file.code(*file.operations().Get(1)), BuiltinOperator::maximum);
  ASSERT_EQ(file.code(*file.operations().Get(2)), BuiltinOperator::minimum);
  for (const fb::uoffset_t i : {1u, 2u}) {
    const auto* bound = file.data(file.tensor(file.inputs(*file.operations().Get(i)).at(1)));
    EXPECT_EQ(static_cast<std::int8_t>(bound->Get(0)), i == 1 ? -100 : 50);
  }
}

TEST(Tflite, FunctionsAreTheOperatorsTheirTablesWereMadeWith) {
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 4, 4, 3});
  for (const nn::Activation activation : {nn::Activation::hard_swish, nn::Activation::relu,
                                          nn::Activation::relu6, nn::Activation::hard_sigmoid}) {
    x = graph.activation(name_of(activation), x, activation);
  }
  graph.fully_connected("classifier", x, 2);
  const TfliteFile file = file_of(random_network(graph, 1));
  EXPECT_EQ(codes_of(file),
            (std::vector{BuiltinOperator::hard_swish, BuiltinOperator::relu, BuiltinOperator::relu6,
                         BuiltinOperator::add, BuiltinOperator::mul, BuiltinOperator::conv_2d,
                         BuiltinOperator::reshape}));
  const FileOperation& add = *file.operations().Get(3);
  EXPECT_EQ(add.options()->value<std::int8_t>(tflite::add_options::fused_activation_function),
            static_cast<int>(FusedActivation::relu6));
  const FileTensor& three = file.tensor(file.inputs(add).at(1));
  EXPECT_FLOAT_EQ(quantization_of(three).scale *
                      static_cast<float>(static_cast<std::int8_t>(file.data(three)->Get(0)) -
                                         quantization_of(three).zero_point),
                  3.0f);
}

}  // namespace
}  // namespace paretiny::deploy

// ONNX files read back: every name is defined before it is used, and weights, scales and windows
// are the network's. How near runtimes come is tests/peers/check_formats.py's to show.
#include "engine/deploy/formats/onnx.h"

#include <gtest/gtest.h>

#include <set>

#include "base/one_line.h"
#include "engine/deploy/formats/onnx_schema.h"
#include "tests/engine/deploy/hostile_names.h"
#include "tests/engine/deploy/proto_reader.h"

namespace paretiny::deploy {
namespace {

using namespace test;
using namespace onnx;

struct OnnxFile {
  explicit OnnxFile(const compress::Int8Network& network)
      : OnnxFile(deployed(network, "network")) {}
  explicit OnnxFile(const DeployedModel& deployed)
      : model(onnx_model(deployed)),
        graph(model.message(onnx::model_proto::graph)),
        nodes(graph.messages(onnx::graph_proto::node)) {
    for (const ProtoMessage& tensor : graph.messages(onnx::graph_proto::initializer)) {
      constants.emplace(tensor.text(onnx::tensor_proto::name), tensor);
    }
  }

  std::vector<const ProtoMessage*> of_type(const std::string& type) const {
    std::vector<const ProtoMessage*> found;
    for (const ProtoMessage& node : nodes) {
      if (node.text(onnx::node_proto::op_type) == type) found.push_back(&node);
    }
    return found;
  }
  const ProtoMessage& maker_of(const std::string& name) const {
    for (const ProtoMessage& node : nodes) {
      if (node.text(onnx::node_proto::output) == name) return node;
    }
    throw std::runtime_error("nothing makes " + name);
  }

  ProtoMessage model;
  ProtoMessage graph;
  std::vector<ProtoMessage> nodes;
  std::map<std::string, ProtoMessage> constants;
};

template <class T>
std::vector<T> values_of(const ProtoMessage& constant) {
  const std::string bytes = constant.text(onnx::tensor_proto::raw_data);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

ProtoMessage attribute(const ProtoMessage& node, const std::string& name) {
  for (const ProtoMessage& one : node.messages(onnx::node_proto::attribute)) {
    if (one.text(onnx::attribute_proto::name) == name) return one;
  }
  throw std::runtime_error("no attribute " + name);
}

/// Extents after the batch.
std::vector<std::int64_t> extents_of(const ProtoMessage& value) {
  const ProtoMessage tensor =
      value.message(onnx::value_info_proto::type).message(onnx::type_proto::tensor_type);
  EXPECT_EQ(tensor.number(onnx::type_proto_tensor::elem_type), static_cast<int>(DataType::real));
  std::vector<std::int64_t> extents;
  for (const ProtoMessage& dim :
       tensor.message(onnx::type_proto_tensor::shape).messages(onnx::tensor_shape_proto::dim)) {
    if (dim.texts(onnx::dimension::dim_param).empty()) {
      extents.push_back(dim.number(onnx::dimension::dim_value));
    }
  }
  return extents;
}

void expect_sound(const OnnxFile& file, const compress::Int8Network& network) {
  EXPECT_EQ(file.model.number(onnx::model_proto::ir_version), kIrVersion);
  EXPECT_EQ(file.model.message(onnx::model_proto::opset_import)
                .number(onnx::operator_set_id_proto::version),
            kOpset);
  const ProtoMessage input = file.graph.message(onnx::graph_proto::input);
  const ProtoMessage output = file.graph.message(onnx::graph_proto::output);
  const Shape& in = network.input().shape;
  EXPECT_EQ(extents_of(input), (std::vector<std::int64_t>{in.h, in.w, in.c}));
  EXPECT_EQ(extents_of(output), (std::vector<std::int64_t>{network.output().shape.c}));

  std::set<std::string> known{input.text(onnx::value_info_proto::name)};
  for (const auto& [name, constant] : file.constants) {
    EXPECT_TRUE(known.insert(name).second) << name << " is there twice";
    std::int64_t elements = 1;
    for (const std::int64_t extent : constant.numbers(onnx::tensor_proto::dims)) elements *= extent;
    const auto type = static_cast<DataType>(constant.number(onnx::tensor_proto::data_type));
    const std::int64_t width = type == DataType::int8 ? 1 : type == DataType::int64 ? 8 : 4;
    EXPECT_EQ(constant.text(onnx::tensor_proto::raw_data).size(), elements * width) << name;
  }
  EXPECT_EQ(file.constants.size(), file.graph.messages(onnx::graph_proto::initializer).size());
  for (const ProtoMessage& node : file.nodes) {
    for (const std::string& name : node.texts(onnx::node_proto::input)) {
      EXPECT_TRUE(known.contains(name)) << name << " is read before it is made";
    }
    const std::string made = node.text(onnx::node_proto::output);
    EXPECT_TRUE(known.insert(made).second) << made << " is made twice";
  }
  EXPECT_TRUE(known.contains(output.text(onnx::value_info_proto::name)));
}

TEST(Onnx, NamesAreTextAndTellTensorsApart) {
  DeployedModel model = hostile_model(3);
  for (int i = 0; i < 3; ++i) {
    const OnnxFile file(model);
    expect_sound(file, model.network);
    EXPECT_TRUE(is_utf8(file.model.text(onnx::model_proto::doc_string)));
    EXPECT_TRUE(is_utf8(file.graph.text(onnx::graph_proto::name)));
    for (const ProtoMessage& node : file.nodes) {
      for (const std::string& name : node.texts(onnx::node_proto::output)) {
        EXPECT_TRUE(is_utf8(name)) << name;
        EXPECT_EQ(name, one_line(name));
        EXPECT_FALSE(name.empty());
      }
    }
    // All of one name, then of names that are others' with a suffix.
    for (std::size_t t = 0; t < model.network.tensors.size(); ++t) {
      model.network.tensors[t].name = i == 0 ? "same" : t % 2 == 0 ? "a" : "a:int8";
    }
  }
}

TEST(Onnx, FilesHoldTogether) {
  for (const char* name : {"resnet8", "ds_cnn", "mobilenet_v3"}) {
    const graph::Graph graph =
        models::build_model({.name = name, .input = {1, 32, 32, 3}, .classes = 10, .width = 0.5});
    const compress::Int8Network network = random_network(graph, 3);
    expect_sound(OnnxFile(network), network);
  }
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const compress::Int8Network network = random_network(random_graph(seed), seed);
    expect_sound(OnnxFile(network), network);
  }
}

TEST(Onnx, SaysWhatItIs) {
  const OnnxFile file(random_network(random_graph(1), 1));
  const std::string text = file.model.text(onnx::model_proto::doc_string);
  for (const char* part : {"network", "scale = 0.5", "shift = -0.25", "class 0, class 1"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

/// Weights and bias of a layer's node as they are stored.
struct Stored {
  Stored(const OnnxFile& file, const ProtoMessage& node)
      : weights_node(file.maker_of(node.texts(onnx::node_proto::input).at(1))),
        weights(file.constants.at(weights_node.texts(onnx::node_proto::input).at(0))),
        weight_scales(
            values_of<float>(file.constants.at(weights_node.texts(onnx::node_proto::input).at(1)))),
        bias_node(file.maker_of(node.texts(onnx::node_proto::input).at(2))),
        bias(values_of<std::int32_t>(
            file.constants.at(bias_node.texts(onnx::node_proto::input).at(0)))) {}

  ProtoMessage weights_node, weights;
  std::vector<float> weight_scales;
  ProtoMessage bias_node;
  std::vector<std::int32_t> bias;
};

TEST(Onnx, LayersHaveChannelsFirst) {
  const nn::Window window{3, 2, 2, 1, 1, 0, 0, 1};
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 6, 7, 3});
  x = graph.conv("conv", x, 5, window, true);
  x = graph.depthwise("depthwise", x, {2, 3}, true);
  graph.fully_connected("classifier", x, 4);
  const compress::Int8Network network = random_network(graph, 5);
  const OnnxFile file(network);

  const auto convolutions = file.of_type("Conv");
  ASSERT_EQ(convolutions.size(), 2u);
  EXPECT_EQ(attribute(*convolutions[0], "pads").numbers(onnx::attribute_proto::ints),
            (std::vector<std::int64_t>{1, 0, 0, 1}));
  EXPECT_EQ(attribute(*convolutions[0], "strides").numbers(onnx::attribute_proto::ints),
            (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(attribute(*convolutions[1], "group").number(onnx::attribute_proto::i), 5);

  const auto& conv = std::get<compress::Int8Conv>(network.steps[0].operation);
  const Stored c(file, *convolutions[0]);
  EXPECT_EQ(c.weights.numbers(onnx::tensor_proto::dims), (std::vector<std::int64_t>{5, 3, 3, 2}));
  EXPECT_EQ(c.weight_scales, conv.weight_scales);
  EXPECT_EQ(c.bias, conv.bias);
  const auto conv_weights = values_of<std::int8_t>(c.weights);
  for (std::size_t o = 0; o < 5; ++o) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t p = 0; p < 6; ++p) {
        EXPECT_EQ(conv_weights[(o * 3 + i) * 6 + p], conv.weights[(o * 6 + p) * 3 + i]);
      }
    }
  }
  const auto& depthwise = std::get<compress::Int8Depthwise>(network.steps[1].operation);
  const Stored d(file, *convolutions[1]);
  EXPECT_EQ(d.weights.numbers(onnx::tensor_proto::dims), (std::vector<std::int64_t>{5, 1, 2, 3}));
  const auto depthwise_weights = values_of<std::int8_t>(d.weights);
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t p = 0; p < 6; ++p) {
      EXPECT_EQ(depthwise_weights[i * 6 + p], depthwise.weights[p * 5 + i]);
    }
  }
  const auto& classifier = std::get<compress::Int8FullyConnected>(network.steps[2].operation);
  const Shape& image = network.tensors[2].shape;
  const auto pixels = static_cast<std::size_t>(image.h * image.w);
  const Stored f(file, *file.of_type("Gemm").at(0));
  EXPECT_EQ(f.weights.numbers(onnx::tensor_proto::dims),
            (std::vector<std::int64_t>{4, image.elements()}));
  EXPECT_EQ(f.bias, classifier.bias);
  const auto dense = values_of<std::int8_t>(f.weights);
  for (std::size_t o = 0; o < 4; ++o) {
    for (std::size_t i = 0; i < 5; ++i) {
      for (std::size_t p = 0; p < pixels; ++p) {
        EXPECT_EQ(dense[(o * 5 + i) * pixels + p], classifier.weights[(o * pixels + p) * 5 + i]);
      }
    }
  }
}

TEST(Onnx, EveryTensorIsQuantized) {
  const compress::Int8Network network = random_network(random_graph(3), 3);
  const OnnxFile file(network);
  for (const compress::Int8Tensor& tensor : network.tensors) {
    const bool input = &tensor == &network.input();
    const ProtoMessage& node = file.maker_of(tensor.name + (input ? ":image" : ""));
    ASSERT_EQ(node.text(onnx::node_proto::op_type), "DequantizeLinear") << tensor.name;
    const auto inputs = node.texts(onnx::node_proto::input);
    EXPECT_EQ(file.maker_of(inputs.at(0)).text(onnx::node_proto::op_type), "QuantizeLinear");
    EXPECT_EQ(values_of<float>(file.constants.at(inputs.at(1))).at(0), tensor.quantization.scale);
    EXPECT_EQ(values_of<std::int8_t>(file.constants.at(inputs.at(2))).at(0),
              tensor.quantization.zero_point);
  }
}

TEST(Onnx, BoundsAndFunctions) {
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 4, 4, 3});
  x = graph.conv("conv", x, 4, {}, true);
  x = graph.activation("relu", x, nn::Activation::relu);
  x = graph.average_pool("pool", x, {2, 2, 1, 1});
  x = graph.activation("sigmoid", x, nn::Activation::hard_sigmoid);
  x = graph.activation("swish", x, nn::Activation::hard_swish);
  graph.fully_connected("classifier", x, 2);
  compress::Int8Network network = random_network(graph, 1);
  auto& conv = std::get<compress::Int8Conv>(network.steps[0].operation);
  const int8::Quantization q{0.5f, -28};
  network.tensors[1].quantization = q;
  conv.parameters.range = int8::activation_range(nn::Activation::relu, q);
  EXPECT_EQ(OnnxFile(network).of_type("Relu").size(), 1u);
  conv.parameters.range = {-30, 20};
  const OnnxFile file(network);
  EXPECT_TRUE(file.of_type("Relu").empty());
  const auto bounds = file.of_type("Clip").at(0)->texts(onnx::node_proto::input);
  EXPECT_EQ(values_of<float>(file.constants.at(bounds.at(1))).at(0), -1.0f);
  EXPECT_EQ(values_of<float>(file.constants.at(bounds.at(2))).at(0), 24.0f);
  EXPECT_EQ(attribute(*file.of_type("AveragePool").at(0), "count_include_pad")
                .number(onnx::attribute_proto::i),
            0);
  const ProtoMessage& sigmoid = *file.of_type("HardSigmoid").at(0);
  EXPECT_FLOAT_EQ(attribute(sigmoid, "alpha").real(onnx::attribute_proto::f), 1.0f / 6);
  EXPECT_FLOAT_EQ(attribute(sigmoid, "beta").real(onnx::attribute_proto::f), 0.5f);
  EXPECT_EQ(file.of_type("HardSwish").size(), 1u);
}

}  // namespace
}  // namespace paretiny::deploy

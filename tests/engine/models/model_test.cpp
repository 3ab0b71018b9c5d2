#include "engine/models/model.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/graph/parameters.h"

namespace paretiny::models {
namespace {

ModelSpec spec(const std::string& name, const Shape& input, std::int64_t classes) {
  return {.name = name, .input = input, .classes = classes};
}

TEST(Models, ResNet8IsMlPerfTinys) {
  const graph::Graph graph = build_model(spec("resnet8", {1, 32, 32, 3}, 10));
  EXPECT_EQ(graph::folded_parameter_count(graph), 77706);
  EXPECT_EQ(graph::macs(graph), 12501632);
}

TEST(Models, DsCnnIsMlPerfTinys) {
  const graph::Graph graph = build_model(spec("ds_cnn", {1, 49, 10, 1}, 12));
  EXPECT_EQ(graph::folded_parameter_count(graph), 22604);
  EXPECT_EQ(graph::macs(graph), 2656768);
}

TEST(Models, ResNet18ScaledHasThePapersSize) {
  const graph::Graph graph = build_model(spec("resnet18", {1, 32, 32, 3}, 10));
  EXPECT_NEAR(static_cast<double>(graph::folded_parameter_count(graph)), 1.56e6, 0.02e6);
  EXPECT_NEAR(static_cast<double>(graph::macs(graph)), 0.23e9, 0.02e9);
}

TEST(Models, MobileNetV3OnATimeSeriesHasThePapersSize) {
  const graph::Graph graph = build_model(spec("mobilenet_v3", {1, 1, 1024, 24}, 13));
  EXPECT_NEAR(static_cast<double>(graph::folded_parameter_count(graph)), 2.3e6, 0.03e6);
}

TEST(Models, ReadBackFromJson) {
  for (const std::string& name : model_names()) {
    const graph::Graph graph = build_model(spec(name, {1, 32, 32, 3}, 10));
    EXPECT_EQ(graph::graph_from_json(nlohmann::json::parse(to_json(graph).dump())), graph) << name;
  }
}

TEST(Models, WidthScalesEveryLayer) {
  for (const std::string& name : model_names()) {
    ModelSpec half = spec(name, {1, 32, 32, 3}, 10);
    half.width = 0.5;
    const double ratio =
        static_cast<double>(graph::macs(build_model(half))) /
        static_cast<double>(graph::macs(build_model(spec(name, {1, 32, 32, 3}, 10))));
    EXPECT_GT(ratio, 0.2) << name;
    EXPECT_LT(ratio, 0.5) << name;
  }
}

TEST(Models, NamesTheNearestOfAWrongName) {
  try {
    build_model(spec("resnet19", {1, 32, 32, 3}, 10));
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'resnet18'"), std::string::npos);
  }
  ModelSpec wrong = spec("resnet18", {1, 32, 32, 3}, 10);
  wrong.options["block"] = 2;
  EXPECT_THROW(build_model(wrong), UsageError);
  wrong.options = {{"blocks", 1.5}};
  EXPECT_THROW(build_model(wrong), UsageError);
  wrong.options = {{"blocks", 99}};
  EXPECT_THROW(build_model(wrong), UsageError);
}

TEST(Graph, RefusesShapesThatCannotBe) {
  graph::Graph graph;
  const graph::NodeId x = graph.input({1, 8, 8, 4});
  EXPECT_THROW(graph.add("sum", x, graph.conv("a", x, 5, nn::Window{})), UsageError);
  EXPECT_THROW(graph.conv("big", x, 4, nn::Window{.kernel_h = 9, .kernel_w = 1}), UsageError);
  EXPECT_THROW(graph.conv("a", x, 5, nn::Window{}), UsageError);
  EXPECT_THROW(graph.activation("b", 99, nn::Activation::relu), UsageError);
}

TEST(Graph, ReadingDamagedJsonIsADataError) {
  nlohmann::json form = to_json(build_model(spec("ds_cnn", {1, 49, 10, 1}, 12)));
  for (const char* field : {"op", "inputs", "name"}) {
    nlohmann::json damaged = form;
    damaged["nodes"][3].erase(field);
    EXPECT_THROW(graph::graph_from_json(damaged), DataError) << field;
  }
  form["nodes"][2]["inputs"] = {77};
  EXPECT_THROW(graph::graph_from_json(form), DataError);
}

}  // namespace
}  // namespace paretiny::models

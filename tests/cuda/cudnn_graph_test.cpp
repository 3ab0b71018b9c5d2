// Which engines cuDNN's heuristics give our convolutions on an H100, asked without one: cuDNN takes
// a device's properties in words.
#include "kernels/nn/cuda/conv/cudnn_graph.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "engine/models/model.h"
#include "kernels/core/random.h"

namespace paretiny::cuda {
namespace {

constexpr const char* kH100 =
    R"({"deviceVer":900,"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],)"
    R"("multiProcessorCount":132,"driverVer":13000,"totalGlobalMem":85017493504,"cudaDeviceId":0,)"
    R"("maxSharedMemoryPerBlockOptin":232448,"regsPerBlock":65536,"warpSize":32,)"
    R"("maxSharedMemoryPerBlock":49152,"reservedSharedMemoryPerBlock":1024,)"
    R"("maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,)"
    R"("maxThreadsPerSM":2048,"pciDeviceId":9008,"isTccDriver":0,"supportCoopLaunch":1,)"
    R"("smClockRateKHz":1980000,"memClockRateKHz":2619000,"l2CacheSize":52428800,)"
    R"("deviceName":"NVIDIA H100 80GB HBM3"})";
constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;

class CudnnGraphTest : public testing::Test {
 protected:
  void SetUp() override {
    device_.properties = Descriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    const auto length = static_cast<std::int64_t>(std::strlen(kH100));
    if (!device_.properties.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, length,
                                kH100) ||
        !device_.properties.finish()) {
      GTEST_SKIP() << "this cuDNN takes no device in words";
    }
  }

  ConvPlan plan(const nn::ConvShape& shape, DType dtype, ConvPass pass,
                std::size_t most = kMostWorkspace) const {
    return plan_convolution(device_, shape, dtype, pass, most);
  }

  CudnnDevice device_;
};

constexpr ConvPass kPasses[] = {ConvPass::forward, ConvPass::backward_data,
                                ConvPass::backward_weights};

/// The dense convolutions of a network, but for pointwise ones, which are our own.
std::map<std::string, nn::ConvShape> convolutions(const graph::Graph& graph, std::int64_t batch) {
  std::map<std::string, nn::ConvShape> shapes;
  for (graph::NodeId id = 0; id < graph.size(); ++id) {
    const graph::Node& node = graph.node(id);
    const nn::Window& w = node.window;
    if (node.op != graph::OpKind::conv) continue;
    if (w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1) continue;
    Shape in = graph.input_of(id);
    in.n = batch;
    shapes[node.name] = {in, node.output.c, w};
  }
  return shapes;
}

graph::Graph network(const std::string& name) {
  const Shape input = name == "ds_cnn" ? Shape{1, 49, 10, 1} : Shape{1, 32, 32, 3};
  return models::build_model({.name = name, .input = input, .classes = 10});
}

/// What pruning may leave: from one channel to all of them, a convolution. (Shortcuts are cut as
/// their branches are.)
nn::ConvShape pruned(nn::ConvShape shape, Random& random) {
  shape.input.c = std::max<std::int64_t>(
      1, shape.input.c -
             static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(shape.input.c))));
  shape.out_channels -=
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(shape.out_channels)));
  return shape;
}

TEST_F(CudnnGraphTest, EveryLayerOfEveryModelHasAnEngine) {
  for (const std::string& name : models::model_names()) {
    for (const auto& [layer, shape] : convolutions(network(name), 128)) {
      for (const ConvPass pass : kPasses) {
        for (const DType dtype : {DType::bf16, DType::f32}) {
          const ConvPlan found = plan(shape, dtype, pass);
          SCOPED_TRACE(fmt::format("{} {} pass {} {}", name, layer, int(pass), name_of(dtype)));
          ASSERT_TRUE(found);
          EXPECT_EQ(found.tensor_cores, dtype == DType::bf16);
          EXPECT_LE(found.workspace, kMostWorkspace);
        }
      }
    }
  }
}

TEST_F(CudnnGraphTest, PrunedLayersHaveEnginesAndTheSameEveryTime) {
  Random random(5, "pruned widths");
  int asked = 0, without = 0;
  for (const std::string name : {"resnet18", "resnet8"}) {
    for (const auto& [layer, whole] : convolutions(network(name), 512)) {
      const nn::ConvShape shape = pruned(whole, random);
      for (const ConvPass pass : kPasses) {
        const ConvPlan found = plan(shape, DType::bf16, pass),
                       again = plan(shape, DType::bf16, pass);
        SCOPED_TRACE(fmt::format("{} {} of {} -> {} channels, pass {}", name, layer, shape.input.c,
                                 shape.out_channels, int(pass)));
        EXPECT_EQ(found.engine, again.engine);
        EXPECT_EQ(found.workspace, again.workspace);
        EXPECT_EQ(found.tensor_cores, static_cast<bool>(found));
        ++asked;
        without += found ? 0 : 1;
      }
    }
  }
  EXPECT_LE(without, asked / 10) << "of " << asked << ": our own kernels have to take these";
}

/// "Same" padding of stride 2 pads the bottom and right alone.
TEST_F(CudnnGraphTest, PaddingMayBeUneven) {
  const nn::ConvShape shape{{128, 32, 32, 48}, 96, nn::Window::same(32, 32, 3, 3, 2, 2)};
  ASSERT_NE(shape.window.top, shape.window.bottom);
  for (const ConvPass pass : kPasses) EXPECT_TRUE(plan(shape, DType::bf16, pass));
}

TEST_F(CudnnGraphTest, AWorkspaceAboveTheLimitIsNotTaken) {
  const nn::ConvShape shape{{512, 16, 16, 37}, 41, nn::Window::same(16, 16, 3, 3, 1, 1)};
  const ConvPlan ample = plan(shape, DType::bf16, ConvPass::forward);
  ASSERT_TRUE(ample);
  ASSERT_GT(ample.workspace, 0u);
  const ConvPlan less = plan(shape, DType::bf16, ConvPass::forward, ample.workspace - 1);
  EXPECT_LT(less.workspace, ample.workspace);
}

/// Why networks are padded (kernels/core/cuda/variants.cu): cuDNN would copy what fills no packs.
TEST_F(CudnnGraphTest, WholePacksOfChannelsNeedLessWorkspace) {
  const auto layer = [](std::int64_t in, std::int64_t out) {
    return nn::ConvShape{{512, 16, 16, in}, out, nn::Window::same(16, 16, 3, 3, 1, 1)};
  };
  for (const ConvPass pass : kPasses) {
    const nn::ConvShape whole = layer(40, 48);
    const ConvPlan packed = plan(layer(37, 41), DType::bf16, pass);
    const ConvPlan padded = plan(whole, DType::bf16, pass);
    ASSERT_TRUE(packed);
    ASSERT_TRUE(padded);
    const std::int64_t elements = whole.input.elements() + whole.output().elements();
    const auto copies = static_cast<std::size_t>(elements) * size_of(DType::bf16);
    EXPECT_GE(packed.workspace, copies);
    EXPECT_LT(padded.workspace, copies / 4);
  }
}

TEST_F(CudnnGraphTest, WhatCudnnRefusesHasNoPlan) {
  EXPECT_FALSE(plan({{0, 8, 8, 4}, 4, {}}, DType::f32, ConvPass::forward));
  EXPECT_FALSE(plan({{1, 8, 8, -4}, 4, {}}, DType::f32, ConvPass::forward));
}

}  // namespace
}  // namespace paretiny::cuda

// What networks take on a microcontroller: planned, linked, and run in the emulator. Weights are
// random: neither sizes nor instructions depend on them. Needs arm-none-eabi-gcc and QEMU.
#include <benchmark/benchmark.h>

#include <numeric>

#include "base/error.h"
#include "engine/compress/fold_batch_norm.h"
#include "engine/compress/quantize.h"
#include "engine/deploy/export/export.h"
#include "engine/deploy/plan/memory_problem.h"
#include "engine/models/model.h"
#include "kernels/core/random.h"

namespace paretiny {
namespace {

compress::Int8Network random_weights(const graph::Graph& graph) {
  const graph::ParameterLayout layout(graph);
  const graph::Network folded =
      compress::fold_batch_norm({graph, graph::initial_parameters(graph, layout, 1)});
  const std::vector<compress::ValueRange> ranges(static_cast<std::size_t>(folded.graph.size()),
                                                 {-2, 3});
  return compress::quantize(folded, ranges);
}

/// MobileNetV1 with a quarter of its channels, 96x96: MLPerf Tiny's visual wake words.
graph::Graph mobilenet_v1_quarter() {
  graph::Graph graph;
  graph::NodeId x = graph.input({1, 96, 96, 3});
  const auto layer = [&](const std::string& name, bool depthwise, std::int64_t channels,
                         std::int64_t kernel, std::int64_t stride) {
    const Shape in = graph.node(x).output;
    const nn::Window window = nn::Window::same(in.h, in.w, kernel, kernel, stride, stride);
    x = depthwise ? graph.depthwise(name, x, window) : graph.conv(name, x, channels, window);
    x = graph.activation(name + "/relu", graph.batch_norm(name + "/norm", x),
                         nn::Activation::relu6);
  };
  layer("stem", false, 8, 3, 2);
  const std::int64_t channels[] = {16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256};
  const std::int64_t strides[] = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1};
  for (int i = 0; i < 13; ++i) {
    const std::string block = "block" + std::to_string(i + 1);
    layer(block + "/depthwise", true, 0, 3, strides[i]);
    layer(block + "/pointwise", false, channels[i], 1, 1);
  }
  graph.fully_connected("logits", graph.global_average_pool("pool", x), 2);
  return graph;
}

graph::Graph model(const std::string& name, const Shape& input, std::int64_t classes,
                   double width = 1) {
  return models::build_model({.name = name, .input = input, .classes = classes, .width = width});
}

void deploy(benchmark::State& state, const graph::Graph& graph, const char* core) {
  const deploy::DeployedModel model{"bench", random_weights(graph), {}, {}, {}};
  const deploy::ActivationPlan plan = deploy::plan_activations(deploy::memory_problem(graph));
  deploy::Verification result;
  try {
    for (auto _ : state) result = deploy::verify(model, *deploy::find_core(core), 3);
  } catch (const ToolError& error) {
    state.SkipWithError(error.what());  // the emulated M55 has 512 KiB of flash
    return;
  }
  const std::vector<std::int64_t>& steps = result.run.instructions;
  const auto count = [](std::int64_t value) { return static_cast<double>(value); };
  state.counters["macs"] = count(result.planned.macs);
  state.counters["rom_planned"] = count(result.planned.rom());
  state.counters["rom_linked"] = count(result.linked.rom());
  state.counters["code_linked"] = count(result.linked.code);
  state.counters["arena"] = count(result.linked.statics);
  state.counters["liveness"] = count(static_cast<std::int64_t>(plan.liveness));
  state.counters["stack"] = count(result.run.stack);
  state.counters["differing"] = count(result.run.differing);
  state.counters["instructions"] =
      count(std::accumulate(steps.begin(), steps.end(), std::int64_t{0}));
  state.counters["model"] = count(result.planned.instructions);
}

// The arguments make a benchmark's name.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define ON(name, graph, core) \
  BENCHMARK_CAPTURE(deploy, name / core, graph, #core)->Unit(benchmark::kSecond)->Iterations(1)
// NOLINTEND(bugprone-macro-parentheses)
#define DEPLOY(name, graph) \
  ON(name, graph, m4);      \
  ON(name, graph, m7);      \
  ON(name, graph, m33);     \
  ON(name, graph, m55);     \
  ON(name, graph, m3);      \
  ON(name, graph, m0plus)

DEPLOY(resnet8, model("resnet8", {1, 32, 32, 3}, 10));
DEPLOY(ds_cnn, model("ds_cnn", {1, 49, 10, 1}, 12));
DEPLOY(mobilenet_v1_quarter, mobilenet_v1_quarter());
DEPLOY(mobilenet_v3_series, model("mobilenet_v3", {1, 1, 128, 6}, 6, 0.5));
DEPLOY(resnet18, model("resnet18", {1, 32, 32, 3}, 10, 0.5));

}  // namespace
}  // namespace paretiny

BENCHMARK_MAIN();

// Fits the constants of engine/deploy/plan/instruction_costs.cpp: networks of random layers are
// built and run in the emulator, and by operator least squares find what each term of a step costs
// on the core that stands for its class. Prints the table as it stands there, and how far off it is
// for that core and the others of the class. Needs arm-none-eabi-gcc and QEMU.
#include <fmt/core.h>

#include <Eigen/Dense>
#include <map>

#include "engine/compress/fold_batch_norm.h"
#include "engine/compress/quantize.h"
#include "engine/deploy/export/export.h"
#include "engine/deploy/plan/instructions.h"
#include "engine/deploy/plan/memory_problem.h"
#include "kernels/core/random.h"

namespace paretiny {
namespace {

constexpr int kNetworks = 24;
constexpr int kLayers = 40;

/// Layers in a chain; those with a window may leave the input smaller, and then it starts again.
graph::Graph random_layers(std::uint64_t seed) {
  Random random(seed, "layers");
  const auto draw = [&](int low, int high) {
    return low +
           static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  graph::Graph graph;
  const bool series = seed % 3 == 0;
  const graph::NodeId input =
      graph.input({1, series ? 1 : draw(8, 20), series ? draw(60, 200) : draw(8, 20), draw(1, 24)});
  graph::NodeId x = input;
  for (int layer = 0; layer < kLayers; ++layer) {
    const Shape in = graph.node(x).output;
    if (in.h * in.w < 12) {
      x = input;
      continue;
    }
    const std::int64_t height = series ? 1 : draw(1, 5);
    const std::int64_t stride = draw(0, 4) == 0 ? 2 : 1;
    const nn::Window window =
        nn::Window::same(in.h, in.w, height, draw(1, 5), series ? 1 : stride, stride);
    const std::string name = fmt::format("layer{}", layer);
    switch (draw(0, 9)) {
      case 0:
      case 1:
        x = graph.conv(name, x, draw(1, 40), window, true);
        break;
      case 2:
        x = graph.conv(name, x, draw(1, 48), nn::Window{}, true);
        break;
      case 3:
      case 4:
        x = graph.depthwise(name, x, window, true);
        break;
      case 5:
        x = graph.add(name, x, graph.conv(name + "/other", x, in.c, nn::Window{}, true));
        break;
      case 6: {
        const graph::NodeId gate = graph.global_average_pool(name + "/mean", x);
        x = graph.channel_scale(name, x,
                                graph.conv(name + "/gate", gate, in.c, nn::Window{}, true));
        break;
      }
      case 7:
        x = graph.activation(name, x, nn::Activation::hard_swish);
        break;
      case 8:
        x = draw(0, 1) == 0 ? graph.max_pool(name, x, window) : graph.average_pool(name, x, window);
        break;
      default:
        graph.fully_connected(name, x, draw(1, 30));
        break;
    }
  }
  graph.fully_connected("logits", x, draw(2, 20));
  return graph;
}

struct Measured {
  std::vector<std::vector<double>> terms;
  std::vector<double> counts;
};
using Samples = std::map<graph::OpKind, Measured>;

void count(const graph::Graph& graph, const deploy::Core& core, Samples& samples) {
  const graph::ParameterLayout layout(graph);
  const graph::Network folded =
      compress::fold_batch_norm({graph, graph::initial_parameters(graph, layout, 1)});
  // Zero points, shifts and clamps differ, and with them the branches that are taken.
  Random random(1, "ranges");
  std::vector<compress::ValueRange> ranges;
  for (graph::NodeId id = 0; id < folded.graph.size(); ++id) {
    ranges.push_back(
        {static_cast<float>(random.uniform(-3, 0)), static_cast<float>(random.uniform(0.5, 3))});
  }
  const deploy::DeployedModel model{"layers", compress::quantize(folded, ranges), {}, {}, {}};
  const deploy::Verification result = deploy::verify(model, core, 2);
  const deploy::ActivationPlan plan =
      deploy::plan_activations(deploy::memory_problem(model.network));
  for (std::size_t i = 0; i < plan.order.size(); ++i) {
    const deploy::StepShape step = deploy::step_shape(
        model.network, model.network.steps[static_cast<std::size_t>(plan.order[i])]);
    Measured& of = samples[step.op];
    of.terms.push_back(deploy::instruction_terms(step, core.kind));
    of.counts.push_back(static_cast<double>(result.run.instructions[i]));
  }
}

/// Each step's terms over its count: times the constants they make 1.
Eigen::MatrixXd relative_terms(const Measured& samples) {
  const auto rows = static_cast<Eigen::Index>(samples.counts.size());
  const auto columns = static_cast<Eigen::Index>(samples.terms.front().size());
  Eigen::MatrixXd a(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    for (Eigen::Index j = 0; j < columns; ++j) {
      a(i, j) = samples.terms[row][static_cast<std::size_t>(j)] / samples.counts[row];
    }
  }
  return a;
}

/// Least squares of the relative error; no constant below 0, which would make small steps negative.
/// Terms that no sample has cost nothing, and so do those that would come out negative.
Eigen::VectorXd fit(const Measured& samples) {
  Eigen::MatrixXd a = relative_terms(samples);
  for (;;) {
    Eigen::VectorXd x = a.completeOrthogonalDecomposition().solve(Eigen::VectorXd::Ones(a.rows()));
    Eigen::Index least = 0;
    if (x.minCoeff(&least) > -1e-9) return x.cwiseMax(0);
    a.col(least).setZero();
  }
}

std::string listed(const Eigen::VectorXd& constants) {
  std::string text;
  for (const double each : constants)
    text += fmt::format("{}{:.2f}", text.empty() ? "" : ", ", each);
  return text;
}

void fit_all() {
  std::map<std::string, Samples> counted;
  for (const deploy::Core& core : deploy::cores()) {
    for (int i = 0; i < kNetworks; ++i) {
      count(random_layers(static_cast<std::uint64_t>(i)), core, counted[core.name]);
    }
  }
  const std::map<deploy::CoreClass, std::string> stands_for = {
      {deploy::CoreClass::dsp, "cortex-m4"},
      {deploy::CoreClass::v7m, "cortex-m3"},
      {deploy::CoreClass::v6m, "cortex-m0plus"}};
  std::map<deploy::CoreClass, std::map<graph::OpKind, Eigen::VectorXd>> fitted;
  for (const auto& [kind, core] : stands_for) {
    for (const auto& [op, samples] : counted[core]) fitted[kind][op] = fit(samples);
  }
  for (const auto& [op, dsp] : fitted[deploy::CoreClass::dsp]) {
    fmt::print("      {{OpKind::{}, {{{}}}, {{{}}}, {{{}}}}},\n", name_of(op), listed(dsp),
               listed(fitted[deploy::CoreClass::v7m][op]),
               listed(fitted[deploy::CoreClass::v6m][op]));
  }
  for (const deploy::Core& core : deploy::cores()) {
    for (const auto& [op, samples] : counted[core.name]) {
      const Eigen::VectorXd times = relative_terms(samples) * fitted[core.kind][op];
      const Eigen::ArrayXd off = (times.array() - 1).abs();
      fmt::print("| {} | {} | {} | {:.1f} % | {:.1f} % |\n", core.name, name_of(op), off.size(),
                 100 * off.mean(), 100 * off.maxCoeff());
    }
  }
}

}  // namespace
}  // namespace paretiny

int main() {
  paretiny::fit_all();
}
